package update_test

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/update"
)

// bubble runs a device that has release 1.2 on trial, as who, for a time.
func bubble(t *testing.T, who string, d time.Duration, change setup, judge func(t *testing.T, d *device, v *vendor)) {
	t.Helper()
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator, service := as(t.Context(), "operator"), as(t.Context(), who)
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		require.NoError(t, booted(t, m, v, nil).Install(operator, ""))
		dev := booted(t, m, v, change)
		ctx, cancel := context.WithTimeout(service, d)
		defer cancel()
		assert.ErrorIs(t, dev.Run(ctx), context.DeadlineExceeded)
		judge(t, dev, v)
	})
}

func TestTrialIsConfirmedWhenHealthy(t *testing.T) {
	bubble(t, "confirmer", 70*time.Second, nil, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
		assert.Equal(t, 1, d.Stats().Confirmed)
		assert.Zero(t, d.host.watchdog, "the watchdog is ended")
	})
	bubble(t, "confirmer", 50*time.Second, nil, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t), "not before its time")
		assert.Equal(t, 10*time.Minute, d.host.watchdog)
	})
}

func TestTrialIsRolledBack(t *testing.T) {
	sick := func(p *update.Parts, _ *update.Options) {
		p.Health = healthFunc(func(context.Context) error { return errSick })
	}
	for name, tt := range map[string]struct {
		who    string
		change setup
		says   string
	}{
		"by ill health": {"confirmer", sick, "the pump does not answer"},
		"by health that never lasts": {"confirmer", func(p *update.Parts, _ *update.Options) {
			n := 0
			p.Health = healthFunc(func(context.Context) error {
				if n++; n%30 == 0 {
					return errSick
				}
				return nil
			})
		}, "not confirmed in time"},
		"by no answer": {"confirmer", func(p *update.Parts, _ *update.Options) {
			p.Health = healthFunc(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}, "deadline exceeded"},
		"when nobody may confirm": {"nobody", nil, "denied"},
		"when a gate never opens": {"confirmer", func(p *update.Parts, _ *update.Options) {
			p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
				if p == update.PhaseConfirm {
					return "nobody looked"
				}
				return ""
			})}
		}, "nobody looked"},
		"at once when it is not what its document says": {"confirmer", func(p *update.Parts, _ *update.Options) { p.Running.Number = 7 }, "its release"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, tt.who, 4*time.Hour, tt.change, func(t *testing.T, d *device, v *vendor) {
				assert.Equal(t, "rolling back", d.State())
				assert.Positive(t, d.host.restarts)
				d = booted(t, d.m, v, nil)
				assert.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
				assert.Equal(t, 1, d.events(access.EventUpdateReverted))
				assert.Contains(t, d.log.String(), tt.says)
			})
		})
	}
}

// Where both places are bad nothing flips: the one that runs goes on.
func TestNoWayBack(t *testing.T) {
	sick := func(p *update.Parts, _ *update.Options) {
		p.Health = healthFunc(func(context.Context) error { return errSick })
	}
	bubble(t, "operator", time.Second, nil, func(t *testing.T, d *device, v *vendor) {
		s := slots{d.m, "system"}
		e := s.load()
		e.Good["a"] = false
		require.NoError(t, s.keep(e))
		d = booted(t, d.m, v, sick)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
		assert.Zero(t, d.host.restarts)
		assert.ErrorContains(t, d.Health(t.Context()), "no confirmed release to go back to")
	})
}

// A release that lost the local network is given time to find it again, and is not
// rolled back for being offline.
func TestTrialWaitsForTheLink(t *testing.T) {
	down := func(p *update.Parts, _ *update.Options) { p.Host = &host{down: true} }
	bubble(t, "confirmer", 14*time.Minute, down, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
	})
	bubble(t, "confirmer", 16*time.Minute, down, func(t *testing.T, d *device, _ *vendor) {
		assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
	})
}

// The clock of a trial goes on over restarts of the program; too many of them end it.
func TestTrialIsBounded(t *testing.T) {
	sick := func(p *update.Parts, _ *update.Options) {
		p.Health = healthFunc(func(context.Context) error { return errSick })
	}
	bubble(t, "operator", 20*time.Minute, sick, func(t *testing.T, d *device, v *vendor) {
		d, err := start(t.Context(), d.m, v, sick)
		require.NoError(t, err)
		require.NoError(t, d.Recover(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
		defer cancel()
		assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, "rolling back", d.State())
	})
	bubble(t, "operator", time.Second, nil, func(t *testing.T, d *device, v *vendor) {
		for i := range 8 {
			assert.Equal(t, "trial", d.State(), "start %d", i)
			var err error
			d, err = start(t.Context(), d.m, v, nil)
			require.NoError(t, err)
			require.NoError(t, d.Recover(t.Context()))
			require.NoError(t, d.Recover(t.Context()), "again in the same run counts once")
		}
		assert.Equal(t, "rolling back", d.State())
		assert.Equal(t, 1, d.host.restarts)
	})
}

// The boot loader gives up a release that does not start: that is noticed, and the
// release is not tried again.
func TestBootLoaderGivesUp(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, func(_ *update.Parts, o *update.Options) { o.Tries = 1 })
	require.NoError(t, d.Install(ctx, ""))
	require.NoError(t, powerOn(m, v)) // 1.2 starts, and hangs before it does anything
	d = booted(t, m, v, nil)
	assert.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
	assert.Equal(t, "rolled back", d.State())
	assert.Contains(t, d.log.String(), "the boot loader gave it up")
	assert.ErrorIs(t, d.Install(ctx, ""), update.ErrBlocked)
	_, err := d.Check(ctx)
	assert.ErrorIs(t, err, update.ErrBlocked)
	twice := booted(t, m, v, func(_ *update.Parts, o *update.Options) { o.Attempts = 2 })
	require.NoError(t, twice.Install(ctx, ""), "when two attempts are allowed")
	v.publish(3, 2, nil)
	require.NoError(t, twice.Install(ctx, ""), "instead of what was armed and not started")
	assert.Equal(t, "1.3 trial=true floor=0 failed=1", booted(t, m, v, nil).state(t))
}

