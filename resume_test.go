package baseline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
)

// vaultThatErases protects and erases; its first try to resume fails.
type vaultThatErases struct {
	*part
	tries *atomic.Int64
}

func (vaultThatErases) Describe(context.Context) ([]clause.Setting, error) { return nil, nil }

func (vaultThatErases) Erase(context.Context, string) (string, error) { return "", nil }

func (v vaultThatErases) Resume(context.Context) error {
	if v.tries.Add(1) == 1 {
		return errors.New("once")
	}
	return nil
}

// start runs d until the test ends; everything happens in a synctest bubble.
func start(t *testing.T, d *baseline.Device) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return ctx
}

func TestVaultThatErasesResumesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vaultThatErases{&part{name: "vault", journal: &journal{}}, &atomic.Int64{}}
		d := compose(t, baseline.Parts{Protector: v, Eraser: v}, nil)
		start(t, d)
		synctest.Wait()
		state, reason := d.State()
		assert.Equal(t, baseline.Degraded, state)
		assert.Equal(t, "Protector: once", reason)
		time.Sleep(time.Hour)
		state, reason = d.State()
		assert.Equal(t, baseline.Operational, state, reason)
		assert.Equal(t, int64(2), v.tries.Load())
	})
}

// What could not be opened may be what was interrupted: nothing runs before it is
// back but what serves in degraded.
func TestWhatIsDownHoldsBack(t *testing.T) {
	for name, holds := range map[string]bool{
		"Protector": true, "Accessor": true, "Eraser": true, "Resetter": true,
		"Updater": false, "Notifier": false, "Configurer": false,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				gone := func(context.Context) error { return errors.New("still unplugged") }
				d := compose(t, baseline.Parts{Extra: []baseline.Part{
					&part{name: "worker", journal: j},
					listener{&part{name: "status", journal: j}, []baseline.State{baseline.Degraded}},
				}}, &baseline.Options{Down: []baseline.Down{{Part: name, Cause: errors.New("unplugged"), Retry: gone}}})
				start(t, d)
				time.Sleep(time.Hour)
				assert.Contains(t, j.all(), "status serves")
				if holds {
					assert.NotContains(t, j.all(), "worker recovers")
				} else {
					assert.Contains(t, j.all(), "worker runs")
				}
			})
		})
	}
}

// An interrupted reset waits for its part, also when the part could not be opened.
func TestPendingResetWaitsForItsPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, lock := &journal{}, openInterlock(t, memory(t))
		require.NoError(t, lock.Begin(t.Context(), baseline.OpReset))
		d := compose(t, baseline.Parts{Extra: []baseline.Part{&part{name: "worker", journal: j}}}, &baseline.Options{
			Interlock: lock, Down: []baseline.Down{{Part: "Resetter", Cause: errors.New("unplugged")}},
		})
		start(t, d)
		time.Sleep(time.Hour)
		assert.NotContains(t, j.all(), "worker recovers")
		assert.Equal(t, []string{baseline.OpReset}, lock.Pending())
	})
}

// phone has a method of the name and shape of Resume, and erases nothing.
type phone struct{ *part }

func (p phone) Resume(context.Context) error { p.journal.note("resumed a call"); return nil }

func TestOnlyWhatDestroysIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		d := compose(t, baseline.Parts{Extra: []baseline.Part{phone{&part{name: "phone", journal: j}}}}, nil)
		start(t, d)
		synctest.Wait()
		assert.Contains(t, j.all(), "phone runs")
		assert.NotContains(t, j.all(), "resumed a call")
	})
}

// curious notes that it was asked for its health.
type curious struct{ *part }

func (c curious) Health(context.Context) error {
	c.journal.note("asked " + c.name)
	return errors.New("disk wears")
}

// A part that waits for an erasure has opened nothing yet, and is not asked.
func TestHealthAsksOnlyWhatIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, fails := &journal{}, &atomic.Bool{}
		fails.Store(true)
		d := compose(t, baseline.Parts{
			Eraser: resumer{eraser{&part{name: "eraser", journal: j}}, fails},
			Extra:  []baseline.Part{curious{&part{name: "worker", journal: j}}},
		}, nil)
		ctx := start(t, d)
		synctest.Wait()
		require.ErrorContains(t, d.Health(ctx), "Eraser is down")
		assert.NotContains(t, j.all(), "asked worker")
		fails.Store(false)
		time.Sleep(time.Hour)
		require.EqualError(t, d.Health(ctx), "baseline: health: Extra[0]: disk wears")
	})
}
