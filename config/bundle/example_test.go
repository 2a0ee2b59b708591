package bundle_test

import (
	"encoding/json"
	"fmt"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
)

// What the sender does with the receipt that came back for his document.
func ExampleVerifyReceipt() {
	b := config.Bundle{Sequence: 7, Device: "meter-7", Patch: json.RawMessage(`{"name":"kitchen"}`)}
	document, err := b.Encode()
	if err != nil {
		panic(err)
	}
	// Settings.ApplyBundle of the device does this.
	predicate, err := json.Marshal(config.BundleReceipt{Device: "meter-7", Sequence: 7, Result: config.BundleApplied, Revision: "3-9f"})
	if err != nil {
		panic(err)
	}
	envelope, err := bundle.NewReceipts(key).Sign(bundle.Digest(document), predicate)
	if err != nil {
		panic(err)
	}

	said, err := bundle.VerifyReceipt(envelope, key.Public())
	if err != nil {
		panic(err)
	}
	fmt.Println(said.Device == b.Device, said.Sequence == b.Sequence, said.Digest == bundle.Digest(document))
	// Output:
	// true true true
}
