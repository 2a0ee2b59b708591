package tpm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2/transport"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// chip stands for linuxtpm.Open("/dev/tpmrm0").
type chip struct{ transport.TPMCloser }

func (chip) Close() error { return nil }

func (chip) Send([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }

// A device opens what the factory has provisioned. It never makes anything anew: where
// the record is gone, or the TPM is another, it says so.
func ExampleOpen() {
	ctx := context.Background()
	dir, err := durable.OpenFS(powercut.New().FS(), nil) // on a device: durable.OpenDir("/var/lib/device", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := &tpm.Options{Hardware: true} // a chip: the vendor says so
	keys, err := tpm.Open(ctx, chip{}, dir, opts)
	if errors.Is(err, protect.ErrMissing) {
		fmt.Println(err) // the factory: tpm.Provision(ctx, t, dir, opts)
		return
	}
	vault, err := protect.Open(ctx, dir, keys, nil)
	fmt.Println(vault, err)
	// Output:
	// tpm: open: nothing was provisioned: missing
}

// The vendor's build machine knows what a release measures, since the same boot chain
// measures the same, and signs it. The release brings the approval with it: what the
// release before has sealed opens.
func ExampleApprove() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // on a build machine: a crypto.Signer over an HSM
	if err != nil {
		fmt.Println(err)
		return
	}
	kernel := sha256.Sum256([]byte("what PCR 11 has once release 1.1 was measured"))
	approval, err := tpm.Approve(key, "acme-gateway", map[int][32]byte{11: kernel})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tpm.Open(context.Background(), chip{}, dir, &tpm.Options{Hardware: true, PCRs: []int{11}, Vendor: &tpm.Vendor{
		Key: &key.PublicKey, Product: "acme-gateway", Approvals: [][]byte{approval}, // from a file of the release
	}})
	fmt.Println(len(approval), "bytes;", err)
	// Output:
	// 105 bytes; tpm: open: nothing was provisioned: missing
}
