package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/examples/bench"
)

// A manufacturer makes his bench, publishes a release and signs settings.
func Example() {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	b, err := bench.Open(ctx, dir, "127.0.0.1:8443")
	if err != nil {
		panic(err)
	}
	defer b.Close()
	r := bench.Release{Product: "gateway", Channel: "stable", Version: "1.1", Number: 11, Floor: 11, Component: "system"}
	fmt.Println(b.AddRelease(ctx, r, strings.NewReader("an image")))
	r.Number, r.Floor = 10, 10
	fmt.Println(b.AddRelease(ctx, r, strings.NewReader("an older image")))

	document, signature, err := b.SignBundle(ctx, config.Bundle{Sequence: 1, Device: "gateway-0001", Patch: json.RawMessage(`{"limit":12}`)})
	if err != nil {
		panic(err)
	}
	_, _, key, err := b.Anchors()
	if err != nil {
		panic(err)
	}
	verifier, err := openpgp.New(key, nil)
	if err != nil {
		panic(err)
	}
	_, err = verifier.Verify(ctx, document, signature)
	fmt.Println(err)
	// Output:
	// <nil>
	// publish: number or floor does not rise: number 10 after 11, floor 10 after 11
	// <nil>
}
