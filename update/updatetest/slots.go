package updatetest

import (
	"errors"
	"fmt"
	"io"

	"github.com/iot-device-baseline/baseline/update"
)

// The images that the kit installs: more than one sector, of different lengths.
func imageOne() []byte { return sample(0x11, 1500) }
func imageTwo() []byte { return sample(0x2a, 1100) }

func prepare(k *slotKit, in update.Installer, size, resume int) (update.Sink, error) {
	c := k.h.Component
	c.Length = int64(size)
	sink, err := in.Prepare(k.ctx, c, int64(size), int64(resume))
	if err != nil {
		return nil, fmt.Errorf("prepare %d bytes, resume %d: %w", size, resume, err)
	}
	return sink, nil
}

// write writes the image to the other place and syncs it.
func write(k *slotKit, in update.Installer, image []byte) error {
	sink, err := prepare(k, in, len(image), 0)
	if err != nil {
		return err
	}
	for off := 0; off < len(image) && err == nil; off += 700 {
		_, err = sink.WriteAt(image[off:min(off+700, len(image))], int64(off))
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	return errors.Join(err, sink.Close())
}

func install(k *slotKit, in update.Installer, image []byte, tries int) error {
	if err := write(k, in, image); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return activate(k, in, tries)
}

func activate(k *slotKit, in update.Installer, tries int) error {
	if err := in.Activate(k.ctx, k.h.Component, tries); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	return nil
}

func confirm(k *slotKit, in update.Installer) error {
	if err := in.Confirm(k.ctx, k.h.Component); err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	return nil
}

func rollback(k *slotKit, in update.Installer) error {
	if err := in.Rollback(k.ctx, k.h.Component); err != nil {
		return fmt.Errorf("rollback: %w", err)
	}
	return nil
}

func inventory(k *slotKit, in update.Installer) (update.Installed, error) {
	inv, err := in.Inventory(k.ctx)
	if err != nil {
		return inv, fmt.Errorf("inventory: %w", err)
	}
	return inv, nil
}

// is says that the inventory is another.
func is(k *slotKit, in update.Installer, want update.Installed) error {
	inv, err := inventory(k, in)
	if err == nil && inv != want {
		err = fmt.Errorf("inventory is %+v, want %+v", inv, want)
	}
	return err
}

// factoryNew is a new device.
func factoryNew(k *slotKit) (update.Installer, update.Installed, error) {
	in := k.h.Open(k.TB)
	inv, err := inventory(k, in)
	if err == nil && (inv.Running == "" || inv.Other == "" || inv.Running == inv.Other || inv != (update.Installed{Running: inv.Running, Other: inv.Other})) {
		err = fmt.Errorf("inventory of a new device: %+v", inv)
	}
	return in, inv, err
}

// trial is a device on trial with imageOne: left further starts are left.
func trial(k *slotKit, left int) (update.Installer, update.Installed, error) {
	in, before, err := factoryNew(k)
	if err == nil {
		err = install(k, in, imageOne(), left+1)
	}
	if err != nil {
		return in, before, err
	}
	in = k.h.Restart(k.TB, in)
	want := update.Installed{Running: before.Other, Other: before.Running, Trial: true, Armed: left == 0, Good: true, Tries: left}
	return in, want, is(k, in, want)
}

// confirmed is a device that runs imageOne, confirmed; the image of the factory is in
// the other place, and good.
func confirmed(k *slotKit) (update.Installer, update.Installed, error) {
	in, inv, err := trial(k, 1)
	if err == nil {
		err = confirm(k, in)
	}
	inv.Trial, inv.Tries = false, 0
	if err == nil {
		err = is(k, in, inv)
	}
	return in, inv, err
}

// runs says that the device runs another place, now or after restarts.
func runs(k *slotKit, in update.Installer, place string) error {
	for i := range restarts {
		inv, err := inventory(k, in)
		if err == nil && inv.Running != place {
			err = fmt.Errorf("%s runs, want %s", inv.Running, place)
		}
		if err != nil {
			return fmt.Errorf("after %d restarts: %w", i, err)
		}
		in = k.h.Restart(k.TB, in)
	}
	return nil
}

func readback(k *slotKit, sink update.Sink) ([]byte, error) {
	r, err := sink.Readback(k.ctx)
	if err != nil {
		return nil, fmt.Errorf("readback: %w", err)
	}
	got, err := io.ReadAll(r)
	return got, errors.Join(err, r.Close())
}
