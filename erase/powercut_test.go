package erase_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
)

func before(ctx context.Context, m *powercut.Machine) error {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	return build(ctx, dir)
}

// on starts the device, resumes as every start does, and runs fn.
func on(alter func(*device), fn func(ctx context.Context, d *device) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		dir, err := durable.OpenFS(m.FS(), nil)
		if err != nil {
			return err
		}
		d, err := parts(ctx, dir, false)
		if err != nil {
			return err
		}
		if alter != nil {
			alter(d)
		}
		if err := d.reopen(ctx); err != nil {
			return err
		}
		if err := m.Attempt(func() error { return d.Resume(ctx) }); err != nil {
			return err
		}
		return m.Attempt(func() error { return fn(ctx, d) })
	}
}

// of keeps the places of the inventory with these numbers: every further one adds the
// same steps again.
func of(places ...int) func(*device) {
	return func(d *device) {
		all := d.inv.Places
		d.inv.Places = nil
		for i, p := range all {
			if slices.Contains(places, i) {
				d.inv.Places = append(d.inv.Places, p)
				continue
			}
			d.inv.Free = append(d.inv.Free, erase.Free{Entries: p.Entries, Compartments: p.Compartments, Reason: "a test without"})
		}
	}
}

// keysAndFiles has the two kinds of places, and an interlock of its own tests.
func keysAndFiles(d *device) {
	of(0, 4)(d)
	d.opts.Interlock = nil
}

// tell finishes what was interrupted, and says what is left of whom, and which
// receipts there are.
func tell(alter func(*device)) func(context.Context, *powercut.Machine) (string, error) {
	return func(ctx context.Context, m *powercut.Machine) (string, error) {
		var b strings.Builder
		err := on(alter, func(ctx context.Context, d *device) error {
			for _, who := range []string{"alice", "bob"} {
				left, err := d.left(ctx, who)
				if err != nil {
					return err
				}
				fmt.Fprintf(&b, "%s in %v; ", who, left)
			}
			kept, err := d.Receipts(ctx)
			for _, envelope := range kept {
				r, err := erase.VerifyReceipt(envelope, key.Public())
				if err != nil {
					return err
				}
				fmt.Fprintf(&b, "receipt %s %s; ", r.Scope, r.Result)
			}
			return errors.Join(err, d.Health(ctx))
		})(ctx, m)
		return b.String(), err
	}
}

func ops() []powercut.Op {
	all := func(d *device) { d.everybody(); of(1)(d) }
	files := of(4)
	return []powercut.Op{
		{
			Name: "erase.subject", Methods: []string{"Coordinator.Erase", "Coordinator.Request", "Open"}, Before: before,
			Do: on(keysAndFiles, func(ctx context.Context, d *device) error {
				_, err := d.Erase(d.as(ctx, "ann"), "alice")
				return err
			}),
			State: tell(keysAndFiles),
		},
		{
			Name: "erase.all", Methods: []string{"Coordinator.EraseAll"}, Before: before,
			Do: on(all, func(ctx context.Context, d *device) error {
				_, err := d.EraseAll(d.as(ctx, "ann"), "sold")
				return err
			}),
			State: tell(all),
		},
		{
			Name: "erase.resume", Methods: []string{"Coordinator.Resume"},
			Before: func(ctx context.Context, m *powercut.Machine) error {
				if err := before(ctx, m); err != nil {
					return err
				}
				ill := func(d *device) { files(d); d.inv.Places[0].Store = &sick{d.photos, errors.New("no answer")} }
				return on(ill, func(ctx context.Context, d *device) error {
					if _, err := d.Erase(d.as(ctx, "ann"), "alice"); !errors.Is(err, erase.ErrIncomplete) {
						return fmt.Errorf("want an interrupted erasure, got %w", err)
					}
					return nil
				})(ctx, m)
			},
			Do:    on(files, func(context.Context, *device) error { return nil }),
			State: tell(files),
		},
	}
}

// filesOps are those of the files alone, without the journal of a coordinator: they
// leave any part, so that they are repeated.
func filesOps() []powercut.Op {
	run := func(fn func(ctx context.Context, d *device) (string, error)) func(context.Context, *powercut.Machine) error {
		return on(func(d *device) { d.everybody() }, func(ctx context.Context, d *device) error {
			// A removal alone syncs no file.
			if err := d.floor.Put(ctx, "other", []byte("x")); err != nil {
				return err
			}
			_, err := fn(d.as(ctx, "ann"), d)
			return err
		})
	}
	state := func(ctx context.Context, m *powercut.Machine) (out string, err error) {
		err = on(func(d *device) { d.everybody() }, func(ctx context.Context, d *device) error {
			names, err := d.dir.List(ctx, "photos/")
			other, _ := d.floor.Get(ctx, "other")
			out = fmt.Sprintf("%d photos %s", len(names), other)
			return err
		})(ctx, m)
		return out, err
	}
	legal := func(_, _, got string) error {
		if strings.HasPrefix(got, "2 photos") || strings.HasPrefix(got, "1 photos") {
			return nil
		}
		return errors.New("not a part")
	}
	return []powercut.Op{
		{
			Name: "erase.files", Methods: []string{"Files.Erase"}, Before: before, State: state, Legal: legal,
			Do: run(func(ctx context.Context, d *device) (string, error) { return d.photos.Erase(ctx, "alice") }),
		},
		{
			Name: "erase.files-all", Methods: []string{"Files.EraseAll"}, Before: before, State: state, Legal: legal,
			Do: run(func(ctx context.Context, d *device) (string, error) { return d.photos.EraseAll(ctx) }),
		},
	}
}

func TestPowerCutErase(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutFiles(t *testing.T) {
	for _, op := range filesOps() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversAll(t *testing.T) {
	powercut.Covered(t, append(ops(), filesOps()...), []string{
		"Coordinator.Features", "Coordinator.Health", "Coordinator.Receipts", "Coordinator.Stats",
		"Files.Name", "Files.Of", "Files.Verify", "Files.VerifyAll",
	}, (*erase.Coordinator)(nil), (*erase.Files)(nil))
}
