package abslot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// tell starts the device as its boot loader would, without counting, and says what
// runs, what starts next and, of a slot that would start, what lies in it.
func tell(booted string) func(ctx context.Context, m *powercut.Machine) (string, error) {
	return func(ctx context.Context, m *powercut.Machine) (string, error) {
		d, err := running(m, booted)
		if err != nil {
			return "", err
		}
		inv, err := d.Inventory(ctx)
		if errors.Is(err, update.ErrDamaged) {
			return "nothing yet", nil
		}
		if err != nil {
			return "", err
		}
		text := say(inv)
		for _, s := range slots() {
			if s.Name == inv.Other && !inv.Good && !inv.Armed {
				continue // it does not start: whatever is in it is of no account
			}
			image, err := content(ctx, m, s.File)
			if err != nil {
				return "", err
			}
			text += fmt.Sprintf("; %s holds %q", s.Name, image)
		}
		return text, nil
	}
}

const (
	holdsOld = `; a holds "the image of the factory"`
	holdsNew = `; b holds "release 1.1"`
)

// onTheWay are the states that an installation goes through, as a and as b see them.
var onTheWay = []string{
	"runs a, b bad" + holdsOld,
	"runs a, b trial 3 next" + holdsOld + holdsNew,
	"runs b on trial, a good" + holdsOld + holdsNew,
	"runs b on trial, a good next" + holdsOld, // of b, bad, nothing is told; its content is that of the new image
}

func between(_, _, got string) error {
	for _, s := range onTheWay {
		if strings.HasPrefix(got, s) {
			return nil
		}
	}
	return errors.New("no state on the way")
}

// op leads a new device, or one that an earlier Do brought there, to what do changes.
func op(name, method, booted string, do func(context.Context, *device) error) powercut.Op {
	return powercut.Op{
		Name: "abslot." + name, Methods: []string{"Installer.Prepare", method}, State: tell(booted), Legal: between,
		Before: factory,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			d, err := running(m, booted)
			if err != nil {
				return err
			}
			return m.Attempt(func() error { return do(ctx, d) })
		},
	}
}

func installed(ctx context.Context, d *device) error { return install(ctx, d, newImage) }

func armed(ctx context.Context, d *device) error {
	if err := installed(ctx, d); err != nil {
		return err
	}
	return d.Activate(ctx, update.Component{}, 3)
}

// onTrial has a install b, then goes on as b.
func onTrial(do func(context.Context, *device) error) func(context.Context, *device) error {
	return func(ctx context.Context, d *device) error {
		inv, err := d.Inventory(ctx)
		if err != nil {
			return err
		}
		a, err := running(d.m, "a")
		if err == nil && inv.Good && inv.Trial && !inv.Armed { // b is on trial already
			return d.m.Attempt(func() error { return do(ctx, d) })
		}
		if state, serr := a.Inventory(ctx); err == nil && serr == nil && !state.Armed && !state.Good {
			err = armed(ctx, a)
		}
		if err != nil {
			return err
		}
		return d.m.Attempt(func() error { return do(ctx, d) })
	}
}

func ops() []powercut.Op {
	confirm := func(ctx context.Context, d *device) error { return d.Confirm(ctx, update.Component{}) }
	back := func(ctx context.Context, d *device) error { return d.Rollback(ctx, update.Component{}) }
	return []powercut.Op{
		op("activate", "Installer.Activate", "a", armed),
		op("disarm", "Installer.Rollback", "a", func(ctx context.Context, d *device) error {
			if err := armed(ctx, d); err != nil {
				return err
			}
			return back(ctx, d)
		}),
		op("confirm", "Installer.Confirm", "b", onTrial(confirm)),
		op("rollback", "Installer.Rollback", "b", onTrial(back)),
		overwrite(),
	}
}

// overwrite writes over a slot that was good, and keeps a journal as package update
// does: never is the slot good with other bytes, nor changed without a word before.
func overwrite() powercut.Op {
	return powercut.Op{
		Name: "abslot.overwrite", Methods: []string{"Installer.Prepare", "Installer.Activate"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			j, err := journal(m) // made before there is anything else
			if err == nil {
				err = j.Store(ctx, "idle")
			}
			if err != nil {
				return err
			}
			if err := factory(ctx, m); err != nil {
				return err
			}
			a, err := running(m, "a")
			if err == nil {
				err = armed(ctx, a)
			}
			if err != nil {
				return err
			}
			b, err := boot(ctx, m)
			if err != nil {
				return err
			}
			return b.Confirm(ctx, update.Component{})
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			j, err := journal(m)
			if err == nil {
				err = j.Store(ctx, "writing a")
			}
			if err != nil {
				return err
			}
			b, err := running(m, "b")
			if err != nil {
				return err
			}
			return m.Attempt(func() error {
				if err := install(ctx, b, "release 1.2 "); err != nil {
					return err
				}
				return b.Activate(ctx, update.Component{}, 2)
			})
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			j, err := journal(m)
			if err != nil {
				return "", err
			}
			word, err := j.Load(ctx)
			if err != nil {
				return "", err
			}
			text, err := tell("b")(ctx, m)
			return word + ": " + text, err
		},
		Legal: func(old, _, got string) error {
			if got == "writing a: "+strings.TrimPrefix(old, "idle: ") || got == "writing a: runs b, a bad"+holdsNew {
				return nil
			}
			return errors.New("no state on the way")
		},
	}
}

func journal(m *powercut.Machine) (*durable.Value[string], error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	return durable.NewValue[string](dir, "journal", nil), nil
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{"Installer.Inventory"}, (*abslot.Installer)(nil))
}
