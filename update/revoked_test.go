package update_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// revoking publishes release 1.3, which revokes 1.2.
func revoking(v *vendor) {
	v.publish(3, 2, func(r *update.Release) { r.BlockedNumbers = []uint64{2} })
}

// onTrial is a machine that release 1.2 was installed on and not started yet.
func onTrial(t *testing.T, v *vendor) *powercut.Machine {
	t.Helper()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	require.NoError(t, booted(t, m, v, nil).Install(as(t.Context(), "operator"), ""))
	return m
}

const forgedTrial = `1 {"state":"trial","document":%q,"version":"1.2","places":{"system":"b"},"component":0,"place":"b","offset":0,"armings":1,"starts":0,"elapsed":0,"link":false,"confirming":false,"reason":"","failed":null}`

// What the journal says, or that it is lost, makes no revoked release confirmable: the
// program says its number.
func TestRevokedWhateverTheJournalSays(t *testing.T) {
	ctx := as(t.Context(), "operator")
	for name, journal := range map[string]string{
		"as it was": "", "another document": fmt.Sprintf(forgedTrial, update.Digest{9}), "lost": "garbage",
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor()
			m := onTrial(t, v)
			revoking(v)
			if journal != "" {
				forge(t, m, "update/journal", []byte(journal))
				forge(t, m, "update/release", []byte("{}"))
			}
			d := booted(t, m, v, nil)
			require.ErrorIs(t, d.Confirm(ctx), update.ErrBlocked)
			assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
		})
	}
}

// A revocation that was seen holds when the vendor cannot be reached afterwards, sends
// what does not verify, or lists a document that nobody can fetch.
func TestRevocationIsRemembered(t *testing.T) {
	for name, hide := range map[string]func(v *vendor){
		"offline":  func(v *vendor) { v.refresh = update.ErrUnavailable },
		"lies":     func(v *vendor) { v.refresh = update.ErrUntrusted },
		"expired":  func(v *vendor) { v.refresh = update.ErrUntrusted; clear(v.targets) },
		"withheld": func(v *vendor) { v.publish(4, 2, nil) },
		"other components": func(v *vendor) {
			v.publish(4, 2, func(r *update.Release) { r.Components[0].Name = "radio"; r.BlockedNumbers = []uint64{2} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := as(t.Context(), "operator")
			v := newVendor()
			m := onTrial(t, v)
			d := booted(t, m, v, nil)
			trial := m.Clone()
			revoking(v)
			_, err := d.Check(ctx)
			require.NoError(t, err)
			hide(v)
			if name != "other components" {
				delete(v.files, "targets/"+update.ReleasePath(product, channel))
			}
			require.ErrorIs(t, d.Confirm(ctx), update.ErrBlocked)

			d = booted(t, m, v, nil)
			assert.Equal(t, "rolling back", d.State(), "at the next start it is given up at once, without anybody")
			assert.Equal(t, "1.1 trial=false floor=0 failed=1", booted(t, m, v, nil).state(t))

			// The control: who has not seen it confirms.
			if name == "offline" {
				require.NoError(t, booted(t, trial, v, nil).Confirm(ctx))
			}
		})
	}
}

// A trial ends as soon as it is known that its release was revoked, whatever its health.
func TestTrialEndsWhenRevoked(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator := as(t.Context(), "operator")
		v := newVendor()
		d := booted(t, onTrial(t, v), v, func(_ *update.Parts, o *update.Options) {
			o.Policy.TrialHealthy = time.Hour
			o.Policy.TrialLimit = time.Hour
		})
		ctx, cancel := context.WithTimeout(operator, 10*time.Second)
		defer cancel()
		time.AfterFunc(5*time.Second, func() {
			revoking(v)
			_, _ = d.Check(operator)
		})
		assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, "rolling back", d.State())
		assert.Contains(t, d.journal(operator).Reason, "revoked by 1.3")
	})
}

// holding is a gate for the restart.
func holding(held *bool) setup {
	return func(p *update.Parts, _ *update.Options) {
		p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
			if p == update.PhaseRestart && *held {
				return "the pump runs"
			}
			return ""
		})}
	}
}

