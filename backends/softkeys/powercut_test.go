package softkeys_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Blobs that Before and Do seal are kept in cells beside the disk, as a vault
// would keep them on it.
const blobs = "blobs"

func keep(m *powercut.Machine, name string, blob []byte, err error) error {
	if err != nil {
		return err
	}
	return m.Store(blobs, name, blob)
}

// tell says what the device's keys still open.
func tell(ctx context.Context, m *powercut.Machine) (string, error) {
	later := m.Clone()
	keys, err := openKeys(ctx, m)
	if err != nil {
		return "", err
	}
	gen, err := keys.Generation(ctx)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("generation %d", gen)
	for _, name := range []string{"first", "second"} {
		if blob := m.Load(blobs, name); blob != nil {
			_, err := keys.Unseal(ctx, blob)
			text += fmt.Sprintf(", %s opens: %v", name, err == nil)
		}
	}
	if blob := m.Load(blobs, "lasting"); blob != nil {
		_, err := keys.UnsealLasting(ctx, blob)
		text += fmt.Sprintf(", lasting opens: %v", err == nil)
	}
	if blob := m.Load(blobs, "second"); blob != nil { // is its key kept until its time comes?
		err := with(ctx, later, func(k *softkeys.Keys) error {
			if err := k.Advance(ctx, 1); err != nil {
				return err
			}
			_, err := k.Unseal(ctx, blob)
			return err
		})
		text += fmt.Sprintf(", second opens later: %v", err == nil)
	}
	return text, nil
}

func with(ctx context.Context, m *powercut.Machine, do func(*softkeys.Keys) error) error {
	keys, err := openKeys(ctx, m)
	if err != nil {
		return err
	}
	return m.Attempt(func() error { return do(keys) })
}

func ops() []powercut.Op {
	first := func(ctx context.Context, m *powercut.Machine) error {
		return with(ctx, m, func(k *softkeys.Keys) error {
			blob, err := k.Seal(ctx, []byte("first"))
			return keep(m, "first", blob, err)
		})
	}
	return []powercut.Op{{
		Name: "softkeys-seal", Methods: []string{"Keys.Seal"}, State: tell,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(k *softkeys.Keys) error {
				blob, err := k.Seal(ctx, []byte("first"))
				return keep(m, "first", blob, err)
			})
		},
	}, {
		Name: "softkeys-seal-for", Methods: []string{"Keys.SealFor"}, Before: first, State: tell,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(k *softkeys.Keys) error {
				blob, err := k.SealFor(ctx, 1, []byte("second"))
				return keep(m, "second", blob, err)
			})
		},
	}, {
		Name: "softkeys-advance", Methods: []string{"Keys.Advance"}, State: tell,
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := first(ctx, m); err != nil {
				return err
			}
			return with(ctx, m, func(k *softkeys.Keys) error {
				blob, err := k.SealFor(ctx, 1, []byte("second"))
				return keep(m, "second", blob, err)
			})
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(k *softkeys.Keys) error { return k.Advance(ctx, 1) })
		},
	}, {
		Name: "softkeys-seal-lasting", Methods: []string{"Keys.SealLasting"}, State: tell,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(k *softkeys.Keys) error {
				blob, err := k.SealLasting(ctx, []byte("lasting"))
				return keep(m, "lasting", blob, err)
			})
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
		"Keys.Info", "Keys.Unseal", "Keys.Close", "Keys.Generation", "Keys.UnsealLasting",
		"Keys.Format", "Keys.MarshalText", "Keys.LogValue",
	}, (*softkeys.Keys)(nil))
}
