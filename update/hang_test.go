package update_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// What hangs whatever its context says neither keeps a trial from being given up nor a
// person from rolling back, and is not asked a second time meanwhile.
func TestWhatHangs(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(p *update.Parts, hang func())
		says   string
	}{
		"health": {func(p *update.Parts, hang func()) {
			p.Health = healthFunc(func(context.Context) error { hang(); return nil })
		}, "not healthy: it still has not answered"},
		"gate": {func(p *update.Parts, hang func()) {
			p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
				if p == update.PhaseConfirm {
					hang()
				}
				return ""
			})}
		}, "confirm: held back: a gate: it still has not answered"},
	} {
		t.Run(name+"/given up", func(t *testing.T) {
			hung(t, tt.change, func(t *testing.T, d *device, m *powercut.Machine, v *vendor) {
				run(t, d, time.Hour)
				assert.Equal(t, "rolling back", d.State())
				assert.Positive(t, d.host.restarts)
				d = booted(t, m, v, nil)
				assert.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
				assert.Contains(t, d.log.String(), tt.says)
			})
		})
		t.Run(name+"/rolled back by a person", func(t *testing.T) {
			hung(t, tt.change, func(t *testing.T, d *device, m *powercut.Machine, v *vendor) {
				run(t, d, 2*time.Minute)
				assert.Error(t, d.Confirm(as(t.Context(), "confirmer")))
				require.NoError(t, d.Rollback(as(t.Context(), "operator"), "it hangs"))
				assert.Equal(t, "1.1 trial=false floor=0 failed=1", booted(t, m, v, nil).state(t))
			})
		})
	}
}

// hung runs what has release 1.2 on trial, where hang does not return until the end.
func hung(t *testing.T, change func(p *update.Parts, hang func()), judge func(t *testing.T, d *device, m *powercut.Machine, v *vendor)) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		require.NoError(t, booted(t, m, v, nil).Install(as(t.Context(), "operator"), ""))
		var asked atomic.Int64
		end := make(chan struct{})
		d := booted(t, m, v, func(p *update.Parts, _ *update.Options) {
			change(p, func() { asked.Add(1); <-end })
		})
		judge(t, d, m, v)
		assert.Equal(t, int64(1), asked.Load())
		close(end)
	})
}

// run runs d for so long. Run does not return then, since what it asked still works on that.
func run(t *testing.T, d *device, long time.Duration) {
	ctx, cancel := context.WithTimeout(as(t.Context(), "confirmer"), long)
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-time.After(long + time.Hour)
	assert.Empty(t, done)
	t.Cleanup(func() {
		cancel()
		assert.ErrorIs(t, <-done, context.DeadlineExceeded)
	})
}

// Who answers again after he was silent is asked again.
func TestHealthComesBack(t *testing.T) {
	asked := 0
	slow := func(p *update.Parts, _ *update.Options) {
		p.Health = healthFunc(func(context.Context) error {
			if asked++; asked == 1 {
				<-time.After(time.Minute)
			}
			return nil
		})
	}
	bubble(t, "confirmer", 3*time.Minute, slow, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
	})
}

// A trial ends in time also where each look takes longer than a tick.
func TestTrialLimitIsTime(t *testing.T) {
	slow := func(p *update.Parts, o *update.Options) {
		o.Tick = time.Millisecond
		p.Health = healthFunc(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	}
	bubble(t, "confirmer", 31*time.Minute, slow, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "rolling back", d.State())
	})
}

// A policy that changes while a part is asked is that of the next look: this one ends by
// the limit that it began with, and says why.
func TestPolicyChangesWithinALook(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		require.NoError(t, booted(t, m, v, nil).Install(as(t.Context(), "operator"), ""))
		var dev *device
		start := time.Now()
		dev = booted(t, m, v, func(p *update.Parts, _ *update.Options) {
			p.Health = healthFunc(func(ctx context.Context) error {
				if time.Since(start) < 30*time.Minute {
					return errSick
				}
				return dev.Configure(as(ctx, "operator"), update.Policy{TrialLimit: time.Hour})
			})
		})
		ctx, cancel := context.WithTimeout(as(t.Context(), "confirmer"), 32*time.Minute)
		defer cancel()
		require.ErrorIs(t, dev.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, "rolling back", dev.State())
		dev = booted(t, dev.m, v, nil)
		assert.Contains(t, dev.log.String(), "not confirmed in time")
	})
}
