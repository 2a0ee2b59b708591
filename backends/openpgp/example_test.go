package openpgp_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
)

func Example() {
	ctx := context.Background()
	// At the bench; gpg does as well.
	private, err := openpgp.NewKey("Vendor", "vendor@example.com", nil)
	if err != nil {
		panic(err)
	}
	bench, err := openpgp.NewSigner(private, nil)
	if err != nil {
		panic(err)
	}
	document := []byte(`{"interval":"30s"}`)
	signature, err := bench.Sign(ctx, document)
	if err != nil {
		panic(err)
	}
	keyring, err := bench.PublicKey()
	if err != nil {
		panic(err)
	}
	// On the device.
	verifier, err := openpgp.New(keyring, nil)
	if err != nil {
		panic(err)
	}
	signer, err := verifier.Verify(ctx, document, signature)
	fmt.Println(signer == bench.Fingerprint(), err)
	_, err = verifier.Verify(ctx, []byte(`{"interval":"1s"}`), signature)
	fmt.Println(errors.Is(err, openpgp.ErrSignature))
	// Output:
	// true <nil>
	// true
}
