package update_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// tamper changes every image at the server.
func tamper(v *vendor) {
	for name := range v.files {
		if strings.Contains(name, "images/") {
			v.files[name] = append([]byte("X"), v.files[name][1:]...)
		}
	}
}

// line returns the events called name.
func (d *device) line(name string) (list []string) {
	for l := range strings.Lines(d.log.String()) {
		if strings.Contains(l, "msg="+name+" ") {
			list = append(list, strings.TrimSpace(l))
		}
	}
	return list
}

// The log says who asked for an installation, from the request to its end.
func TestWhoInstalledIsLogged(t *testing.T) {
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	document := v.document()
	v.cutOff(700)
	d := booted(t, m, v, func(_ *update.Parts, o *update.Options) { o.Retries = 1 })
	require.ErrorIs(t, d.Install(as(t.Context(), "operator"), ""), update.ErrUnavailable)
	require.ErrorIs(t, d.Install(as(t.Context(), "operator"), ""), update.ErrUnavailable)
	lines := d.line(access.EventUpdateRequested)
	require.Len(t, lines, 1, "going on with it is no new request")
	assert.Contains(t, lines[0], "version=1.2 digest="+document.String()+" entity=operator kind=service")

	v.open = nil
	d = booted(t, m, v, nil)
	require.NoError(t, d.Install(as(t.Context(), "installer"), ""))
	require.Len(t, d.line(access.EventUpdateRequested), 1, "somebody else goes on with it")
	assert.Contains(t, d.line(access.EventUpdateRequested)[0], "entity=installer")

	trial := m.Clone()
	d = booted(t, m, v, nil)
	require.NoError(t, d.Confirm(as(t.Context(), "confirmer")))
	assert.Contains(t, d.line(access.EventUpdateInstalled)[0], "on_behalf=installer entity=confirmer")
	d = booted(t, trial, v, nil)
	require.NoError(t, d.Rollback(as(t.Context(), "returner"), "no good"))
	assert.Contains(t, booted(t, trial, v, nil).line(access.EventUpdateReverted)[0], "on_behalf=installer")
}

// The log says what was refused, by which class of reason, and who had asked.
func TestRefusalIsLogged(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(v *vendor)
		says  string
	}{
		"image":    {tamper, "version=1.6 digest=DOCUMENT reason=\"not verified\" entity=installer"},
		"metadata": {func(v *vendor) { v.refresh = update.ErrUntrusted }, "reason=\"not verified\" entity=installer"},
		"older":    {func(v *vendor) { v.publish(4, 0, nil) }, "version=1.4 digest=DOCUMENT reason=\"older than what may be installed\" entity=installer"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor()
			m := lab(t, v, 5)
			v.publish(6, 0, nil)
			tt.spoil(v)
			d := booted(t, m, v, nil)
			require.Error(t, d.Install(as(t.Context(), "installer"), ""))
			lines := d.line(access.EventUpdateRefused)
			require.Len(t, lines, 1)
			assert.Contains(t, lines[0], strings.ReplaceAll(tt.says, "DOCUMENT", v.document().String()))
		})
	}
}

// A mirror that lies about a genuine release is asked less and less often by the device
// alone, also across restarts; a person who insists is not held up.
func TestLyingMirrorWearsNothingOut(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		service := as(t.Context(), "operator")
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		images := v.files["targets/images/system-2"]
		tamper(v)
		often := func(_ *update.Parts, o *update.Options) {
			o.Policy, o.Tick = update.Policy{Automatic: true, CheckEvery: 7 * time.Minute}, 7*time.Minute
		}
		days := func(d *device, n int) {
			ctx, cancel := context.WithTimeout(service, time.Duration(n)*24*time.Hour)
			defer cancel()
			require.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		}
		d := booted(t, m, v, often)
		days(d, 1)
		first := len(v.opened)
		assert.InDelta(t, 5, first, 1, "after 1, 2, 4 and 8 hours")
		assert.Equal(t, first, d.events(access.EventUpdateRefused), "an event each")
		require.ErrorIs(t, d.Stats().Last, update.ErrUntrusted)
		assert.ErrorContains(t, d.Stats().Last, "were refused 5 times")
		days(d, 30)
		assert.Less(t, len(v.opened), first+15)
		d = booted(t, m, v, often)
		before := len(v.opened)
		days(d, 1)
		assert.Equal(t, before, len(v.opened), "a restart is no way around it")
		t.Logf("fetched day=%d 30-days=%d", first, before-first)

		require.ErrorIs(t, d.Install(service, ""), update.ErrUntrusted)
		assert.Equal(t, before+1, len(v.opened), "a person may insist")
		v.files["targets/images/system-2"] = images
		require.NoError(t, d.Install(service, ""))
		assert.NotContains(t, string(must(d.dir.Get(service, "update/journal"))), `"refused"`)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Metadata that does not verify gives an event an hour, however often it is looked for.
func TestSuspicionIsLoggedOnceAnHour(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		service := as(t.Context(), "operator")
		v := newVendor()
		d := booted(t, lab(t, v, 1), v, func(_ *update.Parts, o *update.Options) {
			o.Policy, o.Tick = update.Policy{Automatic: true, CheckEvery: time.Minute}, 10*time.Second
		})
		v.refresh = update.ErrUntrusted
		ctx, cancel := context.WithTimeout(service, 3*time.Hour-5*time.Minute)
		defer cancel()
		require.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, 3, d.events(access.EventUpdateRefused))
	})
}

