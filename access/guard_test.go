package access_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

func TestAssignAndRevoke(t *testing.T) {
	d := commissioned(t)
	bob := d.as("bob")
	require.False(t, d.may(bob, access.ConfigWrite, "settings/lamp/level"))
	d.assign("bob", "operator")
	require.True(t, d.may(bob, access.ConfigWrite, "settings/lamp/level"))
	d.reopen()
	bob = d.as("bob")
	require.True(t, d.may(bob, access.ConfigWrite, "settings/lamp/level"), "kept")
	d.assign("bob", "viewer")
	require.False(t, d.may(bob, access.ConfigWrite, "settings/lamp/level"), "taken from the running entity")
	require.True(t, d.may(bob, access.StatusRead, ""))

	list, err := d.Entities(d.as("ann"))
	require.NoError(t, err)
	require.Equal(t, []access.Assignment{{ID: "ann", Kind: access.KindPerson, Roles: []string{"owner"}}, {ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}}, list)
	_, err = d.Entities(bob)
	require.ErrorIs(t, err, access.ErrDenied)
	lines, err := d.Explain(d.as("ann"), "bob")
	require.NoError(t, err)
	require.Contains(t, lines, "viewer: status.read on ** (grant 0)")
	_, err = d.Explain(bob, "bob")
	require.ErrorIs(t, err, access.ErrDenied)

	require.NoError(t, d.Unassign(d.as("ann"), "bob"))
	require.False(t, d.may(bob, access.StatusRead, ""))
	require.NoError(t, d.Unassign(d.as("ann"), "bob"), "idempotent")
	require.Len(t, d.log.named(access.EventAssigned), 2)
	require.Equal(t, "bob", d.log.named(access.EventUnassigned)[0][access.KeySubject])
}

func TestNobodyGivesHimselfMore(t *testing.T) {
	d := commissioned(t)
	d.assign("hugo", "helpdesk")
	hugo := d.as("hugo")
	give := func(id string, roles ...string) error {
		return d.Assign(hugo, access.Assignment{ID: id, Kind: access.KindPerson, Roles: roles})
	}
	require.NoError(t, give("bob", "viewer"))
	for name, err := range map[string]error{
		"himself":          give("hugo", "helpdesk", "owner"),
		"another":          give("bob", "viewer", "owner"),
		"takes from owner": give("ann", "viewer"),
		"same roles":       give("ann", "owner"),
		"changes kind":     d.Assign(hugo, access.Assignment{ID: "ann", Kind: access.KindDevice, Roles: []string{"owner"}}),
		"kind and a role":  d.Assign(hugo, access.Assignment{ID: "ann", Kind: access.KindDevice, Roles: []string{"owner", "viewer"}}),
		"unassign":         d.Unassign(hugo, "ann"),
		"unassign nobody":  d.Unassign(d.as("bob"), "none"),
		"viewer":           d.Assign(d.as("bob"), access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}),
		"nobody":           d.Assign(t.Context(), access.Assignment{ID: "eve", Kind: access.KindPerson, Roles: []string{"viewer"}}),
	} {
		require.ErrorIs(t, err, access.ErrDenied, name)
	}
	require.True(t, d.may(d.as("ann"), access.AccessRead, "entities"))
	require.NoError(t, d.Unassign(hugo, "bob"), "who may give a role may take it")
}

