package signing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// Blobs that Do makes are kept in cells beside the disk, as their owner would keep
// them on it.
const blobs = "blobs"

// opens are the ways to open a blob again, by the name of the cell.
var opens = []struct {
	name string
	open func(context.Context, *signing.Keys, []byte) error
}{
	{"key", func(ctx context.Context, k *signing.Keys, blob []byte) error {
		_, err := k.OpenKey(ctx, blob)
		return err
	}},
	{"secret", func(ctx context.Context, k *signing.Keys, blob []byte) error {
		_, err := k.Unseal(ctx, blob)
		return err
	}},
	{"lasting", func(ctx context.Context, k *signing.Keys, blob []byte) error {
		_, err := k.UnsealLasting(ctx, blob)
		return err
	}},
}

// tell says what the device's keys still open.
func tell(ctx context.Context, m *powercut.Machine) (string, error) {
	keys, err := openKeys(ctx, m)
	if err != nil {
		return "", err
	}
	gen, err := keys.Generation(ctx)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("generation %d", gen)
	for _, o := range opens {
		if blob := m.Load(blobs, o.name); blob != nil {
			text += fmt.Sprintf(", %s opens: %v", o.name, o.open(ctx, keys, blob) == nil)
		}
	}
	return text, nil
}

// op keeps what do makes in the cell of that name.
func op(name, method, cell string, do func(context.Context, *signing.Keys) ([]byte, error)) powercut.Op {
	return powercut.Op{
		Name: name, Methods: []string{"Keys." + method}, State: tell,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			keys, err := openKeys(ctx, m)
			if err != nil {
				return err
			}
			return m.Attempt(func() error {
				blob, err := do(ctx, keys)
				if err != nil || cell == "" {
					return err
				}
				return m.Store(blobs, cell, blob)
			})
		},
	}
}

func ops() []powercut.Op {
	list := []powercut.Op{
		op("signing-create-key-ecdsa", "CreateKey", "key", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return k.CreateKey(ctx, protect.ECDSAP256)
		}),
		op("signing-create-key-ed25519", "CreateKey", "key", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return k.CreateKey(ctx, protect.Ed25519)
		}),
		op("signing-seal", "Seal", "secret", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return k.Seal(ctx, []byte("secret"))
		}),
		op("signing-seal-for", "SealFor", "secret", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return k.SealFor(ctx, 0, []byte("secret"))
		}),
		op("signing-seal-lasting", "SealLasting", "lasting", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return k.SealLasting(ctx, []byte("lasting"))
		}),
		op("signing-advance", "Advance", "", func(ctx context.Context, k *signing.Keys) ([]byte, error) {
			return nil, k.Advance(ctx, 1)
		}),
	}
	// An advance leaves the signing keys that there are.
	list[len(list)-1].Before = list[0].Do
	return list
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Keys.Info", "Keys.Unseal", "Keys.UnsealLasting", "Keys.Close", "Keys.Generation", "Keys.OpenKey", "Keys.Unwrap",
		"Keys.Format", "Keys.MarshalText", "Keys.LogValue",
		"Signer.Public", "Signer.Sign", "Signer.Close", "Signer.Format", "Signer.MarshalText", "Signer.LogValue",
	}, (*signing.Keys)(nil), (*signing.Signer)(nil))
}
