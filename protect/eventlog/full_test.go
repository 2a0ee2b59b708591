package eventlog_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// record is one of some 400 bytes.
func record(event string, level slog.Level) slog.Record {
	r := slog.NewRecord(time.Unix(1e9, 0), level, event, 0)
	r.Add(access.KeyReason, strings.Repeat("x", 200))
	return r
}

// TestOverwriteCounts: the oldest records go, the log says how many, and what stays
// verifies, after a restart too.
func TestOverwriteCounts(t *testing.T) {
	m := powercut.New()
	l := open(t, m, options())
	for range 1000 {
		require.NoError(t, l.Handler().Handle(t.Context(), record("test.filler", slog.LevelInfo)))
	}
	require.NoError(t, l.Sync(t.Context()))
	all := read(t, l)
	assert.Less(t, len(all), 250, "64 KiB")
	told := uint64(0)
	for _, e := range all {
		if e.Event == eventlog.EventOverwritten {
			n, ok := attrs(e)[access.KeyCount].(int64)
			require.True(t, ok)
			told = uint64(n)
		}
	}
	assert.Equal(t, all[0].Seq-1, told)
	assert.Equal(t, told, l.Stats().Overwritten)
	assert.Zero(t, l.Stats().Lost)
	require.NoError(t, l.Close())
	l = open(t, m, options())
	_, err := l.Verify(somebody(t.Context()), nil)
	require.NoError(t, err)
	assert.Equal(t, told, l.Stats().Overwritten)
}

// TestStop: ordinary records are refused and counted, audit records and failed logins
// are not; after an export and Prune it goes on.
func TestStop(t *testing.T) {
	m := powercut.New()
	opts := options()
	opts.Full = eventlog.Stop
	l := open(t, m, opts)
	ctx, refused := somebody(t.Context()), 0
	for range 400 {
		if err := l.Handler().Handle(ctx, record("test.filler", slog.LevelWarn)); err != nil {
			require.ErrorIs(t, err, eventlog.ErrFull)
			require.ErrorIs(t, err, durable.ErrFull)
			refused++
		}
	}
	require.Greater(t, refused, 200)
	assert.Equal(t, uint64(refused), l.Stats().Lost)
	require.ErrorIs(t, l.Health(ctx), eventlog.ErrFull)
	require.ErrorIs(t, l.Sync(ctx), eventlog.ErrFull, "an operation whose event is required fails")
	require.NoError(t, l.Handler().Handle(ctx, record(access.EventLoginFailed, slog.LevelWarn)))
	require.NoError(t, l.Handler().Handle(ctx, record(access.EventAssigned, access.LevelAudit)))
	names := events(read(t, l))
	assert.Equal(t, []string{access.EventLoginFailed, eventlog.EventLost, access.EventAssigned}, names[len(names)-3:])

	require.NoError(t, l.Close())
	l = open(t, m, opts) // it knows its size
	require.ErrorIs(t, l.Handler().Handle(ctx, record("test.filler", slog.LevelWarn)), eventlog.ErrFull)
	var out strings.Builder
	next, err := l.Export(ctx, &out, 0)
	require.NoError(t, err)
	require.NoError(t, l.Prune(ctx, next))
	require.NoError(t, l.Handler().Handle(ctx, record("test.again", slog.LevelWarn)))
	s, err := l.Verify(ctx, nil)
	require.NoError(t, err)
	assert.Greater(t, s.First, uint64(100))
}

// TestFullMedium: on a medium without space audit records are kept out of the reserve,
// and the log says so.
func TestFullMedium(t *testing.T) {
	m := powercut.New()
	opts := options()
	opts.Reserve, opts.MaxSize = 64<<10, 1<<20
	l := open(t, m, opts)
	used := int64(0)
	for _, raw := range m.Files() {
		used += int64(len(raw))
	}
	m.SetCapacity(used)
	ctx := t.Context()
	var failed error
	for range 40 {
		if err := l.Handler().Handle(ctx, record("test.filler", slog.LevelInfo)); err != nil {
			failed = err
		}
	}
	require.NoError(t, failed, "they wait")
	for i := range 100 {
		require.NoError(t, l.Handler().Handle(ctx, record(fmt.Sprintf("test.audit%d", i), access.LevelAudit)))
	}
	require.ErrorIs(t, l.Handler().Handle(ctx, record("test.filler", slog.LevelInfo)), eventlog.ErrFull)
	names := strings.Join(survivors(t, m), " ")
	assert.Contains(t, names, "test.audit99")
	assert.Contains(t, strings.Join(events(read(t, l)), " "), eventlog.EventFull)
	m.SetCapacity(0)
}

// TestAnchor: a log that was cut, put back, removed, or brought from another device is
// noticed at Open.
func TestAnchor(t *testing.T) {
	floorDir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	opts := options()
	opts.Anchor = floorDir
	m := powercut.New()
	ctx := somebody(t.Context())
	l := open(t, m, opts)
	logger(l).Info("test.one")
	require.NoError(t, l.Close())
	m.Settle()
	old := m.Clone()
	l = open(t, m, opts)
	logger(l).Info("test.two")
	_, err = l.Checkpoint(ctx)
	require.NoError(t, err)
	m.Settle()

	newest := m.Clone()
	_, _, err = openOn(ctx, newest, opts)
	require.NoError(t, err)
	for name, m := range map[string]*powercut.Machine{"put back": old, "removed": powercut.New()} {
		_, _, err = openOn(ctx, m, opts)
		require.ErrorIs(t, err, eventlog.ErrTampered, name)
	}
	other := options()
	other.Origin, other.Anchor = "gateway-8", floorDir
	_, _, err = openOn(ctx, m.Clone(), other)
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

// TestRetire: a log destroyed on purpose is no tampering, and the next one cites it.
func TestRetire(t *testing.T) {
	floor, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	opts := options()
	opts.Anchor = floor
	require.NoError(t, eventlog.Retire(t.Context(), floor, ""), "there is none")
	l := open(t, powercut.New(), opts)
	require.NoError(t, l.Close())
	require.NoError(t, eventlog.Retire(t.Context(), floor, ""))
	require.NoError(t, eventlog.Retire(t.Context(), floor, ""))
	m := powercut.New()
	l = open(t, m, opts)
	require.NoError(t, l.Sync(t.Context()))
	first := read(t, l)[0]
	assert.Equal(t, int64(3), attrs(first)[access.KeyCount], "its last record too")
	assert.Len(t, attrs(first)[access.KeyDigest], 64)
	require.NoError(t, l.Close())
	l = open(t, m, opts)
	require.NoError(t, l.Sync(t.Context()))
	assert.Len(t, read(t, l), 4, "started, closed, checkpoint, started")
}
