package access_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

func TestFailedStoreLeavesOldOrNew(t *testing.T) {
	for _, kept := range []bool{false, true} {
		d := commissioned(t)
		bob := d.as("bob")
		d.store.put, d.store.keep = durable.ErrFull, kept
		err := d.Assign(d.as("ann"), access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}})
		require.ErrorIs(t, err, durable.ErrFull)
		require.Equal(t, kept, d.may(bob, access.StatusRead, ""), "the guard decides by what the medium holds")
		require.Empty(t, d.log.named(access.EventAssigned))
	}
	d := commissioned(t)
	d.store.hook = func(string) { d.store.get = errors.New("gone") }
	d.store.put = errors.New("io")
	require.Error(t, d.Unassign(d.as("ann"), "ann"))
	require.ErrorIs(t, d.Health(t.Context()), access.ErrUnreadable)
	require.False(t, d.may(d.as("ann"), access.StatusRead, ""), "unknown state: denied")
	require.ErrorIs(t, d.Assign(d.as("ann"), access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}), access.ErrUnreadable)
	d.store.get = nil
	require.NoError(t, d.Reload(t.Context()))
	require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
}

func TestDamagedOrMissingStateOpensNothing(t *testing.T) {
	d := commissioned(t)
	good := d.store.m["guard"]
	for i := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[i] ^= 1 << bit
			d.store.m["guard"] = bad
			g, err := access.OpenGuard(t.Context(), d.store, d.policy, &d.opts)
			require.NoError(t, err)
			if g.Health(t.Context()) == nil { // an authenticated store would have seen it; a plain one cannot
				continue
			}
			requireShut(t, g, "byte %d bit %d", i, bit)
		}
	}
	for name, raw := range map[string]string{
		"empty": "", "no format": "{}", "newer": "9 {}", "nothing in it": "1 {}", "null": "1 null",
		"open without verifier":  `1 {"verifier":{"salt":"","sum":""},"serves":false,"ownership":"","assignments":[]}`,
		"roles while it serves":  strings.Replace(strings.Replace(string(good), `"serves":false`, `"serves":true`, 1), d.Ownership(), "", 1),
		"not shut, no ownership": strings.Replace(string(good), d.Ownership(), "", 1),
		"twice":                  strings.Replace(string(good), `"serves"`, `"serves":false,"serves"`, 1),
	} {
		require.NotEqual(t, string(good), raw, name)
		d.store.m["guard"] = []byte(raw)
		g, err := access.OpenGuard(t.Context(), d.store, d.policy, &d.opts)
		require.NoError(t, err, name)
		require.ErrorIs(t, g.Health(t.Context()), access.ErrUnreadable, name)
		requireShut(t, g, "%s", name)
		_, err = g.Initial(t.Context(), d.label, "usb")
		require.ErrorIs(t, err, access.ErrUnreadable)
		_, err = access.Provision(t.Context(), d.store, nil)
		require.Error(t, err, "a damaged record is no licence to provision again")
		require.Equal(t, raw, string(d.store.m["guard"]))
	}
	delete(d.store.m, "guard")
	g, err := access.OpenGuard(t.Context(), d.store, d.policy, &d.opts)
	require.NoError(t, err)
	require.NoError(t, g.Health(t.Context()))
	requireShut(t, g, "missing")
	_, err = g.Initial(t.Context(), d.label, "usb")
	require.ErrorIs(t, err, access.ErrNotProvisioned)
}

// requireShut makes sure that nobody may do anything, but services and presence
// what passes the shut guard.
func requireShut(t *testing.T, g *access.Guard, format string, args ...any) {
	t.Helper()
	reason, shut := g.Shut()
	require.True(t, shut, "%v", fmt.Sprintf(format, args...))
	require.NotEmpty(t, reason)
	for _, kind := range []access.Kind{access.KindPerson, access.KindDevice, access.KindService} {
		for _, id := range []string{"ann", "bob", "updated", "boss"} {
			e, err := g.Issuer("t").Issue(access.Facts{ID: id, Kind: kind, Interface: "lan"})
			require.NoError(t, err)
			for _, info := range access.Permissions() {
				service := kind == access.KindService && id == "updated" && strings.HasPrefix(string(info.Name), "update.")
				require.Equal(t, service, g.Decide(t.Context(), e, info.Name, "x").Allowed, "%v %s %s: %s", kind, id, info.Name, fmt.Sprintf(format, args...))
			}
		}
	}
}

func TestHeldAndCancelledAreErrors(t *testing.T) {
	d := commissioned(t)
	d.store.get = fmt.Errorf("store: %w", durable.ErrHeld)
	_, err := access.OpenGuard(t.Context(), d.store, d.policy, nil)
	require.ErrorIs(t, err, durable.ErrHeld)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.store.get = ctx.Err()
	_, err = access.OpenGuard(ctx, d.store, d.policy, nil)
	require.ErrorIs(t, err, context.Canceled)
	d.store.get = errors.New("medium")
	d.reopen()
	require.ErrorIs(t, d.Health(t.Context()), access.ErrUnreadable)
	d.store.get = nil
	require.NoError(t, d.Reload(t.Context()))
}

// TestWear: nothing that somebody without credentials can cause writes to the medium.
func TestWear(t *testing.T) {
	writes := 0
	d := provisioned(t)
	d.store.hook = func(string) { writes++ }
	for i := range 1000 {
		_, err := d.Initial(t.Context(), fmt.Sprint("guess", i), "usb")
		require.ErrorIs(t, err, access.ErrDenied)
		require.False(t, d.may(t.Context(), access.StatusRead, fmt.Sprint(i)))
		require.ErrorIs(t, d.EndOwnership(d.as("eve")), access.ErrDenied)
		require.ErrorIs(t, d.Unassign(d.as("eve"), "ann"), access.ErrDenied)
		_, err = d.NewMandate(d.as("eve"), access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "x"})
		require.ErrorIs(t, err, access.ErrDenied)
	}
	lines := len(d.log.named(access.EventDenied))
	t.Logf("writes=%d increments=0 lines=%d", writes, lines)
	require.Zero(t, writes)
	require.LessOrEqual(t, lines, 66+66, "denials are folded")
	d.store.hook = nil
	d.commission("ann")
	d.store.hook = func(string) { writes++ }
	d.assign("bob", "viewer")
	require.Equal(t, 1, writes, "one change, one write")
	d.assign("bob", "viewer")
	require.Equal(t, 1, writes, "no change, no write")
}
