package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// panics stands for a test in an example.
type panics struct{}

func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panics) FailNow()                          {}

// A sender signs settings for a device that he need not reach himself, and gets a
// receipt. Here he signs with a bare Ed25519 key; backends/openpgp verifies gpg.
func ExampleSettings_ApplyBundle() {
	ctx := context.Background()
	guard := newOwned(panics{}) // in service; the entity "operator" has a role
	store, _ := durable.OpenFS(powercut.New().FS(), nil)
	schema, _ := config.For[Probe](nil)
	settings, err := config.Open(ctx, store, schema, guard, &config.Options{Bundles: config.NewBundles(config.BundleOptions{
		Verifier: pens{operator}, Device: "meter-7",
		Signers: map[string]config.BundleSigner{operator.id(): {Entity: "operator", Scope: []string{"/interval"}}},
		Issuer:  guard.Issuer("openpgp"), Ownership: guard.Ownership, Receipts: bundle.NewReceipts(deviceID),
	})})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := config.Bundle{Sequence: 1, Device: "meter-7", Patch: json.RawMessage(`{"interval":"30s"}`)}
	document, _ := b.Encode()
	result, err := settings.ApplyBundle(ctx, document, operator.sign(document))
	fmt.Println(result.Changed, err)
	said, err := bundle.VerifyReceipt(result.Receipt, deviceID.Public())
	fmt.Println(said.Device, said.Result, said.Sequence, err)
	_, err = settings.ApplyBundle(ctx, document, operator.sign(document))
	fmt.Println(errors.Is(err, config.ErrReplay))
	b = config.Bundle{Sequence: 2, Device: "*", Patch: json.RawMessage(`{"telnet":true}`)}
	document, _ = b.Encode()
	_, err = settings.ApplyBundle(ctx, document, operator.sign(document))
	fmt.Println(err)
	// Output:
	// [/interval] <nil>
	// meter-7 applied 1 <nil>
	// true
	// config: bundle: /patch/telnet: is outside of what its signer may touch: denied
}