// What was revoked since it was armed is disarmed, by whoever learns of it first.
func TestArmedAndRevoked(t *testing.T) {
	for name, learn := range map[string]func(ctx context.Context, t *testing.T, d *device){
		"by a check": func(ctx context.Context, t *testing.T, d *device) {
			_, err := d.Check(ctx)
			require.NoError(t, err)
		},
		"when the gate opens": func(context.Context, *testing.T, *device) {},
	} {
		t.Run(name, func(t *testing.T) {
			guard() // not of the bubble
			synctest.Test(t, func(t *testing.T) {
				operator := as(t.Context(), "operator")
				v, held := newVendor(), true
				m := lab(t, v, 1)
				v.publish(2, 2, nil)
				d := booted(t, m, v, holding(&held))
				require.ErrorIs(t, d.Install(operator, ""), update.ErrHeld)
				require.Equal(t, "b", slots{m, "system"}.load().Next)
				revoking(v)
				learn(operator, t, d)
				if name == "when the gate opens" {
					held = false
				}
				ctx, cancel := context.WithTimeout(operator, 5*time.Second)
				defer cancel()
				assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
				assert.Zero(t, d.host.restarts)
				assert.Equal(t, environment{Booted: "a", Next: "a", Good: map[string]bool{"a": true, "b": false}}, slots{m, "system"}.load())
				assert.Equal(t, "idle", d.State())
				assert.Contains(t, d.log.String(), "revoked by 1.3")
			})
		})
	}
}

// A program that starts again with a revoked release armed disarms it, before anybody
// is there to do anything.
func TestRecoverDisarmsTheRevoked(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v, held := newVendor(), true
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, holding(&held))
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrHeld)
	revoking(v)
	_, err := d.Check(ctx)
	require.NoError(t, err)
	d, err = start(t.Context(), m, v, nil) // the program alone, not the device
	require.NoError(t, err)
	require.NoError(t, d.Recover(t.Context()))
	assert.Equal(t, "idle", d.State())
	assert.Equal(t, "a", slots{m, "system"}.load().Next)
}

// A newer release takes the place of one that is armed and was not started.
func TestNewerInsteadOfArmed(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v, held, l := newVendor(), true, &interlock{pending: map[string]int{}}
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, func(p *update.Parts, o *update.Options) {
		holding(&held)(p, o)
		p.Interlock = l
	})
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrHeld)
	revoking(v)
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrHeld)
	assert.Equal(t, "restart", d.State())
	assert.Empty(t, l.pending)
	assert.Equal(t, 1, d.events(access.EventUpdateReverted))
	d = booted(t, m, v, nil)
	assert.Equal(t, "1.3 trial=true floor=0 failed=0", d.state(t))
}

// A document whose revocations break a rule is refused.
func TestBlockedNumbers(t *testing.T) {
	for rule, numbers := range map[string][]uint64{
		"/blocked_numbers/1": {1, 2}, "/blocked_numbers/0": {0}, "/blocked_numbers": make([]uint64, 257),
	} {
		v := newVendor()
		r := v.publish(2, 2, func(r *update.Release) { r.BlockedNumbers = numbers })
		var input *update.InputError
		require.ErrorAs(t, r.Check(), &input)
		assert.Equal(t, rule, input.Path)
	}
	r := newVendor().publish(4, 2, func(r *update.Release) { r.BlockedNumbers = []uint64{1, 3, 5} })
	require.NoError(t, r.Check())
}

// A gate is asked about a release that the verified metadata lists, or about none: what
// is kept beside the journal says nothing to it.
func TestGatesSeeTheVerified(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator := as(t.Context(), "operator")
		v, held, seen := newVendor(), true, []string{}
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		d := booted(t, m, v, func(p *update.Parts, _ *update.Options) { p.Gates = []update.Gate{watching{&held, &seen}} })
		require.ErrorIs(t, d.Install(operator, ""), update.ErrHeld)
		document, err := d.dir.Get(operator, "update/release")
		require.NoError(t, err)
		forge(t, m, "update/release", []byte(strings.Replace(string(document), `"number":2`, `"interrupts":"nothing","number":2`, 1)))
		d, err = start(operator, m, v, func(p *update.Parts, _ *update.Options) { p.Gates = []update.Gate{watching{&held, &seen}} })
		require.NoError(t, err)
		held = false
		ctx, cancel := context.WithTimeout(operator, 2*time.Second)
		defer cancel()
		assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, 1, d.host.restarts)
		require.NoError(t, booted(t, m, v, func(p *update.Parts, _ *update.Options) { p.Gates = []update.Gate{watching{&held, &seen}} }).Confirm(operator))
		assert.Equal(t, []string{"download 1.2 ", "activate 1.2 ", "restart 1.2 ", "restart  ", "confirm 1.2 "}, slices.Compact(seen))
	})
}

type watching struct {
	held *bool
	seen *[]string
}

func (w watching) Check(_ context.Context, p update.Phase, r *update.Release) update.Verdict {
	*w.seen = append(*w.seen, fmt.Sprintf("%s %s %s", p, r.Version, r.Interrupts))
	return update.Verdict{Held: *w.held && p == update.PhaseRestart}
}
