package update_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/update"
)

// What must not be installed is refused with its reason, and nothing is written.
func TestInstallRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		offer   func(v *vendor)
		version string
		floor   uint64
		want    error
	}{
		{"an older release", func(v *vendor) { v.publish(4, 0, nil) }, "", 0, update.ErrDowngrade},
		{"the number that runs under another name", func(v *vendor) {
			v.publish(5, 0, func(r *update.Release) { r.Version = "1.5-again" })
		}, "1.5-again", 0, update.ErrDowngrade},
		{"below the floor", func(v *vendor) { v.publish(6, 0, nil) }, "", 7, update.ErrDowngrade},
		{"what runs already, as the newest", func(v *vendor) { v.publish(5, 0, nil) }, "", 0, update.ErrNotOffered},
		{"another version than the one offered", func(v *vendor) { v.publish(6, 0, nil) }, "1.7", 0, update.ErrNotOffered},
		{"nothing is offered", func(*vendor) {}, "", 0, update.ErrNotOffered},
		{"for another product", func(v *vendor) {
			v.publish(6, 0, func(r *update.Release) { r.Product = "mixer" })
		}, "", 0, update.ErrUntrusted},
		{"for another channel", func(v *vendor) {
			v.publish(6, 0, func(r *update.Release) { r.Channel = "beta" })
		}, "", 0, update.ErrUntrusted},
		{"a component that the device has not", func(v *vendor) {
			v.publish(6, 0, func(r *update.Release) { r.Components[0].Name = "radio" })
		}, "", 0, update.ErrUntrusted},
		{"the metadata lists another image", func(v *vendor) {
			v.publish(6, 0, nil)
			v.sign("images/system-6", []byte("something else"))
		}, "", 0, update.ErrUntrusted},
		{"a document that is not what was signed", func(v *vendor) {
			v.publish(6, 0, nil)
			v.files["targets/"+update.ReleasePath(product, channel)][100]++
		}, "", 0, update.ErrUntrusted},
		{"metadata that is not verified", func(v *vendor) {
			v.publish(6, 0, nil)
			v.refresh = update.ErrUntrusted
		}, "", 0, update.ErrUntrusted},
		{"no way to the server, and nothing verified before", func(v *vendor) { v.refresh = update.ErrUnavailable }, "", 0, update.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := as(t.Context(), "operator")
			v := newVendor()
			m := lab(t, v, 5)
			tt.offer(v)
			d := booted(t, m, v, nil)
			require.NoError(t, d.floors.Raise(ctx, "release", tt.floor))
			_, _ = d.Check(ctx) // which keeps what the vendor says
			steps := m.Steps()
			assert.ErrorIs(t, d.Install(ctx, tt.version), tt.want)
			if tt.name != "the metadata lists another image" { // of which the document is kept
				assert.Equal(t, steps, m.Steps(), "something was written")
			}
			assert.Equal(t, []byte(nil), slots{m, "system"}.image("b"))
			assert.Empty(t, v.opened)
		})
	}
}

// The release that runs may be installed by name: that repairs the other place.
func TestReinstall(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 5)
	v.publish(5, 0, nil)
	d := booted(t, m, v, nil)
	require.NoError(t, d.Install(ctx, "1.5"))
	d = booted(t, m, v, nil)
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "b", slots{m, "system"}.load().Booted)
}

// A release that was verified before the way to the server was lost is installed, from
// a stick for instance.
func TestInstallOffline(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	v.refresh = update.ErrUnavailable
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
}

// Each operation needs its permission, and none other.
func TestPermissions(t *testing.T) {
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	d := booted(t, m, v, nil)
	for name, call := range map[string]func(ctx context.Context) error{
		"checker":   func(ctx context.Context) error { _, err := d.Check(ctx); return err },
		"installer": func(ctx context.Context) error { return d.Install(ctx, "") },
		"confirmer": d.Confirm,
		"returner":  func(ctx context.Context) error { return d.Rollback(ctx, "no reason") },
	} {
		for _, who := range []string{"checker", "installer", "confirmer", "returner", "nobody", ""} {
			ctx := t.Context()
			if who != "" {
				ctx = as(ctx, who)
			}
			if err := call(ctx); who == name {
				assert.NotErrorIs(t, err, access.ErrDenied, name)
			} else {
				assert.ErrorIs(t, err, access.ErrDenied, "%s as %s", name, who)
			}
		}
	}
	d = booted(t, m, v, func(p *update.Parts, _ *update.Options) { p.Guard = nil })
	assert.ErrorIs(t, d.Install(as(t.Context(), "operator"), ""), access.ErrDenied)
}

// revocable allows until it is revoked, as a guard does whose owner takes a role away.
type revocable struct {
	*access.Guard
	asked, allowed int
}

