package update_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// A release that the boot chain calls confirmed is a trial until its floor is raised: the
// start after a power cut in between takes it up again, so that no reset comes first.
func TestConfirmingIsPending(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v, l := newVendor(), &resuming{interlock{pending: map[string]int{}}}
	change := func(p *update.Parts, _ *update.Options) { p.Interlock = l }
	m := onTrial(t, v)
	booted(t, m, v, change)
	e := slots{m, "system"}.load()
	e.Good["b"], e.Next = true, "b"
	require.NoError(t, slots{m, "system"}.keep(e))
	for range 2 { // while the journal says trial, and while it says confirming
		l.restart()
		clear(l.pending)
		d := booted(t, m, v, change)
		require.Equal(t, "confirming", d.State())
		assert.Equal(t, []string{"resume", update.OpTrial}, l.told[:2])
		assert.Contains(t, l.pending, update.OpTrial)
	}
	d := booted(t, m, v, change)
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
}

// lasting is an interlock on the machine: what is pending survives the power, what was
// begun in a run does not.
type lasting struct {
	m     *powercut.Machine
	begun map[string]bool
}

func (l *lasting) all() map[string]bool {
	d, err := durable.OpenFS(l.m.FS(), nil)
	if err != nil {
		return nil
	}
	p, err := l.value(d).LoadOr(context.Background(), map[string]bool{})
	if err != nil {
		return nil
	}
	return p
}

func (l *lasting) value(d *durable.Dir) *durable.Value[map[string]bool] {
	return durable.NewValue[map[string]bool](d, "interlock", nil)
}

func (l *lasting) set(ctx context.Context, op string, pending bool) error {
	d, err := durable.OpenFS(l.m.FS(), nil)
	if err != nil {
		return err
	}
	p, err := l.value(d).LoadOr(ctx, map[string]bool{})
	if err != nil {
		return err
	}
	if p[op] = pending; !pending {
		delete(p, op)
	}
	return l.value(d).Store(ctx, p)
}

func (l *lasting) Begin(ctx context.Context, op string) error {
	if err := l.set(ctx, op, true); err != nil {
		return err
	}
	l.begun[op] = true
	return nil
}

func (l *lasting) Pending() []string { return slices.Collect(maps.Keys(l.all())) }

func (l *lasting) End(ctx context.Context, op string) error {
	if !l.begun[op] {
		return errors.New("was not begun")
	}
	return l.set(ctx, op, false)
}

// Whenever the power goes during an installation, a confirmation, a rollback or a refusal,
// nothing is pending at the Interlock once the journal says that nothing is under way.
func TestNothingStaysPending(t *testing.T) {
	begins := func(m *powercut.Machine) setup {
		return func(p *update.Parts, _ *update.Options) { p.Interlock = &lasting{m, map[string]bool{}} }
	}
	for name, do := range map[string]func(ctx context.Context, d *device) error{
		"confirm":  confirming,
		"rollback": rollingBack,
		"abandon": func(ctx context.Context, d *device) error {
			return errors.Join(d.unless(d.Rollback(ctx, "first back")), d.Install(ctx, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cuts := as(t.Context(), "operator"), 0
			v := newVendor()
			base := lab(t, v, 1)
			v.publish(2, 2, nil)
			require.NoError(t, booted(t, base, v, begins(base)).Install(ctx, ""))
			if name != "abandon" {
				require.NoError(t, powerOn(base, v))
			}
			for n := 0; ; n++ {
				m := base.Clone()
				d, err := start(ctx, m, v, begins(m))
				require.NoError(t, err)
				m.Cut(n)
				_ = errors.Join(d.Recover(ctx), do(ctx, d))
				done := m.Step("test", "after") == nil
				m.Cut(-1)
				for _, s := range m.Survivors() {
					cuts++
					settles(t, s.Machine, v, begins(s.Machine))
				}
				if done {
					break
				}
			}
			t.Logf("cuts=%d pending=0", cuts)
			assert.Greater(t, cuts, 10)
		})
	}
}

// settles starts a device until nothing is under way, and looks at what is pending.
func settles(t *testing.T, m *powercut.Machine, v *vendor, change setup) {
	t.Helper()
	ctx := as(t.Context(), "operator")
	for range 4 {
		d, err := boot(ctx, m, v, change)
		require.NoError(t, err)
		err = d.unless(d.Confirm(ctx))
		if _, trial, _ := d.Status(ctx); !trial {
			err = errors.Join(err, d.unless(d.Rollback(ctx, "never mind")))
		}
		if s := d.State(); s == "idle" || s == "rolled back" {
			require.NoError(t, err)
			assert.Empty(t, without((&lasting{m: m}).all(), update.OpActivate), "pending, and the journal says %s", s)
			return
		}
	}
	t.Error("never over")
}

// without leaves out what the Interlock of a device does not keep over a restart.
func without(all map[string]bool, op string) map[string]bool {
	delete(all, op)
	return all
}

// An ill release is not confirmed by a person either.
func TestConfirmAsksHealth(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	ill := true
	d := booted(t, onTrial(t, v), v, func(p *update.Parts, _ *update.Options) {
		p.Health = healthFunc(func(context.Context) error {
			if ill {
				return errSick
			}
			return nil
		})
	})
	err := d.Confirm(ctx)
	require.ErrorIs(t, err, update.ErrUnhealthy)
	require.ErrorIs(t, err, errSick)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
	ill = false
	require.NoError(t, d.Confirm(ctx))
}
