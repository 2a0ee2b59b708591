package notify_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
)

// guard is one guard for all tests; its entities are services: "part" raises,
// "owner" and "user" read and acknowledge for their audience, "admin" may all.
var guard = sync.OnceValue(func() *access.Guard {
	grant := func(role string, p access.Permission, on string) access.Grant {
		return access.Grant{Role: role, Permission: p, Resources: []string{on}}
	}
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{{Name: "part"}, {Name: "owner"}, {Name: "user"}, {Name: "admin"}},
		Grants: []access.Grant{
			grant("part", access.NotifyRaise, "**"),
			grant("owner", access.NotifyRead, "owner"), grant("owner", access.NotifyAck, "owner"),
			grant("user", access.NotifyRead, "user"), grant("user", access.NotifyAck, "user"),
			grant("user", access.EraseSubject, "{self}"),
			grant("admin", "notify.*", "**"), grant("admin", "erase.*", "**"),
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	services := map[string][]string{}
	for _, name := range []string{"part", "owner", "user", "admin"} {
		services[name] = []string{name}
	}
	g, err := access.OpenGuard(context.Background(), newDir(), policy, &access.GuardOptions{Services: services})
	if err != nil {
		panic(err)
	}
	return g
})

func newDir() *durable.Dir {
	d, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	return d
}

// as is a context in which name asks.
func as(name string) context.Context {
	ctx, err := access.AsService(context.Background(), guard().Issuer("service"), name)
	if err != nil {
		panic(err)
	}
	return ctx
}

func open(t testing.TB, store durable.Store, opts *notify.Options) *notify.Center {
	t.Helper()
	c, err := notify.Open(context.Background(), store, guard(), opts)
	require.NoError(t, err)
	return c
}

func notice(key string) notify.Notice {
	return notify.Notice{Type: "test.event", Key: key, Severity: notify.Warning, Audience: notify.Owner, Title: "Something happened"}
}

func raise(t testing.TB, c *notify.Center, n notify.Notice) string {
	t.Helper()
	id, err := c.Raise(as("part"), n)
	require.NoError(t, err)
	return id
}

func list(t testing.TB, c *notify.Center) []notify.Notice {
	t.Helper()
	all, err := c.List(as("admin"), notify.Filter{})
	require.NoError(t, err)
	return all
}

// one returns the only notice.
func one(t testing.TB, c *notify.Center) notify.Notice {
	t.Helper()
	all := list(t, c)
	require.Len(t, all, 1)
	return all[0]
}

// run runs c until the test ends or stop is called.
func run(t testing.TB, c *notify.Center) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
		})
	}
	t.Cleanup(stop)
	return stop
}

// notifierFunc is a function as a Notifier.
type notifierFunc func(ctx context.Context, n notify.Notice) error

func (f notifierFunc) Notify(ctx context.Context, n notify.Notice) error { return f(ctx, n) }

var someTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
