package baseline_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/notify"
)

// deaf recovers when it is let, whatever its context says.
type deaf struct {
	*part
	let chan struct{}
}

func (d deaf) Recover(context.Context) error {
	d.journal.note(d.name + " begins")
	<-d.let
	d.journal.note(d.name + " answers")
	return nil
}

// running runs a device of a vault, a deaf part and one more, until ctx ends after a
// minute, and returns what Run said.
func running(t *testing.T, j *journal, let chan struct{}) (*baseline.Device, error) {
	t.Helper()
	d := compose(t, baseline.Parts{
		Protector: protector{&part{name: "vault", journal: j}},
		Extra:     []baseline.Part{deaf{&part{name: "deaf", journal: j}, let}, &part{name: "last", journal: j}},
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return d, d.Run(ctx)
}

// Run ends once what it asked has answered, so that nothing is closed under it.
func TestRunWaitsForTheLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		time.AfterFunc(time.Minute+20*time.Second, func() { close(let) })
		d, err := running(t, j, let)
		require.NoError(t, err)
		require.NoError(t, d.Close())
		lines := j.all()
		assert.Equal(t, []string{"deaf answers", "last closes", "deaf closes", "vault closes"}, lines[len(lines)-4:])
	})
}

// What never answers stays open with what is under it.
func TestNothingIsClosedUnderWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		d, err := running(t, j, let)
		require.ErrorContains(t, err, "Extra[0]: stop: no answer in time")
		require.ErrorContains(t, d.Close(), "close: Extra[0]: no answer in time: left open")
		lines := j.all()
		assert.Equal(t, "last closes", lines[len(lines)-1])
		assert.NotContains(t, lines, "vault closes")
		close(let)
	})
}

// What could not be opened and is tried again may hang as well: what recovers before it
// stays open.
func TestNothingIsClosedUnderARetryThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		d := compose(t, baseline.Parts{
			Protector: protector{&part{name: "vault", journal: j}},
			Extra:     []baseline.Part{listener{&part{name: "status", journal: j}, []baseline.State{baseline.Degraded}}},
		}, &baseline.Options{Down: []baseline.Down{{
			Part: "Resetter", Cause: errors.New("unplugged"), Retry: func(context.Context) error { <-let; return nil },
		}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorContains(t, d.Run(ctx), "Resetter retry: stop: no answer in time")
		require.ErrorContains(t, d.Close(), "close: Resetter: no answer in time: left open")
		assert.Contains(t, j.all(), "status closes")
		assert.NotContains(t, j.all(), "vault closes")
		close(let)
	})
}

// stubborn runs, or serves, until it is let go, whatever its context says.
type stubborn struct {
	deaf
	in []baseline.State
}

func (stubborn) Recover(context.Context) error { return nil }

func (s stubborn) Run(ctx context.Context) error {
	if s.in == nil {
		return s.deaf.Recover(ctx)
	}
	<-ctx.Done()
	return nil
}

func (s stubborn) Serve(ctx context.Context) error { return s.deaf.Recover(ctx) }

func (s stubborn) ServesIn(state string) bool { return listener{in: s.in}.ServesIn(state) }

// Who does not stop when told to does not keep the device from ending: he is named, and
// nothing is closed under him.
func TestDeviceEndsWithoutWhatDoesNotStop(t *testing.T) {
	for name, in := range map[string][]baseline.State{"run": nil, "serve": {baseline.Operational}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, let := &journal{}, make(chan struct{})
				d := compose(t, baseline.Parts{
					Protector: protector{&part{name: "vault", journal: j}},
					Extra:     []baseline.Part{stubborn{deaf{&part{name: "stubborn", journal: j}, let}, in}, &part{name: "last", journal: j}},
				}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.ErrorContains(t, d.Run(ctx), "Extra[0]: stop: no answer in time")
				require.ErrorContains(t, d.Close(), "close: Extra[0]: no answer in time: nothing is closed")
				assert.Contains(t, j.all(), "last stops")
				require.ErrorContains(t, d.Close(), "nothing is closed", "still")
				assert.NotContains(t, j.all(), "last closes")
				assert.NotContains(t, j.all(), "vault closes")
				close(let)
				synctest.Wait()
				require.NoError(t, d.Close(), "it has stopped since")
				assert.Contains(t, j.all(), "vault closes")
				require.NoError(t, d.Close())
			})
		})
	}
}

