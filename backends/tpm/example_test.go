package tpm_test

import (
	"context"
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
