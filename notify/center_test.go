package notify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/notify"
)

func TestRaiseFoldsByTypeAndKey(t *testing.T) {
	store := newDir()
	c := open(t, store, nil)
	first := raise(t, c, notice("a"))
	again := notice("a")
	again.Title = "Once more"
	assert.Equal(t, first, raise(t, c, again))
	assert.NotEqual(t, first, raise(t, c, notice("b")))
	other := notice("a")
	other.Type = "test.other"
	assert.NotEqual(t, first, raise(t, c, other))

	all := list(t, c)
	require.Len(t, all, 3)
	assert.Equal(t, first, all[0].ID)
	assert.Equal(t, 2, all[0].Count)
	assert.Equal(t, "Once more", all[0].Title)
	assert.EqualValues(t, 1, all[0].Sequence, "a repeat is no news")

	require.NoError(t, c.Close())
	assert.Equal(t, all, list(t, open(t, store, nil)), "the same after a restart")
}

func TestOnlyWhoMayRaisesReadsAndAcknowledges(t *testing.T) {
	c := open(t, newDir(), nil)
	id := raise(t, c, notice("a"))
	ask := map[string]func(ctx context.Context) error{
		"raise":       func(ctx context.Context) error { _, err := c.Raise(ctx, notice("b")); return err },
		"resolve":     func(ctx context.Context) error { return c.Resolve(ctx, "test.event", "a") },
		"acknowledge": func(ctx context.Context) error { return c.Acknowledge(ctx, id) },
		"unknown":     func(ctx context.Context) error { return c.Acknowledge(ctx, "nothing") },
		"list":        func(ctx context.Context) error { _, err := c.List(ctx, notify.Filter{}); return err },
		"since": func(ctx context.Context) error {
			_, err := c.Since(ctx, 0, notify.Filter{Audience: "owner"})
			return err
		},
		"wait": func(ctx context.Context) error {
			_, err := c.Wait(ctx, 0, notify.Filter{Audience: "owner"})
			return err
		},
		"erase":  func(ctx context.Context) error { _, err := c.Erase(ctx, "alice"); return err },
		"verify": func(ctx context.Context) error { return c.Verify(ctx, "alice") },
	}
	allowed := map[string]string{"part": "raise resolve", "owner": "acknowledge since wait", "user": "", "nobody": ""}
	for who, may := range allowed {
		for what, f := range ask {
			ctx := context.Background()
			if who != "nobody" {
				ctx = as(who)
			}
			if strings.Contains(" "+may+" ", " "+what+" ") {
				continue
			}
			var denied *access.DeniedError
			assert.ErrorAs(t, f(ctx), &denied, "%s by %s", what, who)
		}
	}
}

func TestNobodyMayWithoutAnAuthorizer(t *testing.T) {
	var none *access.Guard
	for _, a := range []access.Authorizer{nil, none} {
		c, err := notify.Open(context.Background(), newDir(), a, nil)
		require.NoError(t, err)
		_, err = c.Raise(as("admin"), notice("a"))
		require.ErrorIs(t, err, access.ErrDenied)
		require.ErrorIs(t, c.Resolve(as("admin"), "test.event", "a"), access.ErrDenied)
		require.ErrorIs(t, c.Acknowledge(as("admin"), "a"), access.ErrDenied)
		_, err = c.List(as("admin"), notify.Filter{})
		require.ErrorIs(t, err, access.ErrDenied)
		_, err = c.Wait(as("admin"), 0, notify.Filter{})
		require.ErrorIs(t, err, access.ErrDenied)
		_, err = c.Erase(as("admin"), "a")
		require.ErrorIs(t, err, access.ErrDenied)
		require.ErrorIs(t, c.Verify(as("admin"), "a"), access.ErrDenied)
	}
}

