package update_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/updatetest"
)

// interlock remembers what is pending over restarts, as that of package baseline does,
// and refuses one operation.
type interlock struct {
	pending map[string]int
	told    []string
	refuses string
}

var errPending = errors.New("a reset comes first")

func (l *interlock) Begin(_ context.Context, op string) error {
	if op == l.refuses {
		return errPending
	}
	l.pending[op]++
	l.told = append(l.told, op)
	return nil
}

func (l *interlock) End(_ context.Context, op string) error {
	l.told = append(l.told, "end "+op)
	if l.pending[op]--; l.pending[op] <= 0 {
		delete(l.pending, op)
	}
	return nil
}

// restart is what the next run of the device finds: pending, but begun by nobody.
func (l *interlock) restart() { l.told, l.refuses = nil, "" }

func with(l *interlock) setup {
	return func(p *update.Parts, _ *update.Options) { p.Interlock = l }
}

// The Interlock is told of each operation, in the order in which they happen.
func TestInterlockIsTold(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v, l := newVendor(), &interlock{pending: map[string]int{}}
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, with(l))
	assert.Empty(t, l.told)
	require.NoError(t, d.Install(ctx, ""))
	assert.Equal(t, []string{update.OpInstall, "end " + update.OpInstall, update.OpActivate, "end " + update.OpActivate, update.OpRestart}, l.told)
	l.restart()
	delete(l.pending, update.OpRestart) // it is begun again to be ended
	d = booted(t, m, v, with(l))
	assert.Equal(t, []string{update.OpTrial, update.OpRestart, "end " + update.OpRestart}, l.told)
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "end "+update.OpTrial, l.told[len(l.told)-1])
	assert.Empty(t, l.pending)
}

// resuming is an interlock that tells a resumption from a request.
type resuming struct{ interlock }

func (r *resuming) Resume(ctx context.Context, op string) error {
	r.told = append(r.told, "resume")
	return r.Begin(ctx, op)
}

// What an earlier run left is resumed, where the Interlock knows of that.
func TestInterlockResumes(t *testing.T) {
	v, l := newVendor(), &resuming{interlock{pending: map[string]int{}}}
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	change := func(p *update.Parts, _ *update.Options) { p.Interlock = l }
	require.NoError(t, booted(t, m, v, change).Install(as(t.Context(), "operator"), ""))
	assert.NotContains(t, l.told, "resume")
	l.restart()
	booted(t, m, v, change)
	assert.Equal(t, []string{"resume", update.OpTrial, "resume", update.OpRestart, "end " + update.OpRestart}, l.told)
}

// What it refuses is not done.
func TestInterlockRefuses(t *testing.T) {
	ctx := as(t.Context(), "operator")
	for op, want := range map[string]string{update.OpInstall: "idle", update.OpActivate: "installed", update.OpRestart: "restart"} {
		v, l := newVendor(), &interlock{pending: map[string]int{}, refuses: op}
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		d := booted(t, m, v, with(l))
		assert.ErrorIs(t, d.Install(ctx, ""), errPending)
		assert.Equal(t, want, d.State())
		assert.Zero(t, d.host.restarts)
		l.restart()
		require.NoError(t, d.Install(ctx, ""), "once it allows it")
		assert.Equal(t, 1, d.host.restarts)
	}
}

// A release that is given up leaves nothing pending.
func TestInterlockAfterRollback(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v, l := newVendor(), &interlock{pending: map[string]int{}}
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	require.NoError(t, booted(t, m, v, with(l)).Install(ctx, ""))
	clear(l.pending)
	d := booted(t, m, v, with(l))
	require.NoError(t, d.Rollback(ctx, "no good"))
	assert.Contains(t, l.pending, update.OpTrial, "until the restart")
	clear(l.pending)
	d = booted(t, m, v, with(l))
	assert.Equal(t, "rolled back", d.State())
	assert.Empty(t, l.pending)

	v.publish(3, 2, nil)
	require.NoError(t, d.Install(ctx, ""))
	require.NoError(t, d.Rollback(ctx, "not now"))
	assert.Equal(t, "idle", d.State())
	assert.Empty(t, l.pending)
	assert.Equal(t, 2, d.events(access.EventUpdateReverted))
}

// onMachine keeps floors on a machine.
type onMachine struct {
	*update.FloorStore
	m *powercut.Machine
}

func openFloors(t testing.TB, m *powercut.Machine) update.Floors {
	t.Helper()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	return onMachine{update.NewFloors(d), m}
}

func TestFloors(t *testing.T) {
	reopen := func(t testing.TB, f update.Floors) update.Floors {
		t.Helper()
		all := f.(onMachine).m.Survivors()
		return openFloors(t, all[len(all)-1].Machine)
	}
	updatetest.TestFloors(t, updatetest.FloorsHarness{
		Open:   func(t testing.TB) update.Floors { return openFloors(t, powercut.New()) },
		Reopen: reopen,
		Interrupt: func(t testing.TB, f update.Floors, n int, act func()) (update.Floors, bool) {
			m := f.(onMachine).m
			m.Cut(n)
			act()
			cut := m.Step("test", "after") != nil
			m.Cut(-1)
			return reopen(t, f), cut
		},
	})
}

func TestFloorsRefuse(t *testing.T) {
	ctx := t.Context()
	f := openFloors(t, powercut.New())
	for _, name := range []string{"", "a//b", "../x", "a b"} {
		_, err := f.Get(ctx, name)
		require.Error(t, err, "%q", name)
		require.Error(t, f.Raise(ctx, name, 1), "%q", name)
	}
	require.Error(t, f.Raise(ctx, "release", 1<<63), "a floor that nothing could meet")
	got, err := f.Get(ctx, "release")
	require.NoError(t, err)
	assert.Zero(t, got)
}
