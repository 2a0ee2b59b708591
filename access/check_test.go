package access_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// open is an Authorizer that allows everything, and panics when it is nil.
type open struct{ name string }

func (o *open) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: o.name != ""}
}

func TestCheckDeniesByDefault(t *testing.T) {
	d, other := commissioned(t), commissioned(t)
	ann := d.as("ann")
	zero := new(access.Guard)
	for name, c := range map[string]struct {
		ctx     context.Context
		a       access.Authorizer
		missing string
	}{
		"nil authorizer":          {ann, nil, "an authorizer"},
		"typed nil guard":         {ann, (*access.Guard)(nil), "an authorizer"},
		"typed nil of a stranger": {ann, (*open)(nil), "an authorizer"},
		"zero guard":              {ann, new(access.Guard), "an authorizer"},
		"nobody, zero guard":      {t.Context(), zero, "authentication"},
		"nobody, embedded nil":    {t.Context(), struct{ *access.Guard }{}, "authentication"},
		"somebody, embedded nil":  {ann, struct{ *access.Guard }{}, "an authorizer"},
		"nobody":                  {t.Context(), d.Guard, "authentication"},
		"nobody, open":            {t.Context(), &open{"x"}, "authentication"},
		"nil entity":              {access.WithEntity(ann, nil), d.Guard, "authentication"},
		"zero entity":             {access.WithEntity(ann, new(access.Entity)), d.Guard, "authentication"},
		"another guard's":         {other.as("ann"), d.Guard, "authentication"},
		"detached":                {access.Detach(ann), d.Guard, "authentication"},
		"nil context":             {nil, d.Guard, "authentication"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := access.Check(c.ctx, c.a, access.StatusRead, "")
			var denied *access.DeniedError
			require.ErrorAs(t, err, &denied)
			require.ErrorIs(t, err, access.ErrDenied)
			assert.Nil(t, e)
			assert.Equal(t, c.missing, denied.Missing)
			assert.NotEmpty(t, denied.Reason)
			assert.Equal(t, access.StatusRead, denied.Permission)
		})
	}
	_, err := access.Check(ann, &open{}, access.StatusRead, "")
	require.ErrorContains(t, err, "gave no reason")
	require.False(t, access.Decision{}.Allowed)
}

func TestCheckReturnsWhoAsks(t *testing.T) {
	d := commissioned(t)
	ctx := d.as("ann")
	e, err := access.Check(ctx, d, access.StatusRead, "")
	require.NoError(t, err)
	require.Same(t, access.FromContext(ctx), e)
	assert.Equal(t, "ann", e.ID())
	assert.Equal(t, access.KindPerson, e.Kind())
	assert.Equal(t, "test", e.Method())
	assert.Equal(t, "lan", e.Interface())
	assert.WithinDuration(t, time.Now(), e.Time(), time.Minute)
	assert.Empty(t, e.OnBehalf())
	assert.Equal(t, "person ann (test)", e.String())
	assert.Equal(t, "nobody", new(access.Entity).String())
}

func TestDecisionSaysWhy(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "operator")
	bob := access.FromContext(d.as("bob"))
	for _, c := range []struct {
		p        access.Permission
		resource string
		want     access.Decision
	}{
		{access.ConfigWrite, "settings/lamp/level", access.Decision{Allowed: true, Rule: "grant 3 of role operator", Reason: "role operator may config.write on settings/*/level, settings/network/**"}},
		{access.StatusRead, "", access.Decision{Allowed: true, Rule: "grant 0 of role viewer", Reason: "role viewer may status.read on **"}},
		{access.ConfigWrite, "settings/lamp/color", access.Decision{Rule: "deny by default", Reason: "no role of the entity grants config.write on this resource"}},
		{"config.wriet", "settings", access.Decision{Rule: "vocabulary", Reason: "the policy does not know the permission"}},
		{access.ConfigWrite, "settings/../level", access.Decision{Rule: "resource grammar", Reason: "the resource is not valid"}},
	} {
		assert.Equal(t, c.want, d.Decide(t.Context(), bob, c.p, c.resource))
	}
	serial := d.of(access.KindPerson, "bob", "serial")
	got := d.Decide(t.Context(), access.FromContext(serial), access.ConfigRead, "x")
	assert.Equal(t, access.Decision{Rule: "limits of grants", Reason: "the entity's grants are for other kinds or interfaces"}, got)
}

func TestSelfIsOnlyOneself(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "viewer")
	bob := d.as("bob")
	for resource, want := range map[string]bool{
		"users/bob": true, "users/bob/photos/1": true,
		"users/eve": false, "users": false, "users/bob2": false, "users//bob": false, "users/bob/": false, "Users/bob": false,
		"users/{self}": false, "users/*": false, "": false,
	} {
		assert.Equal(t, want, d.may(bob, access.EraseSubject, resource), resource)
	}
}