// What failed is its images, whatever another document says of them.
func TestFailedImagesStayFailed(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, nil)
	require.NoError(t, d.Install(ctx, ""))
	d = booted(t, m, v, nil)
	require.NoError(t, d.Rollback(ctx, "it hums"))
	d = booted(t, m, v, nil)
	v.publish(2, 1, func(r *update.Release) { r.Notes = "it does not hum" })
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrBlocked)
	require.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
	v.publish(2, 2, func(r *update.Release) {
		image := append(v.image("system", 2, imageSize), '!')
		v.known[string(image)] = versionOf(2)
		r.Components[0].Digest, r.Components[0].Length = sha256.Sum256(image), int64(len(image))
		v.sign(r.Components[0].Path, image)
	})
	require.NoError(t, d.Install(ctx, ""))
	require.Equal(t, "1.2 trial=true floor=0 failed=1", booted(t, m, v, nil).state(t))
}

// Run checks and installs by the policy, as who it runs.
func TestAutomatic(t *testing.T) {
	for name, tt := range map[string]struct {
		policy update.Policy
		who    string
		want   string
	}{
		"on":                 {update.Policy{Automatic: true, CheckEvery: time.Hour}, "operator", "restart"},
		"only looking":       {update.Policy{CheckEvery: time.Hour}, "operator", "idle"},
		"never looking":      {update.Policy{Automatic: true}, "operator", "idle"},
		"by who may not":     {update.Policy{Automatic: true, CheckEvery: time.Hour}, "checker", "idle"},
		"by who may nothing": {update.Policy{Automatic: true, CheckEvery: time.Hour}, "nobody", "idle"},
	} {
		t.Run(name, func(t *testing.T) {
			guard() // not of the bubble
			synctest.Test(t, func(t *testing.T) {
				service := as(t.Context(), tt.who)
				v := newVendor()
				m := lab(t, v, 1)
				v.publish(2, 2, nil)
				d := booted(t, m, v, func(_ *update.Parts, o *update.Options) { o.Policy, o.Tick = tt.policy, 10*time.Second })
				ctx, cancel := context.WithTimeout(service, 3*time.Hour)
				defer cancel()
				assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
				assert.Equal(t, tt.want, d.State())
				assert.Equal(t, tt.want == "restart", d.host.restarts > 100, "asked for again each minute")
			})
		})
	}
}

func TestConfigure(t *testing.T) {
	v := newVendor()
	d := booted(t, lab(t, v, 1), v, nil)
	on := update.Policy{Automatic: true, CheckEvery: time.Hour}
	require.NoError(t, d.Configure(t.Context(), on), "the program itself, at its start")
	require.NoError(t, d.Configure(as(t.Context(), "nobody"), on), "what changes nothing needs nothing")
	never := update.Policy{Automatic: true}
	for _, tt := range []struct {
		who    string
		policy update.Policy
		may    bool
	}{
		{"nobody", update.Policy{}, false}, // no updates any more
		{"installer", update.Policy{CheckEvery: time.Hour, Automatic: true, TrialLimit: time.Hour}, false},
		{"policymaker", update.Policy{TrialLimit: time.Hour}, true},
		{"policymaker", on, false},
		{"policymaker", never, true}, // switched on, but it never looks
		{"nobody", on, false},        // which looking would switch on
		{"policymaker", on, false},
		{"operator", on, true},
		{"policymaker", update.Policy{CheckEvery: 2 * time.Hour, Automatic: true}, false},
		{"policymaker", update.Policy{CheckEvery: time.Hour}, true},
	} {
		before := d.Features()[3]
		err := d.Configure(as(t.Context(), tt.who), tt.policy)
		if tt.may {
			require.NoError(t, err, "%+v", tt)
			continue
		}
		require.ErrorIs(t, err, access.ErrDenied, "%+v", tt)
		assert.Equal(t, before, d.Features()[3])
	}
	for _, p := range []update.Policy{
		{CheckEvery: time.Second},
		{TrialHealthy: time.Hour, TrialLimit: time.Minute},
		{TrialHealthy: 1, TrialLimit: 1},
		{TrialHealthy: time.Second - 1, TrialLimit: time.Hour},
	} {
		for _, who := range []context.Context{t.Context(), as(t.Context(), "operator")} {
			assert.ErrorIs(t, d.Configure(who, p), fs.ErrInvalid, "%+v", p)
		}
	}
}
