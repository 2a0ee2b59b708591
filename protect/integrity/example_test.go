package integrity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"fmt"
	"testing/fstest"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

func Example() {
	ctx := context.Background()

	// At the vendor's bench: the tree of the image, and the release key.
	image := fstest.MapFS{ // in life: os.OpenRoot(folder).FS()
		"bin/agent": {Data: []byte("the program"), Mode: 0o755},
		"etc/rules": {Data: []byte("its rules"), Mode: 0o644},
	}
	vendor := ed25519.NewKeyFromSeed(make([]byte, 32)) // in life: of a hardware module
	var manifest bytes.Buffer
	err := integrity.WriteManifest(ctx, &manifest, image, vendor, integrity.Release{
		Product: "gateway", Version: "1.4.2", Number: 7, Exclude: []string{"var", "integrity.manifest"},
	})
	if err != nil {
		panic(err)
	}

	// On the device: somebody was there.
	image["etc/rules"].Data = []byte("his rules")
	image["bin/more"] = &fstest.MapFile{}
	report, err := integrity.Check(ctx, image, manifest.Bytes(), integrity.Expect{
		Keys: []crypto.PublicKey{vendor.Public()}, Product: "gateway", MinNumber: 7,
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Whole())
	for _, f := range report.Findings {
		fmt.Println(f.Kind, f.Path)
	}
	policy := integrity.Policy{Response: integrity.FailSafe}
	fmt.Println(policy.Decide(report, integrity.Situation{Trial: true}))
	fmt.Println(policy.Decide(report, integrity.Situation{Trial: true, Busy: true}))
	fmt.Println(policy.Decide(report, integrity.Situation{}))
	// Output:
	// false
	// extra bin/more
	// changed etc/rules
	// roll-back
	// protect, then roll-back
	// protect
}