func (r *revocable) Decide(ctx context.Context, e *access.Entity, p access.Permission, on string) access.Decision {
	if r.asked++; r.asked > r.allowed {
		return access.Decision{Reason: "revoked"}
	}
	return r.Guard.Decide(ctx, e, p, on)
}

// A right that ends during the download ends the installation before it activates, and
// before a trial is confirmed.
func TestRevokedInTheMiddle(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	times := func(n int) setup {
		return func(p *update.Parts, _ *update.Options) { p.Guard = &revocable{Guard: guard(), allowed: n} }
	}
	d := booted(t, m, v, times(1))
	assert.ErrorIs(t, d.Install(ctx, ""), access.ErrDenied)
	assert.Equal(t, "installed", d.State())
	assert.Equal(t, "a", slots{m, "system"}.load().Next)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	d = booted(t, m, v, times(2))
	assert.ErrorIs(t, d.Confirm(ctx), access.ErrDenied)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
}

// Each gate holds its phase back, with its reason, and nothing is lost by it.
func TestGates(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	var held update.Phase
	d := booted(t, m, v, func(p *update.Parts, _ *update.Options) {
		p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
			if p == held {
				return "the pump runs"
			}
			return ""
		})}
	})
	for _, tt := range []struct {
		phase update.Phase
		state string
		opens int
	}{{update.PhaseDownload, "idle", 0}, {update.PhaseActivate, "installed", 1}, {update.PhaseRestart, "restart", 1}} {
		held = tt.phase
		err := d.Install(ctx, "")
		var why *update.HeldError
		require.ErrorAs(t, err, &why)
		assert.Equal(t, update.HeldError{Phase: tt.phase, Reason: "the pump runs"}, *why)
		assert.ErrorIs(t, err, update.ErrHeld)
		assert.Equal(t, tt.state, d.State())
		assert.Len(t, v.opened, tt.opens)
		assert.Zero(t, d.host.restarts)
	}
	held = ""
	require.NoError(t, d.Install(ctx, ""))
	assert.Equal(t, 1, d.host.restarts)
	d = booted(t, m, v, func(p *update.Parts, _ *update.Options) {
		p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
			if p == update.PhaseConfirm {
				return "nobody looked at it"
			}
			return ""
		})}
	})
	assert.ErrorIs(t, d.Confirm(ctx), update.ErrHeld)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
}

// A release is only confirmed as what it is.
func TestConfirmRefuses(t *testing.T) {
	trial := func(t *testing.T, v *vendor, change setup) (*device, context.Context) {
		t.Helper()
		ctx := as(t.Context(), "operator")
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
		return booted(t, m, v, change), ctx
	}
	t.Run("another number than its document", func(t *testing.T) {
		d, ctx := trial(t, newVendor(), func(p *update.Parts, _ *update.Options) { p.Running.Number = 9 })
		assert.ErrorIs(t, d.Confirm(ctx), update.ErrUntrusted)
	})
	t.Run("below the floor", func(t *testing.T) {
		d, ctx := trial(t, newVendor(), nil)
		require.NoError(t, d.floors.Raise(ctx, "release", 3))
		assert.ErrorIs(t, d.Confirm(ctx), update.ErrDowngrade)
	})
	t.Run("revoked", func(t *testing.T) {
		v := newVendor()
		d, ctx := trial(t, v, nil)
		bad := v.document()
		v.publish(3, 2, func(r *update.Release) { r.Blocked = []update.Digest{bad} })
		assert.ErrorIs(t, d.Confirm(ctx), update.ErrBlocked)
		assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
	})
	t.Run("while the floors cannot be read", func(t *testing.T) {
		d, ctx := trial(t, newVendor(), func(p *update.Parts, _ *update.Options) { p.Floors = closedFloors{} })
		assert.ErrorIs(t, d.Confirm(ctx), errClosed)
		_, trial, err := d.Status(ctx)
		assert.True(t, err == nil && trial)
	})
}

var errClosed = errors.New("the vault is closed")

type closedFloors struct{}

func (closedFloors) Get(context.Context, string) (uint64, error) { return 0, errClosed }
func (closedFloors) Raise(context.Context, string, uint64) error { return errClosed }

// The floor follows the release that runs and is confirmed, and nothing else.
func TestFloorFollowsTheConfirmed(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	d := booted(t, m, v, nil)
	_, err := d.Check(ctx)
	assert.ErrorIs(t, err, update.ErrNotOffered)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t), "not on trial")
	v.publish(3, 3, nil)
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "1.2 trial=false floor=0 failed=0", d.state(t), "by no document of another release")
	v.publish(2, 2, nil)
	_, err = d.Check(ctx)
	assert.ErrorIs(t, err, update.ErrNotOffered)
	assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t), "when its document is verified again")
}

// What was compiled into the image holds without any document.
func TestFloorOfTheImage(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	clear(v.targets)
	d := booted(t, m, v, func(p *update.Parts, _ *update.Options) { p.Running.Floor = 2 })
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
}
