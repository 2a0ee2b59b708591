package abslot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func envConfig() uboot.Config {
	return uboot.Config{Primary: uboot.Location{File: "env"}, Redundant: uboot.Location{File: "env", Offset: 512}, Size: 512}
}

func slots() [2]abslot.Slot {
	return [2]abslot.Slot{{Name: "a", File: "slot-a"}, {Name: "b", File: "slot-b"}}
}

// The images. The new one is shorter, so that something of the old one could be left.
const (
	factoryImage = "the image of the factory"
	newImage     = "release 1.1"
)

// make writes what the factory does: slot a and the environment.
func factory(ctx context.Context, m *powercut.Machine) error {
	f, err := m.FS().Open("slot-a", durable.Create)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(factoryImage), 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return uboot.Create(ctx, m.FS(), envConfig(), "a", nil) // syncs the directory, too
}

// device is what was started from one slot.
type device struct {
	*abslot.Installer
	m *powercut.Machine
}

// boot starts m as its boot loader does.
func boot(ctx context.Context, m *powercut.Machine) (*device, error) {
	slot, err := uboot.Choose(ctx, m.FS(), envConfig())
	if err != nil {
		return nil, err
	}
	return running(m, slot)
}

// running is the process in m that was started from slot.
func running(m *powercut.Machine, slot string) (*device, error) {
	env, err := uboot.New(m.FS(), envConfig(), slot)
	if err != nil {
		return nil, err
	}
	in, err := abslot.New(m.FS(), env, slots(), nil)
	return &device{in, m}, err
}

func newDevice(t testing.TB) *device {
	m := powercut.New()
	require.NoError(t, factory(t.Context(), m))
	return restart(t, m)
}

// restart loses the power and starts again.
func restart(t testing.TB, m *powercut.Machine) *device {
	m.Drop()
	d, err := boot(t.Context(), m)
	require.NoError(t, err)
	return d
}

// install writes image to the other slot, as package update does.
func install(ctx context.Context, in update.Installer, image string) error {
	sink, err := in.Prepare(ctx, update.Component{}, int64(len(image)), 0)
	if err != nil {
		return err
	}
	for off := 0; off < len(image) && err == nil; off += 8 {
		_, err = sink.WriteAt([]byte(image[off:min(off+8, len(image))]), int64(off))
		if err == nil {
			err = sink.Sync(ctx)
		}
	}
	if err == nil {
		err = verify(ctx, sink, image)
	}
	return errors.Join(err, sink.Close())
}

var errOther = errors.New("reads other than it was written")

func verify(ctx context.Context, sink update.Sink, image string) error {
	r, err := sink.Readback(ctx)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r)
	if err == nil && string(got) != image {
		err = errOther
	}
	return errors.Join(err, r.Close())
}

// say tells an inventory in one line.
func say(inv update.Installed) string {
	text := "runs " + inv.Running
	if inv.Trial {
		text += " on trial"
	}
	text += ", " + inv.Other
	switch {
	case inv.Good:
		text += " good"
	case inv.Armed:
		text += fmt.Sprintf(" trial %d", inv.Tries)
	default:
		text += " bad"
	}
	if inv.Armed {
		text += " next"
	}
	return text
}

func stateOf(t testing.TB, in update.Installer) string {
	inv, err := in.Inventory(t.Context())
	require.NoError(t, err)
	return say(inv)
}

// content is what lies in a file, or "nothing".
func content(ctx context.Context, m *powercut.Machine, name string) (string, error) {
	f, err := m.FS().Open(name, durable.ReadOnly)
	if errors.Is(err, fs.ErrNotExist) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	raw := make([]byte, 64)
	n, err := f.ReadAt(raw, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(raw[:n]), errors.Join(err, f.Close())
}
