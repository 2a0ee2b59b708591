package access_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

func (d *device) order(ctx context.Context, p access.Permission, resource string) access.Mandate {
	d.t.Helper()
	m, err := d.NewMandate(ctx, access.MandateRequest{Acts: acts(p, resource), Reason: "x"})
	require.NoError(d.t, err)
	return m
}

func (d *device) dead(m access.Mandate, why string) {
	d.t.Helper()
	_, err := d.Resume(d.t.Context(), m)
	require.ErrorIs(d.t, err, access.ErrDenied, why)
}

// TestMandateOfAnEarlierOwnershipStaysDead: only the ownership that ended last
// finishes what it ordered, also after restarts.
func TestMandateOfAnEarlierOwnershipStaysDead(t *testing.T) {
	d := commissioned(t)
	m := d.order(d.as("ann"), access.EraseAll, "")
	require.NoError(t, d.EndOwnership(d.as("ann")))
	d.reopen()
	_, err := d.Resume(t.Context(), m)
	require.NoError(t, err, "its own ownership ended last")
	d.commission("bob")
	d.dead(m, "bob's device")
	bobs := d.order(d.as("bob"), access.EraseAll, "")
	require.NoError(t, d.EndOwnership(d.as("bob")))
	for range 2 {
		d.dead(m, "of the owner before last")
		_, err = d.Resume(t.Context(), bobs)
		require.NoError(t, err)
		d.reopen()
	}
}

func TestMandateOfTheLabelHolderEndsWithTheTimeWithoutOwner(t *testing.T) {
	spec := homeSpec()
	spec.Grants = append(spec.Grants, access.Grant{Role: access.RoleCommissioner, Permission: access.ResetRequest, Resources: []string{"**"}})
	d := provisioned(t)
	d.policy = compile(t, spec)
	d.reopen()
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	m := d.order(access.WithEntity(t.Context(), first), access.ResetRequest, "factory")
	d.reopen()
	_, err = d.Resume(t.Context(), m)
	require.NoError(t, err, "the same time without owner")
	d.commission("ann")
	d.dead(m, "ann's device")
	require.NoError(t, d.EndOwnership(d.as("ann")))
	d.dead(m, "another time without owner")
}

// TestEndOwnershipTwiceKeepsWhatIsFinished: a resumed reset ends the ownership again.
func TestEndOwnershipTwiceKeepsWhatIsFinished(t *testing.T) {
	d := commissioned(t)
	m := d.order(d.as("ann"), access.AccessDisown, "ownership")
	for range 3 {
		ctx, err := d.Resume(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, d.EndOwnership(ctx))
		d.reopen()
	}
	d.commission("bob")
	d.dead(m, "of ann")
}

func TestMandateNeedsARecord(t *testing.T) {
	d := commissioned(t)
	m := d.order(d.as("ann"), access.UpdateInstall, "app")
	raw := d.store.m["guard"]
	for _, c := range []struct {
		raw  string
		want error
	}{{"", access.ErrNotProvisioned}, {"1 {}", access.ErrUnreadable}} {
		d.store.m["guard"] = []byte(c.raw)
		if c.raw == "" {
			delete(d.store.m, "guard")
		}
		d.reopen()
		_, err := d.NewMandate(d.service("updated"), access.MandateRequest{Acts: acts(access.UpdateInstall, "app"), Reason: "x"})
		require.ErrorIs(t, err, c.want)
		d.dead(m, "nobody knows whose device it is")
	}
	d.store.m["guard"] = raw
	d.reopen()
	_, err := d.Resume(t.Context(), m)
	require.NoError(t, err)
}

func TestNilPartsKeepTheGuardShut(t *testing.T) {
	d := provisioned(t)
	d.opts.Parts = nil
	d.reopen()
	d.commission("ann")
	reason, shut := d.Shut()
	require.True(t, shut)
	require.Equal(t, "no part has been named to declare its credentials", reason)
	require.NoError(t, d.Credentials().Set("mqtt", nil))
	_, shut = d.Shut()
	require.True(t, shut, "who declares unasked does not stand for the others")
	require.False(t, d.may(d.as("ann"), access.AccessAssign, "viewer/bob"))
	require.Equal(t, "none named: shut for good", d.Features()[1].Settings[0].Value)
	d.opts.Parts = []string{}
	d.reopen()
	_, shut = d.Shut()
	require.False(t, shut, "the device says that it has none")
}

func TestOwnerRoles(t *testing.T) {
	for _, c := range []struct {
		allowed, roles []string
		path           string
	}{
		{nil, []string{"owner"}, ""},
		{nil, []string{"owner", "helpdesk"}, ""},
		{nil, []string{"updater", "owner", "helpdesk"}, "/roles/2"}, // sorted
		{[]string{"owner"}, []string{"owner", "helpdesk"}, "/roles/0"},
		{[]string{"owner", "updater"}, []string{"updater"}, ""},
		{[]string{}, []string{"owner"}, "/roles/0"},
	} {
		d := provisioned(t)
		d.opts.OwnerRoles = c.allowed
		d.reopen()
		first, err := d.Initial(t.Context(), d.label, "usb")
		require.NoError(t, err)
		err = d.Commission(access.WithEntity(t.Context(), first), access.Owner{ID: "eve", Roles: c.roles}, nothing)
		if c.path == "" {
			require.NoError(t, err, "%v", c)
			continue
		}
		var bad *access.InputError
		require.ErrorAs(t, err, &bad, "%v", c)
		require.Equal(t, c.path, bad.Path)
		require.Empty(t, d.Ownership())
	}
	d := provisioned(t)
	for _, name := range []string{"boss", access.RoleCommissioner} {
		_, err := access.OpenGuard(t.Context(), d.store, d.policy, &access.GuardOptions{OwnerRoles: []string{name}})
		require.ErrorContains(t, err, "/ownerRoles/0")
	}
}

