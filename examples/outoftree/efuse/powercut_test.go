package efuse_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"example.com/acme/keystore/efuse"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// tell says what the fuses are, and whether a blob from before opens.
func tell(ctx context.Context, fuses *powercut.Machine) (string, error) {
	keys, err := openKeys(ctx, fuses, nil)
	if errors.Is(err, protect.ErrMissing) {
		return "not burned", nil
	}
	if err != nil {
		return "", err
	}
	gen, err := keys.Generation(ctx)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("generation %d", gen)
	for _, name := range []string{"old", "next"} {
		if blob := fuses.Load("blobs", name); blob != nil {
			_, err := keys.Unseal(ctx, blob)
			text += fmt.Sprintf(", %s blob opens: %v", name, err == nil)
		}
	}
	return text, nil
}

// keepBlobs seals for the present generation and the next, as a vault does before it
// advances, and keeps the blobs beside the fuses.
func keepBlobs(ctx context.Context, fuses *powercut.Machine) error {
	if err := burn(ctx, fuses); err != nil {
		return err
	}
	keys, err := openKeys(ctx, fuses, nil)
	if err != nil {
		return err
	}
	for name, gen := range map[string]uint64{"old": 0, "next": 1} {
		blob, err := keys.SealFor(ctx, gen, []byte("secret"))
		if err != nil {
			return err
		}
		if err := fuses.Store("blobs", name, blob); err != nil {
			return err
		}
	}
	return nil
}

func ops() []powercut.Op {
	return []powercut.Op{{
		Name: "efuse-burn", State: tell, Do: burn,
	}, {
		Name: "efuse-advance", Methods: []string{"Keys.Advance"}, Before: keepBlobs, State: tell,
		Do: func(ctx context.Context, fuses *powercut.Machine) error {
			keys, err := openKeys(ctx, fuses, nil)
			if err != nil {
				return err
			}
			return fuses.Attempt(func() error { return keys.Advance(ctx, 1) })
		},
	}}
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Keys.Info", "Keys.Seal", "Keys.SealFor", "Keys.Unseal", "Keys.Generation", "Keys.Close",
		"Keys.Format", "Keys.MarshalText", "Keys.LogValue",
	}, (*efuse.Keys)(nil))
}