func TestBadInputKeepsNothing(t *testing.T) {
	c := open(t, newDir(), nil)
	for _, bad := range badNotices() {
		_, err := c.Raise(as("part"), bad.notice)
		var input *notify.InputError
		require.ErrorAs(t, err, &input, bad.name)
		assert.Equal(t, bad.path, input.Path, bad.name)
	}
	assert.Zero(t, c.Stats().Kept)
	assert.Zero(t, c.Stats().Writes)
	assert.Error(t, c.Resolve(as("part"), "../x", ""))
	_, err := c.List(as("admin"), notify.Filter{Audience: "O"})
	assert.ErrorContains(t, err, "/audience")
	_, err = c.List(as("admin"), notify.Filter{Type: "O"})
	assert.ErrorContains(t, err, "/type")
	_, err = c.List(as("admin"), notify.Filter{Severity: 9})
	assert.ErrorContains(t, err, "/severity")
}

func TestOpenRefusesBadOptions(t *testing.T) {
	sink := notify.NewMemory(1)
	for path, o := range map[string]notify.Options{
		"/max":                  {Max: -1},
		"/timeout":              {Timeout: -1},
		"/channels":             {Channels: make([]notify.Channel, 33)},
		"/channels/0/name":      {Channels: []notify.Channel{{Name: "A", To: sink}}},
		"/channels/1/name":      {Channels: []notify.Channel{{Name: "a", To: sink}, {Name: "a", To: sink}}},
		"/channels/0/to":        {Channels: []notify.Channel{{Name: "a"}}},
		"/channels/0/serves":    {Channels: []notify.Channel{{Name: "a", To: sink, Serves: []clause.ID{clause.C5_2_8_1_A}}}},
		"/routes/0/channel":     {Routing: notify.Routing{Routes: []notify.Route{{Channel: "a"}}}},
		"/routes/0/severity":    {Channels: []notify.Channel{{Name: "a", To: sink}}, Routing: notify.Routing{Routes: []notify.Route{{Channel: "a", Severity: 9}}}},
		"/routes/0/audiences/0": {Channels: []notify.Channel{{Name: "a", To: sink}}, Routing: notify.Routing{Routes: []notify.Route{{Channel: "a", Audiences: []notify.Audience{"?"}}}}},
		"/routes/0/audiences":   {Channels: []notify.Channel{{Name: "a", To: sink}}, Routing: notify.Routing{Routes: []notify.Route{{Channel: "a", Audiences: make([]notify.Audience, 17)}}}},
		"/routes/1/channel":     {Channels: []notify.Channel{{Name: "a", To: sink}}, Routing: notify.Routing{Routes: []notify.Route{{Channel: "a"}, {Channel: "a"}}}},
	} {
		_, err := notify.Open(context.Background(), newDir(), guard(), &o)
		var input *notify.InputError
		require.ErrorAs(t, err, &input, path)
		assert.Equal(t, path, input.Path)
	}
	_, err := notify.Open(context.Background(), nil, guard(), nil)
	assert.ErrorContains(t, err, "/store")
}

func TestResolveAndAgain(t *testing.T) {
	store := newDir()
	c := open(t, store, nil)
	id := raise(t, c, notice("a"))
	require.NoError(t, c.Acknowledge(as("owner"), id))
	require.NoError(t, c.Resolve(as("part"), "test.event", "a"))
	require.NoError(t, c.Resolve(as("part"), "test.event", "a"), "twice")
	require.NoError(t, c.Resolve(as("part"), "test.event", "nothing"))
	n := one(t, c)
	assert.False(t, n.Active())
	assert.EqualValues(t, 3, n.Sequence)
	assert.Equal(t, "owner", n.Acknowledged.By)
	assert.Equal(t, id, raise(t, c, notice("a")), "active again under its id")
	n = one(t, open(t, store, nil))
	assert.True(t, n.Active())
	assert.Zero(t, n.Acknowledged)
	assert.Equal(t, 2, n.Count)
	assert.EqualValues(t, 4, n.Sequence)
}

