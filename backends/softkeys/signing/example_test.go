package signing_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

func Example() {
	ctx := context.Background()
	dir, err := durable.OpenFS(powercut.New().FS(), nil) // on a device: durable.OpenDir
	if err != nil {
		panic(err)
	}
	soft, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		panic(err)
	}
	keys := signing.New(soft) // goes wherever soft does
	blob, err := keys.CreateKey(ctx, protect.Ed25519)
	if err != nil {
		panic(err)
	}
	signer, err := keys.OpenKey(ctx, blob) // now, and after every start
	if err != nil {
		panic(err)
	}
	message := []byte("who I am")
	signature, err := signer.Sign(rand.Reader, message, crypto.Hash(0))
	if err != nil {
		panic(err)
	}
	fmt.Println(ed25519.Verify(signer.Public().(ed25519.PublicKey), message, signature))
	fmt.Println(signer)
	// Output:
	// true
	// signing.Signer[redacted]
}