func TestResourceGrammar(t *testing.T) {
	long := "a"
	for range access.MaxSegments - 1 {
		long += "/a"
	}
	d := commissioned(t)
	ann := d.as("ann")
	for resource, want := range map[string]bool{
		"": true, "a": true, "a/b.c_d~e-F9": true, long: true, "...a": true,
		long + "/a": false, "/": false, "/a": false, "a/": false, "a//b": false, ".": false, "..": false, "a/../b": false, "...": false,
		"a b": false, "a\x00": false, "ä": false, "a%2fb": false, "a\\b": false, "*": false, "**": false, "{self}": false,
		string(make([]byte, 300)): false,
	} {
		assert.Equal(t, want, access.ValidResource(resource), "%q", resource)
		assert.Equal(t, want, d.may(ann, access.EraseSubject, resource), "%q", resource)
	}
}

func TestEntityOfOneKindHasNotTheRolesOfAnother(t *testing.T) {
	d := commissioned(t)
	require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
	require.False(t, d.may(d.of(access.KindDevice, "ann", "lan"), access.StatusRead, ""))
	require.False(t, d.may(d.service("ann"), access.StatusRead, ""))
}

func TestIssueRefusesBadFacts(t *testing.T) {
	d := commissioned(t)
	good := access.Facts{ID: "bob", Kind: access.KindPerson}
	for path, f := range map[string]access.Facts{
		"facts/id: is 1":      {ID: "b/b", Kind: access.KindPerson},
		"facts/id: is a name": {ID: "resume", Kind: access.KindService},
		"facts/kind":          {ID: "presence2", Kind: access.KindPresence},
		"facts/interface":     {ID: "bob", Kind: access.KindPerson, Interface: "*"},
		"facts/session":       {ID: "bob", Kind: access.KindPerson, Session: "s\n"},
	} {
		_, err := d.Issuer("m").Issue(f)
		var bad *access.InputError
		require.ErrorAs(t, err, &bad, path)
		assert.ErrorContains(t, err, path)
	}
	_, err := d.Issuer("").Issue(good)
	require.ErrorContains(t, err, "issuer/method")
	_, err = new(access.Issuer).Issue(good)
	require.Error(t, err)
	_, err = (*access.Issuer)(nil).Issue(good)
	require.Error(t, err)
	for _, id := range []string{"", ".", "..", "a b", "ä", string(make([]byte, 65)), "{self}", "*"} {
		_, err = d.Issuer("m").Issue(access.Facts{ID: id, Kind: access.KindPerson})
		require.Error(t, err, "%q", id)
	}
	_, err = access.AsService(t.Context(), d.Issuer("m"), "initial")
	require.Error(t, err)
}

func TestDetachKeepsTheRest(t *testing.T) {
	type key struct{}
	d := commissioned(t)
	ctx, cancel := context.WithCancel(context.WithValue(d.as("ann"), key{}, "kept"))
	detached := access.Detach(ctx)
	require.Nil(t, access.FromContext(detached))
	require.Equal(t, "kept", detached.Value(key{}))
	cancel()
	require.ErrorIs(t, detached.Err(), context.Canceled)
}

func TestDenialsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := commissioned(t)
		d.assign("bob", "viewer")
		bob := d.as("bob")
		for range 50 {
			require.False(t, d.may(bob, access.ConfigWrite, "x"))
		}
		require.False(t, d.may(bob, access.ConfigWrite, "y"))
		lines := d.log.named(access.EventDenied)
		require.Len(t, lines, 2)
		assert.Equal(t, "bob", lines[0][access.KeyEntity])
		assert.Equal(t, "config.write", lines[0][access.KeyPermission])
		assert.Equal(t, "x", lines[0][access.KeyResource])
		assert.NotEmpty(t, lines[0][access.KeyReason])
		time.Sleep(11 * time.Second)
		require.False(t, d.may(bob, access.ConfigWrite, "x"))
		lines = d.log.named(access.EventDenied)
		require.Len(t, lines, 3)
		assert.Equal(t, "50", lines[2][access.KeyRepeated])
		assert.Equal(t, "x", lines[2][access.KeyResource])
		assert.Equal(t, access.Stats{Entities: 2, Denied: 52, Folded: 50}, d.Stats())
	})
}

func TestDenialsOfManyKindsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := commissioned(t)
		for i := range 10_000 {
			access.Check(t.Context(), d, access.Permission(fmt.Sprint("a.b", i)), strconv.Itoa(i))
		}
		require.LessOrEqual(t, len(d.log.named(access.EventDenied)), 66)
		time.Sleep(11 * time.Second)
		access.Check(t.Context(), d, access.StatusRead, "")
		total := 0
		for _, line := range d.log.named(access.EventDenied) {
			n, _ := strconv.Atoi(line[access.KeyRepeated])
			total += n
		}
		require.Greater(t, total, 9_900, "what was folded is counted")
	})
}

func TestDeniedErrorHoldsNoLongResource(t *testing.T) {
	d := commissioned(t)
	_, err := access.Check(t.Context(), d, access.StatusRead, string(make([]byte, 1<<20)))
	require.Less(t, len(err.Error()), 2000)
	var denied *access.DeniedError
	require.True(t, errors.As(err, &denied))
}

func TestGuardLogsWithoutLogger(t *testing.T) {
	g, err := access.OpenGuard(t.Context(), newMem(), compile(t, homeSpec()), nil)
	require.NoError(t, err)
	_, err = access.Check(t.Context(), g, access.StatusRead, "")
	require.ErrorIs(t, err, access.ErrDenied)
	require.Equal(t, slog.KindGroup, access.FromContext(t.Context()).LogValue().Kind())
}