func TestAssignRefusesBadInput(t *testing.T) {
	d := commissioned(t)
	before := d.store.m["guard"]
	for path, a := range map[string]access.Assignment{
		"assignment/id":      {ID: "b b", Kind: access.KindPerson, Roles: []string{"viewer"}},
		"is a name that":     {ID: "resume", Kind: access.KindPerson, Roles: []string{"viewer"}},
		"assignment/kind":    {ID: "bob", Kind: access.KindService, Roles: []string{"viewer"}},
		"/roles: has 1":      {ID: "bob", Kind: access.KindPerson},
		"/roles/1: is given": {ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer", "viewer"}},
		"/roles/0: names":    {ID: "bob", Kind: access.KindPerson, Roles: []string{"boss"}},
		"/roles/0: is not a": {ID: "bob", Kind: access.KindPerson, Roles: []string{"commissioner"}},
	} {
		err := d.Assign(d.as("ann"), a)
		var bad *access.InputError
		require.ErrorAs(t, err, &bad, path)
		assert.ErrorContains(t, err, path)
	}
	require.Error(t, d.Unassign(d.as("ann"), "b b"))
	require.Equal(t, before, d.store.m["guard"])
}

func TestEntitiesAreBounded(t *testing.T) {
	d := commissioned(t)
	for i := range access.MaxEntities - 1 {
		d.assign(fmt.Sprint("user", i), "viewer")
	}
	err := d.Assign(d.as("ann"), access.Assignment{ID: "more", Kind: access.KindPerson, Roles: []string{"viewer"}})
	require.ErrorIs(t, err, access.ErrFull)
	d.assign("user1", "operator")
}

func TestServicesComeFromTheRelease(t *testing.T) {
	d := commissioned(t)
	require.True(t, d.may(d.service("updated"), access.UpdateInstall, "app"))
	require.False(t, d.may(d.service("updated"), access.ResetRequest, "factory"))
	require.False(t, d.may(d.service("idle"), access.StatusRead, ""))
	require.False(t, d.may(d.service("unknown"), access.StatusRead, ""))
	for _, o := range []access.GuardOptions{
		{Services: map[string][]string{"resume": {"updater"}}},
		{Services: map[string][]string{"a b": {"updater"}}},
		{Services: map[string][]string{"a": {"nobody"}}},
		{Services: map[string][]string{"a": {access.RolePresence}}},
		{Local: []string{"a b"}}, {Parts: []string{"A"}}, {PresenceWindow: -1}, {PresenceWindow: 2 * time.Hour},
	} {
		_, err := access.OpenGuard(t.Context(), newMem(), d.policy, &o)
		var bad *access.InputError
		require.ErrorAs(t, err, &bad, "%+v", o)
	}
	_, err := access.OpenGuard(t.Context(), nil, d.policy, nil)
	require.Error(t, err)
	_, err = access.OpenGuard(t.Context(), newMem(), nil, nil)
	require.Error(t, err)
}

func TestRolesOfAnotherReleaseGiveNothing(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "operator")
	d.policy = compile(t, access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}},
		Grants: []access.Grant{{Role: "owner", Permission: access.StatusRead, Resources: []string{"**"}}},
	})
	d.opts.Services = nil
	d.reopen()
	require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
	require.False(t, d.may(d.as("bob"), access.StatusRead, ""))
}

func TestRevocationReachesRunningWork(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "operator")
	var wg sync.WaitGroup
	started := make(chan struct{}, 4)
	begun, done := make(chan struct{}), make(chan struct{}) // the revocation
	over := func(c chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	for range 4 {
		ctx := d.as("bob")
		wg.Go(func() {
			for i := 0; ; i++ {
				late := over(done)
				if !d.may(ctx, access.ConfigWrite, "settings/lamp/level") {
					assert.True(t, over(begun), "denied before the revocation began")
					return
				}
				if late {
					assert.Fail(t, "allowed after the revocation")
					return
				}
				if i == 100 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	close(begun)
	require.NoError(t, d.Unassign(d.as("ann"), "bob"))
	close(done)
	require.False(t, d.may(d.as("bob"), access.StatusRead, ""))
	wg.Wait()
}

func TestConcurrentChangesAreAllKept(t *testing.T) {
	d := commissioned(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { d.assign(fmt.Sprint("user", i), "viewer") })
		wg.Go(func() { assert.NoError(t, d.Credentials().Set(fmt.Sprint("part", i), nil)) })
		wg.Go(func() { assert.NoError(t, d.Reload(t.Context())) })
	}
	wg.Wait()
	d.reopen()
	require.Equal(t, 21, d.Stats().Entities)
}

func TestPresenceLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := commissioned(t)
		e, err := d.ProvePresence(t.Context(), button{})
		require.NoError(t, err)
		ctx := access.WithEntity(t.Context(), e)
		require.True(t, d.may(ctx, access.ResetRequest, "factory"))
		require.False(t, d.may(ctx, access.ResetRequest, "settings"))
		time.Sleep(9 * time.Minute)
		require.True(t, d.may(ctx, access.ResetRequest, "factory"))
		time.Sleep(2 * time.Minute)
		require.False(t, d.may(ctx, access.ResetRequest, "factory"))
		_, err = d.ProvePresence(t.Context(), button{errors.New("nobody pressed")})
		require.ErrorContains(t, err, "nobody pressed")
		_, err = d.ProvePresence(t.Context(), nil)
		require.Error(t, err)
		require.Len(t, d.log.named(access.EventPresence), 1)
	})
}

// button is a Presence.
type button struct{ err error }

func (b button) Prove(_ context.Context, challenge []byte) error {
	if len(challenge) != 32 {
		return errors.New("challenge")
	}
	return b.err
}

func TestFeatures(t *testing.T) {
	d := provisioned(t)
	before := d.Features()
	require.NoError(t, clause.Check(before))
	d.commission("ann")
	require.Equal(t, before, d.Features(), "features do not depend on the state")
	require.Same(t, d.policy, d.Policy())
}