// A server that goes on in a state in which it may not serve ends the device.
func TestServerThatDoesNotStopEndsTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		ill := &part{name: "ill", journal: j, recover: errors.New("not yet")}
		d := compose(t, baseline.Parts{Extra: []baseline.Part{
			stubborn{deaf{&part{name: "stubborn", journal: j}, let}, []baseline.State{baseline.Degraded}}, ill,
		}}, nil)
		done := make(chan error)
		go func() { done <- d.Run(t.Context()) }()
		time.Sleep(time.Minute)
		assert.Contains(t, j.all(), "stubborn begins")
		ill.setRecover(nil)
		require.ErrorContains(t, <-done, "Extra[0]: stop: no answer in time")
		close(let)
	})
}

// stubbornUpdater recovers before all other parts, and uses them while it runs.
type stubbornUpdater struct {
	updater
	let chan struct{}
}

func (s stubbornUpdater) Run(context.Context) error { <-s.let; return nil }

func TestNothingIsClosedUnderARunningUpdater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		d := compose(t, baseline.Parts{
			Updater:   stubbornUpdater{updater{part: &part{name: "updater", journal: j}}, let},
			Protector: protector{&part{name: "vault", journal: j}},
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorContains(t, d.Run(ctx), "Updater: stop: no answer in time")
		require.ErrorContains(t, d.Close(), "close: Updater: no answer in time: nothing is closed")
		assert.NotContains(t, j.all(), "vault closes")
		close(let)
	})
}

// mute never answers who tells it something.
type mute struct {
	*part
	let chan struct{}
}

func (m mute) Raise(context.Context, notify.Notice) (string, error) { <-m.let; return "", nil }

func (mute) Since(context.Context, uint64, notify.Filter) ([]notify.Notice, error) { return nil, nil }

// A notifier that hangs keeps the device neither from ending servers nor from ending.
func TestMuteNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		d := compose(t, baseline.Parts{
			Notifier: mute{&part{name: "mute", journal: j}, let},
			Extra: []baseline.Part{
				listener{&part{name: "public", journal: j}, []baseline.State{baseline.Operational}},
				&part{name: "ill", journal: j, recover: errors.New("not yet")},
			},
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorContains(t, d.Run(ctx), "Notifier state: stop: no answer in time")
		require.ErrorContains(t, d.Close(), "close: Notifier: no answer in time: left open")
		close(let)
	})
}

// tardy is a notifier that takes its time, and keeps what it was told.
type tardy struct {
	*part
	takes time.Duration
}

func (s tardy) Raise(_ context.Context, n notify.Notice) (string, error) {
	<-time.After(s.takes)
	s.journal.note("raised " + n.Type)
	return "", nil
}

func (s tardy) Resolve(_ context.Context, typ, _ string) error {
	s.journal.note("resolved " + typ)
	return nil
}

func (tardy) Since(context.Context, uint64, notify.Filter) ([]notify.Notice, error) { return nil, nil }

// later recovers from a moment on.
type later struct {
	*part
	from time.Time
}

func (l later) Recover(context.Context) error {
	if time.Now().Before(l.from) {
		return errors.New("not yet")
	}
	return nil
}

// A notifier that takes longer than the device waits, and than a state lasts: that it told
// the one does not count for the other, which it tells last.
func TestSlowNotifierTellsTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		d := compose(t, baseline.Parts{
			Notifier: tardy{&part{name: "tardy", journal: j}, 40 * time.Second},
			Extra:    []baseline.Part{later{&part{name: "later", journal: j}, time.Now().Add(20 * time.Second)}},
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.NoError(t, d.Run(ctx))
		require.NoError(t, d.Close())
		assert.Contains(t, j.all(), "raised device.degraded")
		all := j.all()
		raised, resolved := slices.Index(all, "raised device.degraded"), slices.Index(all, "resolved device.degraded")
		assert.Less(t, raised, resolved, "%v", all)
	})
}
