package receipt_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/receipt"
)

func Example() {
	deviceKey := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // a key of a root of trust, in a device
	st := &receipt.Statement{
		Subject:       []receipt.Subject{{Name: "job-17", Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}},
		PredicateType: "https://example.com/erasure/v1",
		Predicate:     json.RawMessage(`{"method":"crypto-erase"}`),
	}
	envelope, err := receipt.Sign(st, deviceKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	st, err = receipt.Verify(envelope, deviceKey.Public())
	fmt.Println(st.Subject[0].Name, string(st.Predicate), err)
	// Output:
	// job-17 {"method":"crypto-erase"} <nil>
}

func ExampleUnsigned() {
	st := &receipt.Statement{
		Subject:       []receipt.Subject{{Name: "job-17", Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}},
		PredicateType: "https://example.com/erasure/v1",
		Predicate:     json.RawMessage(`{"method":"crypto-erase"}`),
	}
	envelope, err := receipt.Unsigned(st, "vault closed: key store not found")
	if err != nil {
		fmt.Println(err)
		return
	}
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public()
	_, err = receipt.Verify(envelope, public)
	fmt.Println(errors.Is(err, receipt.ErrUnsigned), err)
	// Output:
	// true receipt: verify: no signature: vault closed: key store not found
}
