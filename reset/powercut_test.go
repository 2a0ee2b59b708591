package reset_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
)

func factoryNew(ctx context.Context, m *powercut.Machine) error {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	return build(ctx, dir)
}

// on starts the device, but for the settings, whose own writes at a start have tests
// of their own, and runs fn.
func on(fn func(ctx context.Context, d *device) error) func(context.Context, *powercut.Machine) error {
	return after(nil, fn)
}

// after is on, with the device altered before it resumes.
func after(alter func(d *device), fn func(ctx context.Context, d *device) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		d, err := resumed(ctx, m, alter)
		if errors.Is(err, reset.ErrRestart) { // one more start is all that it takes
			d, err = resumed(ctx, m, alter)
		}
		if err == nil {
			err = d.passwords(ctx)
		}
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return fn(ctx, d) })
	}
}

// resumed starts the device up to Resume, after which it ends its process if that fails.
func resumed(ctx context.Context, m *powercut.Machine, alter func(d *device)) (*device, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	d, err := early(ctx, dir, protect.Open)
	if err == nil && alter != nil {
		alter(d)
		err = d.reopen(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := m.Attempt(func() error { return d.resetter.Resume(ctx) }); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// ordered leaves a device with a factory reset that was ordered and not begun, as a
// power cut between the order and the hold does.
func ordered(ctx context.Context, m *powercut.Machine) error {
	if err := factoryNew(ctx, m); err != nil {
		return err
	}
	return on(func(ctx context.Context, d *device) error {
		mandate, err := d.guard.NewMandate(d.as(ctx, "ann"), access.MandateRequest{
			Acts: []access.Act{{Permission: access.ResetRequest, Resource: reset.Factory}, reset.Disown()}, Reason: "sold", Plan: []byte("reset factory"),
		})
		if err != nil {
			return err
		}
		return durable.NewValue[journal](d.floor, "reset", nil).Store(ctx, journal{&order{mandate, []struct{}{}}})
	})(ctx, m)
}

// late opens every part before it resumes, if it can, which is what Resume must
// survive: they are shut out until the next start.
func late(ctx context.Context, m *powercut.Machine) error {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	d, err := early(ctx, dir, protect.Open)
	if err != nil {
		return err
	}
	least(d)
	err = d.reopen(ctx)
	opens := dir.Held() == nil
	if err == nil && opens {
		err = d.passwords(ctx)
	}
	if err != nil {
		return err
	}
	err = m.Attempt(func() error { return d.resetter.Resume(ctx) })
	if err == nil && opens && dir.Held() != nil {
		return errors.New("on hold below open parts, and nobody is told")
	}
	if !errors.Is(err, reset.ErrRestart) {
		return err
	}
	if err := dir.Put(ctx, "cache/2", []byte("x")); !opens || !errors.Is(err, durable.ErrHeld) {
		return fmt.Errorf("a restart too many, or an open part wrote below the reset: %w", err)
	}
	return nil
}

// tell starts the device, as every start does, and says what it holds.
func tell(ctx context.Context, m *powercut.Machine) (string, error) { return telling(nil)(ctx, m) }

func telling(alter func(*device)) func(context.Context, *powercut.Machine) (string, error) {
	return func(ctx context.Context, m *powercut.Machine) (out string, err error) {
		err = after(alter, func(ctx context.Context, d *device) error {
			text, err := d.holds(ctx)
			// By which method a step ended depends on where it was cut.
			out, _, _ = strings.Cut(text, " [")
			if last, lerr := d.resetter.Last(ctx); lerr == nil && last.Accepted {
				out += " accepted"
			}
			return errors.Join(err, d.resetter.Health(ctx))
		})(ctx, m)
		return out, err
	}
}

// bare leaves the two steps that nothing can do without, keys and ownership, and no
// interlock. reset.resume has the others.
func bare(d *device) {
	d.steps = []reset.Step{d.steps[0], d.steps[2]}
	d.opts.Interlock = nil
}

// least leaves one step, for the order in which record, hold and restart come.
func least(d *device) {
	d.steps = []reset.Step{d.steps[2]}
	d.opts.Interlock = nil
}

// resetting orders a reset by presence, which works before and after it.
func resetting(scope string) func(ctx context.Context, d *device) error {
	return func(ctx context.Context, d *device) error {
		e, err := d.guard.ProvePresence(ctx, here{})
		if err != nil {
			return err
		}
		return d.resetter.Reset(access.WithEntity(ctx, e), scope, "sold")
	}
}

func ops() []powercut.Op {
	return []powercut.Op{
		{
			Name: "reset.factory", Methods: []string{"Resetter.Reset", "Open"},
			Before: factoryNew, Do: after(bare, resetting(reset.Factory)), State: telling(bare),
		},
		{
			Name: "reset.resume", Methods: []string{"Resetter.Resume"},
			Before: func(ctx context.Context, m *powercut.Machine) error {
				if err := factoryNew(ctx, m); err != nil {
					return err
				}
				return on(interrupted)(ctx, m)
			},
			Do:    on(func(context.Context, *device) error { return nil }),
			State: tell,
		},
		{
			Name: "reset.ordered", Methods: []string{"Resetter.Resume"}, Before: ordered,
			Do: func(ctx context.Context, m *powercut.Machine) error {
				if _, err := resumed(ctx, m, least); !errors.Is(err, reset.ErrRestart) {
					return err
				}
				return nil
			},
			State: telling(least),
		},
		{
			Name: "reset.late", Methods: []string{"Resetter.Resume"}, Before: ordered, Do: late, State: telling(least),
		},
		{
			Name: "reset.accept", Methods: []string{"Resetter.Accept"},
			Before: func(ctx context.Context, m *powercut.Machine) error {
				if err := factoryNew(ctx, m); err != nil {
					return err
				}
				if err := on(resetting(reset.Settings))(ctx, m); err != nil {
					return err
				}
				return on(func(context.Context, *device) error { return nil })(ctx, m)
			},
			Do:    on(func(ctx context.Context, d *device) error { return d.resetter.Accept(ctx) }),
			State: tell,
		},
	}
}

// interrupted leaves a reset whose second step failed.
func interrupted(ctx context.Context, d *device) error {
	d.steps[1].Run = func(context.Context, string) (string, error) { return "", errors.New("no answer") }
	if err := d.reopen(ctx); err != nil {
		return err
	}
	if err := resetting(reset.Factory)(ctx, d); !errors.Is(err, reset.ErrInterrupted) {
		return fmt.Errorf("want an interrupted reset, got %w", err)
	}
	return nil
}

func TestPowerCutReset(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversAll(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Resetter.Features", "Resetter.Health", "Resetter.Last", "Resetter.Scopes",
		"Resetter.Run", // Accept, and waiting
	}, (*reset.Resetter)(nil))
}
