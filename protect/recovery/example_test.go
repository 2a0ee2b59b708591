package recovery_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
	"github.com/iot-device-baseline/baseline/protect/recovery"
)

// A device whose root of trust was cleared gets its settings back.
func Example() {
	ctx := context.Background()
	// The vendor's bench has two keys: one opens, the other one agrees.
	recipient, _ := hpke.MLKEM768X25519().GenerateKey()
	authority, sign, _ := ed25519.GenerateKey(nil)

	machine := powercut.New() // plays the device
	keys := protecttest.NewToken(machine)
	dir, _ := durable.OpenFS(machine.FS(), nil)
	opts := &protect.Options{Escrow: recovery.Escrow(recipient.PublicKey()), Presence: button{}}
	vault, _ := protect.Provision(ctx, dir, keys, opts)
	settings, _ := vault.Compartment(ctx, protect.ClassSettings)
	_ = settings.Put(ctx, "network/wifi", []byte("passphrase"))

	_ = keys.Clear() // a new mainboard
	_, err := protect.Open(ctx, dir, keys, opts)
	fmt.Println("lost:", errors.Is(err, protect.ErrLost))

	asked, _ := recovery.Ask(ctx, dir)
	request, _ := recovery.ParseRequest(asked.Request()) // at the bench
	answer, _ := request.Answer(recipient, sign)
	vault, err = asked.Recover(ctx, dir, keys, opts, answer, recovery.Authorities{Keys: []crypto.PublicKey{authority}})
	if err != nil {
		fmt.Println(err)
		return
	}
	settings, _ = vault.Compartment(ctx, protect.ClassSettings)
	value, _ := settings.Get(ctx, "network/wifi")
	fmt.Printf("back: %s, recovered %d times\n", value, vault.Report(ctx).Recovered)
	// Output:
	// lost: true
	// back: passphrase, recovered 1 times
}