func TestCommissionSetsOnlyTheOwnersCredentials(t *testing.T) {
	d := provisioned(t)
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	owner := access.Owner{ID: "ann", Roles: []string{"owner"}}
	require.NoError(t, d.Commission(access.WithEntity(t.Context(), first), owner, func(ctx context.Context) error {
		for resource, want := range map[string]bool{
			"password/ann": true, "passkey/ann": true,
			"password/bob": false, "password": false, "": false, "ann": false, "/ann": false, "a/b/ann": false, "password/ann/x": false, "password/ann/": false,
		} {
			assert.Equal(t, want, d.may(ctx, access.AccessCredentials, resource), "%q", resource)
		}
		return nil
	}))
}

// asking is a log handler that asks and changes the guard whose events it gets.
type asking struct {
	recorder
	guard func() *access.Guard
	n     int
}

func (a *asking) Handle(ctx context.Context, rec slog.Record) error {
	if g := a.guard(); g != nil && a.n < 100 {
		a.n++
		_ = g.Unassign(context.Background(), "x") // denied: logs again
		g.Reload(ctx)
		g.Shut()
	}
	return a.recorder.Handle(ctx, rec)
}

func TestLogHandlerMayUseTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a deadlock is a failure here, not a hang
		d := provisioned(t)
		log := &asking{guard: func() *access.Guard { return d.Guard }}
		d.opts.Log = slog.New(log)
		d.reopen()
		d.commission("ann")
		d.assign("bob", "viewer")
		require.ErrorIs(t, d.Assign(d.as("bob"), access.Assignment{ID: "eve", Kind: access.KindPerson, Roles: []string{"owner"}}), access.ErrDenied)
		require.ErrorIs(t, d.Unassign(t.Context(), "bob"), access.ErrDenied)
		_, err := d.ProvePresence(t.Context(), button{})
		require.NoError(t, err)
		_, err = d.ProvePresence(t.Context(), ending{d})
		require.ErrorIs(t, err, access.ErrDenied)
		require.GreaterOrEqual(t, log.n, 5)
		require.NotEmpty(t, log.named(access.EventDenied))
	})
}

// ending is a Presence during which the ownership ends.
type ending struct{ d *device }

func (e ending) Prove(context.Context, []byte) error { return e.d.EndOwnership(e.d.as("ann")) }

func TestInvalidateEndsEntities(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "owner")
	ann, bob, svc := d.as("ann"), d.as("bob"), d.service("updated")
	m, err := d.NewMandate(bob, access.MandateRequest{Acts: acts(access.UpdateInstall, "app"), Reason: "nightly", Standing: true})
	require.NoError(t, err)
	nightly, err := d.Resume(svc, m)
	require.NoError(t, err)

	require.NoError(t, d.Issuer("password").Invalidate("bob"))
	_, err = access.Check(bob, d.Guard, access.StatusRead, "")
	var denied *access.DeniedError
	require.ErrorAs(t, err, &denied)
	require.Equal(t, "authentication", denied.Missing)
	require.True(t, d.may(ann, access.StatusRead, ""), "others go on")
	require.True(t, d.may(svc, access.UpdateInstall, "app"))
	require.True(t, d.may(nightly, access.UpdateInstall, "app"), "a schedule is no session")
	require.True(t, d.may(d.as("bob"), access.StatusRead, ""), "he logged in again")
	d.assign("eve", "viewer")
	require.NoError(t, d.Reload(t.Context()))
	require.False(t, d.may(bob, access.StatusRead, ""), "changes of the record do not bring it back")

	for i := range 3000 { // no memory without bound, and none forgotten
		require.NoError(t, d.Issuer("password").Invalidate(fmt.Sprint("user", i)))
	}
	require.False(t, d.may(bob, access.StatusRead, ""))
	require.False(t, d.may(ann, access.StatusRead, ""), "too many: everybody authenticates again")
	require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
	require.True(t, d.may(svc, access.UpdateInstall, "app"))
	require.Error(t, d.Issuer("password").Invalidate("a/b"))
	require.Error(t, (*access.Issuer)(nil).Invalidate("bob"))
}

func TestEraseSubject(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "viewer")
	ann, bob := d.as("ann"), d.as("bob")
	s := d.Guard
	require.Equal(t, "assignments", s.Name())
	require.ErrorIs(t, s.Verify(ann, "bob"), fs.ErrExist)
	_, err := s.Erase(bob, "bob")
	require.ErrorIs(t, err, access.ErrDenied)
	require.ErrorIs(t, s.Verify(bob, "bob"), access.ErrDenied)
	for range 2 {
		method, err := s.Erase(ann, "bob")
		require.NoError(t, err)
		require.Contains(t, method, "removed")
		require.NoError(t, s.Verify(ann, "bob"))
	}
	require.Len(t, d.log.named(access.EventUnassigned), 1)
	require.NotContains(t, string(d.store.m["guard"]), `"bob"`)
	d.assign("bob", "viewer")
	require.False(t, d.may(bob, access.StatusRead, ""), "an entity of before the erasure")
	_, err = s.Erase(ann, "a/b")
	require.Error(t, err)
	d.store.get = fs.ErrPermission
	require.ErrorIs(t, s.Verify(ann, "bob"), fs.ErrPermission)
}
