package publish_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

func Example() {
	ctx := context.Background()
	path, _ := os.MkdirTemp("", "updates")
	defer os.RemoveAll(path)
	fsys, err := durable.OpenRaw(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fsys.Close()

	// The keys come from wherever the vendor keeps them, one place for each.
	repo, err := publish.Init(ctx, fsys, publish.Roles{
		Root: signers("root"), Targets: signers("targets"), Snapshot: signers("snapshot"), Timestamp: signers("timestamp"),
	}, &publish.Options{Now: func() time.Time { return start }})
	if err != nil {
		fmt.Println(err)
		return
	}
	release := update.Release{
		Product: "gateway", Channel: "stable", Version: "1.1", Number: 2,
		Components: []update.Component{{Name: "system", Version: "1.1"}},
	}
	done, err := repo.AddRelease(ctx, release, map[string]io.Reader{"system": strings.NewReader("an image")})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := done.Components[0]
	fmt.Println(c.Path, c.Length, c.Digest.String()[:8])

	_, err = repo.AddRelease(ctx, release, map[string]io.Reader{"system": strings.NewReader("another image")})
	fmt.Println(err)

	status, err := repo.Status(ctx)
	fmt.Println("timestamp", status.Timestamp, "until", status.Expires["timestamp"].Format(time.DateOnly), err)
	// Output:
	// images/gateway/stable/2/system 8 a5df3fde
	// publish: number or floor does not rise: number 2 after 2, floor 0 after 0
	// timestamp 2 until 2030-03-08 <nil>
}
