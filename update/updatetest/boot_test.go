package updatetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func config() uboot.Config {
	return uboot.Config{Primary: uboot.Location{File: "env"}, Redundant: uboot.Location{File: "env", Offset: 512}, Size: 512}
}

// bootFlaw changes what a boot loader does; nil is what U-Boot's environment does.
type bootFlaw struct {
	booted   func(f *fakeBoot, ctx context.Context) (string, error)
	state    func(f *fakeBoot, ctx context.Context) ([]update.SlotState, error)
	setBad   func(f *fakeBoot, ctx context.Context, slot string) error
	try      func(f *fakeBoot, ctx context.Context, slot string, tries int) error
	markGood func(f *fakeBoot, ctx context.Context, slot string) error
}

// fakeBoot is a boot loader with a flaw.
type fakeBoot struct {
	*uboot.Env
	m    *powercut.Machine
	flaw bootFlaw
	slot string // that was started
}

func (f *fakeBoot) Booted(ctx context.Context) (string, error) {
	if f.flaw.booted != nil {
		return f.flaw.booted(f, ctx)
	}
	return f.Env.Booted(ctx)
}

func (f *fakeBoot) State(ctx context.Context) ([]update.SlotState, error) {
	if f.flaw.state != nil {
		return f.flaw.state(f, ctx)
	}
	return f.Env.State(ctx)
}

func (f *fakeBoot) SetBad(ctx context.Context, slot string) error {
	if f.flaw.setBad != nil {
		return f.flaw.setBad(f, ctx, slot)
	}
	return f.Env.SetBad(ctx, slot)
}

func (f *fakeBoot) Try(ctx context.Context, slot string, tries int) error {
	if f.flaw.try != nil {
		return f.flaw.try(f, ctx, slot, tries)
	}
	return f.Env.Try(ctx, slot, tries)
}

func (f *fakeBoot) MarkGood(ctx context.Context, slot string) error {
	if f.flaw.markGood != nil {
		return f.flaw.markGood(f, ctx, slot)
	}
	return f.Env.MarkGood(ctx, slot)
}

func newBoot(t testing.TB, flaw bootFlaw) *fakeBoot {
	m := powercut.New()
	require.NoError(t, uboot.Create(t.Context(), m.FS(), config(), "a", nil))
	return startBoot(t, m, flaw)
}

// startBoot loses the power and starts again.
func startBoot(t testing.TB, m *powercut.Machine, flaw bootFlaw) *fakeBoot {
	m.Drop()
	slot, err := uboot.Choose(t.Context(), m.FS(), config())
	require.NoError(t, err)
	env, err := uboot.New(m.FS(), config(), slot)
	require.NoError(t, err)
	return &fakeBoot{Env: env, m: m, flaw: flaw, slot: slot}
}

func bootHarness(flaw bootFlaw) BootloaderHarness {
	restart := func(t testing.TB, b update.Bootloader) update.Bootloader { return startBoot(t, b.(*fakeBoot).m, flaw) }
	return BootloaderHarness{
		Open:    func(t testing.TB) update.Bootloader { return newBoot(t, flaw) },
		Restart: restart,
		Interrupt: func(t testing.TB, b update.Bootloader, n int, act func()) (update.Bootloader, bool) {
			m := b.(*fakeBoot).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return restart(t, b), cut
		},
		Damage: func(t testing.TB, b update.Bootloader) {
			f, err := b.(*fakeBoot).m.FS().Open("env", durable.ReadWrite)
			require.NoError(t, err)
			_, err = f.WriteAt(make([]byte, 1024), 0)
			require.NoError(t, err)
			require.NoError(t, f.Sync())
		},
	}
}

func brokenBoots() map[string]BootloaderHarness {
	out := map[string]BootloaderHarness{}
	for name, flaw := range map[string]bootFlaw{
		"Atomic": {try: func(f *fakeBoot, ctx context.Context, slot string, tries int) error { // two writes
			if err := f.Env.Try(ctx, slot, 1+tries); err != nil {
				return err
			}
			return f.Env.Try(ctx, slot, tries)
		}},
		"Booted": {booted: func(f *fakeBoot, ctx context.Context) (string, error) { // what starts next
			states, err := f.Env.State(ctx)
			for _, s := range states {
				if s.Next {
					return s.Name, err
				}
			}
			return f.slot, err
		}},
		"SetBad": {setBad: func(f *fakeBoot, ctx context.Context, slot string) error { // the running one is as good as any
			if slot == f.slot {
				return nil
			}
			return f.Env.SetBad(ctx, slot)
		}},
		"Try": {try: func(f *fakeBoot, ctx context.Context, slot string, tries int) error { // one try more
			return f.Env.Try(ctx, slot, tries+1)
		}, state: func(f *fakeBoot, ctx context.Context) ([]update.SlotState, error) { // and does not tell
			states, err := f.Env.State(ctx)
			for i := range states {
				states[i].Tries = max(states[i].Tries-1, 0)
			}
			return states, err
		}},
		"OtherStays": {state: func(f *fakeBoot, ctx context.Context) ([]update.SlotState, error) { // good is what is next
			states, err := f.Env.State(ctx)
			for i := range states {
				states[i].Good = states[i].Good && states[i].Next || f.slot == "b"
			}
			return states, err
		}},
		"MarkGood": {markGood: func(f *fakeBoot, ctx context.Context, slot string) error { // another is first
			if slot != f.slot {
				return nil
			}
			return f.Env.MarkGood(ctx, slot)
		}},
		"Unknown": {setBad: func(f *fakeBoot, ctx context.Context, slot string) error { // what is not there does not start
			if slot != "a" && slot != "b" {
				return nil
			}
			return f.Env.SetBad(ctx, slot)
		}},
		"Damaged": {state: func(f *fakeBoot, ctx context.Context) ([]update.SlotState, error) { // the factory's
			states, err := f.Env.State(ctx)
			if errors.Is(err, update.ErrDamaged) {
				return []update.SlotState{{Name: "a", Good: true, Next: true}, {Name: "b"}}, nil
			}
			return states, err
		}},
	} {
		out[name] = bootHarness(flaw)
	}
	return out
}

func TestBrokenBootloaders(t *testing.T) {
	catch(t, BootloaderRules(), bootHarness(bootFlaw{}), brokenBoots())
}