func TestWorseIsNews(t *testing.T) {
	sink := notify.NewMemory(10)
	c := open(t, newDir(), &notify.Options{Channels: []notify.Channel{{Name: "hub", To: sink}}})
	id := raise(t, c, notice("a"))
	require.NoError(t, c.Acknowledge(as("owner"), id))
	require.NoError(t, c.Acknowledge(as("owner"), id), "the first counts")
	raise(t, c, critical("a"))
	raise(t, c, notice("a")) // milder: still critical
	n := one(t, c)
	assert.Equal(t, notify.Critical, n.Severity)
	assert.Zero(t, n.Acknowledged, "nobody has seen that it is worse")
	require.NoError(t, c.Drain(context.Background()))
	require.Len(t, sink.Notices(), 1, "what it was before is not sent any more")
	assert.Equal(t, notify.Critical, sink.Notices()[0].Severity)
	assert.Equal(t, n.Sequence, sink.Notices()[0].Sequence)
}

func TestIdentityOfAnActiveNoticeStays(t *testing.T) {
	c := open(t, newDir(), nil)
	raise(t, c, about("alice", "a"))
	_, err := c.Raise(as("part"), about("bob", "a"))
	assert.ErrorContains(t, err, "/subject")
	n := about("alice", "a")
	n.Audience = notify.User
	_, err = c.Raise(as("part"), n)
	assert.ErrorContains(t, err, "/audience")
	require.NoError(t, c.Resolve(as("part"), "test.event", "a"))
	raise(t, c, about("bob", "a"))
	assert.Equal(t, "bob", one(t, c).Subject)
}

func TestFilterAndAudience(t *testing.T) {
	c := open(t, newDir(), nil)
	n := notice("u")
	n.Audience, n.Severity = notify.User, notify.Info
	raise(t, c, n)
	id := raise(t, c, notice("o"))
	raise(t, c, critical("c"))
	require.NoError(t, c.Resolve(as("part"), "test.event", "c"))
	require.NoError(t, c.Acknowledge(as("owner"), id))
	for want, f := range map[string]notify.Filter{
		"u c o": {},
		"u":     {Audience: notify.User},
		"c o":   {Severity: notify.Warning},
		"u o":   {Active: true},
		"u c":   {Unacknowledged: true},
		"":      {Type: "test.other"},
	} {
		found, err := c.List(as("admin"), f)
		require.NoError(t, err)
		var keys []string
		for _, n := range found {
			keys = append(keys, n.Key)
		}
		assert.Equal(t, want, strings.Join(keys, " "), "%+v", f)
	}
	found, err := c.List(as("user"), notify.Filter{Audience: notify.User})
	require.NoError(t, err)
	require.Len(t, found, 1)
	found[0].Title = "changed by the caller"
	assert.Equal(t, "Something happened", list(t, c)[0].Title)
	assert.ErrorIs(t, c.Acknowledge(as("user"), id), access.ErrDenied)
	assert.ErrorIs(t, c.Acknowledge(as("admin"), "gone"), notify.ErrUnknown)
}

func TestDependentIsHeldUntilItsCauseIsOver(t *testing.T) {
	sink := notify.NewMemory(10)
	store := newDir()
	opts := &notify.Options{Channels: []notify.Channel{{Name: "hub", To: sink}}}
	c := open(t, store, opts)
	cause, effect := notice("cause"), notice("effect")
	cause.Type, effect.DependsOn = "test.cause", "test.cause"
	raise(t, c, cause)
	raise(t, c, effect)
	over := notice("over")
	over.DependsOn = "test.cause"
	raise(t, c, over)
	require.NoError(t, c.Resolve(as("part"), "test.event", "over"))
	require.NoError(t, c.Drain(context.Background()))
	require.Len(t, sink.Notices(), 1)
	assert.Len(t, list(t, c), 3, "held back, not hidden")

	require.NoError(t, c.Close())
	c = open(t, store, opts)
	require.NoError(t, c.Resolve(as("part"), "test.cause", "cause"))
	require.NoError(t, c.Drain(context.Background()))
	var keys []string
	for _, n := range sink.Notices() {
		keys = append(keys, fmt.Sprint(n.Key, n.Active()))
	}
	assert.Equal(t, []string{"causetrue", "causefalse", "effecttrue"}, keys, "what was never told is not told to be over")
}
