package eventlog_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// logKey is always the same, so that runs are equal.
func logKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

func publicKey() ed25519.PublicKey { return logKey().Public().(ed25519.PublicKey) }

// someTime is what the clock of tests says.
func someTime() (time.Time, durable.Quality) {
	return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), durable.Set
}

func options() *eventlog.Options {
	return &eventlog.Options{Origin: "gateway-7", Now: someTime, MaxSize: 64 << 10, Reserve: 2 << 10}
}

// allow lets everybody who is somebody do everything.
type allow struct{}

func (allow) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true, Rule: "test"}
}

func somebody(ctx context.Context) context.Context { return access.WithEntity(ctx, &access.Entity{}) }

// openOn opens the log of a machine as a restarted device does.
func openOn(ctx context.Context, m *powercut.Machine, opts *eventlog.Options) (*eventlog.Log, *durable.Dir, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, nil, err
	}
	l, err := eventlog.Open(ctx, dir, logKey(), opts)
	if err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	l.Guard(allow{})
	return l, dir, nil
}

func open(t testing.TB, m *powercut.Machine, opts *eventlog.Options) *eventlog.Log {
	l, _, err := openOn(t.Context(), m, opts)
	require.NoError(t, err)
	return l
}

func logger(l *eventlog.Log) *slog.Logger { return slog.New(l.Handler()) }

// read returns the events that are on the medium.
func read(t testing.TB, l *eventlog.Log) []eventlog.Entry {
	var all []eventlog.Entry
	for e, err := range l.Records(somebody(t.Context()), 0) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

func events(all []eventlog.Entry) []string {
	var names []string
	for _, e := range all {
		names = append(names, e.Event)
	}
	return names
}

func attrs(e eventlog.Entry) map[string]any {
	m := map[string]any{}
	for _, a := range e.Attrs {
		m[a.Key] = a.Value.Any()
	}
	return m
}

func withStop(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
