package updatetest

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// slotFlaws returns a broken installer for each rule.
func slotFlaws(t *testing.T) map[string]slotFlaw {
	none := update.Component{}
	return map[string]slotFlaw{
		"Idempotent": {activate: func(f *fakeSlots, ctx context.Context, tries int) error { // only once
			if inv, err := f.Installer.Inventory(ctx); err != nil || inv.Armed || inv.Trial {
				return errors.Join(err, update.ErrBusy)
			}
			return f.Installer.Activate(ctx, none, tries)
		}},
		"Inventory": {inventory: func(f *fakeSlots, ctx context.Context) (update.Installed, error) { // as it was told once
			inv, err := f.Installer.Inventory(ctx)
			if inv.Armed {
				err = errors.Join(err, f.boot.m.Store("memory", "updated", []byte{1}))
			}
			if f.boot.m.Load("memory", "updated") != nil && !inv.Armed {
				inv.Running, inv.Other, inv.Trial = "b", "a", true
			}
			return inv, err
		}},
		"Unbootable": {prepare: func(f *fakeSlots, ctx context.Context, size, resume int64) (update.Sink, error) { // writes first
			if content(t, f.boot.m, other(f.boot.slot)) != nil {
				if err := patch(f.boot.m, other(f.boot.slot), []byte("new"), 0); err != nil {
					return nil, err
				}
			}
			return f.Installer.Prepare(ctx, none, size, resume)
		}},
		"Resume": {prepare: func(f *fakeSlots, ctx context.Context, size, resume int64) (update.Sink, error) { // from the beginning
			sink, err := f.Installer.Prepare(ctx, none, size, 0)
			if err == nil && resume > 0 {
				_, err = sink.WriteAt(make([]byte, resume), 0)
			}
			return sink, err
		}},
		"RunningStays": {activate: func(f *fakeSlots, ctx context.Context, tries int) error { // leaves a note
			return errors.Join(f.Installer.Activate(ctx, none, tries), patch(f.boot.m, f.boot.slot, []byte("old"), 0))
		}},
		"Activate": {activate: func(f *fakeSlots, ctx context.Context, tries int) error { // good, then on trial
			other := other(f.boot.slot)
			return errors.Join(f.boot.Env.MarkGood(ctx, other), f.boot.Env.Try(ctx, other, tries))
		}},
		"ConfirmRollback": {confirm: func(f *fakeSlots, ctx context.Context) error { // good for some starts
			if inv, err := f.Installer.Inventory(ctx); err != nil || !inv.Trial {
				return err
			}
			return f.boot.Env.Try(ctx, f.boot.slot, 15)
		}},
		"Durable": {rollback: func(f *fakeSlots, ctx context.Context) error { // soon
			_ = f.Installer.Rollback(ctx, none)
			return nil
		}},
		"Disarm": {rollback: func(f *fakeSlots, ctx context.Context) error { // there is nothing to go back from
			if f.boot.slot == "a" {
				return nil
			}
			return f.Installer.Rollback(ctx, none)
		}},
		"WriteAt": with(func(f *fakeSlots) fakeSink { // whatever the boot loader does now
			return fakeSink{write: func(s update.Sink, p []byte, off int64) (int, error) {
				n, err := s.WriteAt(p, off)
				if errors.Is(err, fs.ErrClosed) {
					return len(p), patch(f.boot.m, other(f.boot.slot), p, off)
				}
				return n, err
			}}
		}),
		"Sync": with(func(*fakeSlots) fakeSink {
			return fakeSink{sync: func(update.Sink, context.Context) error { return nil }}
		}),
		"Readback": with(inMemory),
		"Close":    with(func(*fakeSlots) fakeSink { return fakeSink{close: func() error { return nil }} }),
	}
}

// TestMoreFlaws are installers that break a rule in another way.
func TestMoreFlaws(t *testing.T) {
	none := update.Component{}
	for name, c := range map[string]struct {
		rule string
		flaw slotFlaw
	}{
		"nothing is made bad": {"Unbootable", slotFlaw{boot: bootFlaw{setBad: func(*fakeBoot, context.Context, string) error { return nil }}}},
		"made bad on the next write": {"Unbootable", slotFlaw{prepare: func(f *fakeSlots, ctx context.Context, size, resume int64) (update.Sink, error) {
			g := onBoot(t, &fakeBoot{Env: f.boot.Env, m: f.boot.m, slot: f.boot.slot, flaw: bootFlaw{
				setBad: func(*fakeBoot, context.Context, string) error { return nil },
			}}, slotFlaw{})
			sink, err := g.Installer.Prepare(ctx, none, size, resume)
			return fakeSink{Sink: sink, sync: func(s update.Sink, ctx context.Context) error {
				return errors.Join(s.Sync(ctx), f.boot.Env.SetBad(ctx, other(f.boot.slot)))
			}}, err
		}}},
		"the other one is confirmed": {"ConfirmRollback", slotFlaw{confirm: func(f *fakeSlots, ctx context.Context) error {
			return f.boot.Env.MarkGood(ctx, other(f.boot.slot))
		}}},
		"no bound": {"WriteAt", with(func(f *fakeSlots) fakeSink {
			return fakeSink{write: func(_ update.Sink, p []byte, off int64) (int, error) {
				return len(p), patch(f.boot.m, other(f.boot.slot), p, max(off, 0))
			}}
		})},
		"one try more": {"Activate", slotFlaw{activate: func(f *fakeSlots, ctx context.Context, tries int) error {
			return f.Installer.Activate(ctx, none, tries+1)
		}}},
	} {
		for _, r := range InstallerRules() {
			if r.Name == c.rule {
				require.Error(t, r.Check(t, slotHarness(c.flaw)), name)
			}
		}
	}
}