// A source that says when to come again is left alone until then.
func TestSourceSaysWhenToComeAgain(t *testing.T) {
	later := func(d time.Duration) func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
		return func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
			return nil, 0, fmt.Errorf("busy: %w", durable.RetryAfter(errors.New("503"), d))
		}
	}
	for _, tt := range []struct {
		after  time.Duration
		opens  int
		within time.Duration
	}{
		{2 * time.Minute, 6, 15 * time.Minute}, // waited for
		{time.Hour, 1, time.Second},            // told to the caller
		{10000 * time.Hour, 1, time.Second},
		{-time.Hour, 6, 3 * time.Minute}, // no way to come at once
	} {
		guard() // not of the bubble
		synctest.Test(t, func(t *testing.T) {
			service := as(t.Context(), "operator")
			v := newVendor()
			m := lab(t, v, 1)
			v.publish(2, 0, nil)
			v.open = later(tt.after)
			d := booted(t, m, v, func(_ *update.Parts, o *update.Options) {
				o.Policy, o.Tick = update.Policy{Automatic: true, CheckEvery: time.Minute}, 10*time.Second
			})
			begun := time.Now()
			err := d.Install(service, "")
			require.ErrorIs(t, err, update.ErrUnavailable)
			var retry *durable.RetryError
			require.ErrorAs(t, err, &retry)
			assert.Equal(t, max(0, min(tt.after, 24*time.Hour)), retry.After)
			assert.Len(t, v.opened, tt.opens)
			assert.LessOrEqual(t, time.Since(begun), tt.within)
			assert.GreaterOrEqual(t, time.Since(begun), time.Duration(tt.opens-1)*max(0, tt.after))
			if tt.after < time.Hour {
				return
			}
			v.opened = nil
			ctx, cancel := context.WithTimeout(service, 6*time.Hour)
			defer cancel()
			require.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
			assert.LessOrEqual(t, len(v.opened), int(6*time.Hour/min(tt.after, 6*time.Hour))+1)
		})
	}
}

// who is a Guard that one entity lost its rights at.
type who struct {
	*access.Guard
	lost string
}

func (w *who) Decide(ctx context.Context, e *access.Entity, p access.Permission, on string) access.Decision {
	if e != nil && e.ID() == w.lost {
		return access.Decision{Reason: "revoked"}
	}
	return w.Guard.Decide(ctx, e, p, on)
}

// Who asked must still hold the permission when the device restarts on his word, not
// only the service that does it (PROTOCOLS 3). What he armed is taken back.
func TestWhoAskedLosesTheRight(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		installer, service := as(t.Context(), "installer"), as(t.Context(), "operator")
		v, held, g := newVendor(), true, &who{Guard: guard()}
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		d := booted(t, m, v, func(p *update.Parts, o *update.Options) {
			holding(&held)(p, o)
			p.Guard = g
		})
		require.ErrorIs(t, d.Install(installer, ""), update.ErrHeld)
		g.lost, held = "installer", false
		ctx, cancel := context.WithTimeout(service, 2*time.Minute)
		defer cancel()
		require.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Zero(t, d.host.restarts)
		assert.Equal(t, "a", slots{m, "system"}.load().Next)
		assert.Contains(t, d.line(access.EventUpdateReverted)[0], "who asked for it may not any more")

		require.NoError(t, d.Install(service, ""), "somebody who may asks again")
		g.lost = "operator"
		require.ErrorIs(t, d.Install(service, ""), access.ErrDenied)
	})
}
