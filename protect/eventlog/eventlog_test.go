package eventlog_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// secret is a value that must not be on any medium.
const secret = "hunter2-canary"

func TestRecordByClass(t *testing.T) {
	m := powercut.New()
	l := open(t, m, options())
	logger(l).LogAttrs(t.Context(), access.LevelAudit, access.EventAssigned,
		slog.String(access.KeySubject, "ann"), slog.String(access.KeyKind, "person"), slog.String(access.KeyRoles, "owner"),
		slog.String(access.KeyClaimed, secret), slog.String("unknown", secret), slog.String(access.KeyError, secret),
		slog.Any(access.KeyState, []string{secret}))
	all := read(t, l)
	require.Equal(t, []string{eventlog.EventStarted, access.EventAssigned}, events(all))
	e := all[1]
	assert.Equal(t, map[string]any{"subject": "ann", "kind": "person", "roles": "owner"}, attrs(e))
	assert.Equal(t, 4, e.Dropped)
	assert.Equal(t, access.LevelAudit, e.Level)
	assert.Equal(t, durable.Set, e.Quality)
	now, _ := someTime()
	assert.Equal(t, now, e.Time)
	assert.NotContains(t, onMedium(m), secret)
	assert.Equal(t, eventlog.Stats{Records: 2, Audit: 1, Dropped: 4}, l.Stats())
}

func onMedium(m *powercut.Machine) string {
	var b bytes.Buffer
	for _, raw := range m.Files() {
		b.Write(raw)
	}
	return b.String()
}

// TestMessageIsAnEvent: a message in free words may hold anything.
func TestMessageIsAnEvent(t *testing.T) {
	m := powercut.New()
	l := open(t, m, options())
	logger(l).LogAttrs(t.Context(), access.LevelAudit, "login of ann with "+secret+" failed")
	e := read(t, l)[1]
	assert.Equal(t, "event.unnamed", e.Event)
	assert.Equal(t, 1, e.Dropped)
	assert.NotContains(t, onMedium(m), secret)
}

func TestLimits(t *testing.T) {
	l := open(t, powercut.New(), options())
	long := strings.Repeat("ä", 400)
	logger(l).LogAttrs(t.Context(), access.LevelAudit, access.EventDenied, slog.String(access.KeyReason, long), slog.String(access.KeyResource, "a\x1b[2Jb\xff"))
	e := read(t, l)[1]
	got := attrs(e)
	text, ok := got["reason"].(string)
	require.True(t, ok)
	assert.LessOrEqual(t, len(text), 256)
	assert.True(t, strings.HasPrefix(long, strings.TrimSuffix(text, "…")) && strings.HasSuffix(text, "…"), text)
	assert.Equal(t, "a?[2Jb?", got["resource"])
	assert.Equal(t, uint64(1), l.Stats().Cut)
}

// TestTooMuch: a record has a size, whatever is logged; persons and their commitments
// are left out together.
func TestTooMuch(t *testing.T) {
	opts := options()
	var many []slog.Attr
	for i := range 40 {
		key := "k" + strings.Repeat("x", i)
		class := access.ClassPerson
		if i%2 == 0 {
			class = access.ClassDevice
		}
		opts.Keys = append(opts.Keys, access.KeyInfo{Key: key, Class: class})
		many = append(many, slog.String(key, strings.Repeat("\u00e4", 300)))
	}
	l := open(t, powercut.New(), opts)
	logger(l).LogAttrs(t.Context(), access.LevelAudit, access.EventDenied, many...)
	e := read(t, l)[1]
	assert.Equal(t, 40, len(e.Attrs)+e.Dropped)
	assert.Greater(t, e.Dropped, 8)
	assert.NotEmpty(t, e.Attrs)
}

func TestValues(t *testing.T) {
	opts := options()
	opts.Keys = []access.KeyInfo{{Key: "v", Class: access.ClassDevice}}
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, tc := range []struct {
		name string
		in   any
		want any
	}{
		{"int", -5, int64(-5)},
		{"uint", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"float", 0.5, 0.5},
		{"nan", math.NaN(), "NaN"},
		{"bool", true, true},
		{"duration", 90 * time.Second, "1m30s"},
		{"time", when, "2026-01-02T03:04:05.000000006Z"},
		{"no time", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), nil},
		{"quotes", `a"b\c`, `a"b\c`},
		{"error", errors.New("any"), nil},
		{"valuer", valuer{}, "resolved"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := open(t, powercut.New(), opts)
			logger(l).Log(t.Context(), access.LevelAudit, "test.value", "v", tc.in)
			assert.Equal(t, tc.want, attrs(read(t, l)[1])["v"])
		})
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("resolved") }

// TestAuditIsDurable: what is logged at the audit level is there after a crash, and
// what is not, a second or 256 records later.
func TestAuditIsDurable(t *testing.T) {
	m := powercut.New()
	opts := options()
	opts.MaxSize, opts.CheckpointEvery = 4<<20, 10_000 // neither a full segment nor a checkpoint syncs before
	log := logger(open(t, m, opts))
	log.Info("test.later")
	assert.Empty(t, survivors(t, m))
	log.Log(t.Context(), access.LevelAudit, "test.now")
	assert.Equal(t, []string{"test.later", "test.now"}, survivors(t, m))
	for range 255 {
		log.Info("test.later")
	}
	assert.Len(t, survivors(t, m), 2)
	log.Info("test.later")
	assert.Len(t, survivors(t, m), 258)
}

// survivors returns what a machine holds whose power is lost now.
func survivors(t *testing.T, m *powercut.Machine) []string {
	c := m.Clone()
	c.Drop()
	l := open(t, c, options())
	var own []string
	for _, name := range events(read(t, l)) {
		if !strings.HasPrefix(name, "log.") {
			own = append(own, name)
		}
	}
	return own
}

func TestRunSyncsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := powercut.New()
		l := open(t, m, options())
		ctx, stop := withStop(t)
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		logger(l).Info("test.later")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		assert.Empty(t, survivors(t, m))
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"test.later"}, survivors(t, m))
		require.ErrorIs(t, l.Run(ctx), fs.ErrInvalid, "runs already")
		logger(l).Info("test.last")
		stop()
		require.ErrorContains(t, <-ended, "context canceled")
		assert.Equal(t, []string{"test.later", "test.last"}, survivors(t, m), "what waits is written at the end")
	})
}

// TestSyncTellsFailures: an operation whose event was lost does not succeed, even if
// another asked first.
func TestSyncTellsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := powercut.New()
		l := open(t, m, options())
		log := logger(l)
		require.NoError(t, eventlog.Sync(t.Context(), log))
		m.Fail(0, powercut.Fail)
		log.Log(t.Context(), access.LevelAudit, "test.lost")
		first := eventlog.Sync(t.Context(), log)
		require.Error(t, first)
		require.Equal(t, first, eventlog.Sync(t.Context(), log.With("part", "other")))
		require.Error(t, l.Health(t.Context()))
		time.Sleep(11 * time.Second)
		require.NoError(t, eventlog.Sync(t.Context(), log))
		require.Equal(t, []string{eventlog.EventStarted, "test.lost"}, events(read(t, l)), "the next Sync wrote it")
		require.ErrorIs(t, eventlog.Sync(t.Context(), slog.New(slog.DiscardHandler)), eventlog.ErrNoLog)
		require.NoError(t, eventlog.Sync(t.Context(), slog.New(wrapper{l.Handler()})))
	})
}

type wrapper struct{ slog.Handler }

func (w wrapper) Unwrap() slog.Handler { return w.Handler }

func TestConfigure(t *testing.T) {
	l := open(t, powercut.New(), options())
	log := logger(l)
	require.ErrorIs(t, l.Configure(t.Context(), eventlog.Settings{Level: 13}), fs.ErrInvalid)
	require.NoError(t, l.Configure(t.Context(), eventlog.Settings{Off: true}))
	log.Error("test.unheard")
	log.Log(t.Context(), access.LevelAudit, "test.audit")
	require.NoError(t, l.Configure(t.Context(), eventlog.Settings{Level: slog.LevelWarn}))
	log.Info("test.unheard")
	log.Warn("test.heard")
	require.NoError(t, l.Sync(t.Context()))
	assert.Equal(t, []string{eventlog.EventStarted, eventlog.EventOff, "test.audit", eventlog.EventOn, "test.heard"}, events(read(t, l)))
}

func TestFeatures(t *testing.T) {
	l := open(t, powercut.New(), options())
	require.NoError(t, clause.Check(l.Features()))
}

func TestClosed(t *testing.T) {
	m := powercut.New()
	l := open(t, m, options())
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Handler().Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "test.late", 0)), fs.ErrClosed)
	l = open(t, m, options())
	require.NoError(t, l.Sync(t.Context()))
	assert.Equal(t, []string{"log.started", "log.closed", "log.checkpoint", "log.started"}, events(read(t, l)))
}

func TestOptionsAreChecked(t *testing.T) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	for name, change := range map[string]func(*eventlog.Options){
		"origin":     func(o *eventlog.Options) { o.Origin = "a b" },
		"size":       func(o *eventlog.Options) { o.MaxSize = 1 },
		"policy":     func(o *eventlog.Options) { o.Full = 7 },
		"checkpoint": func(o *eventlog.Options) { o.CheckpointEvery = -1 },
		"redefined": func(o *eventlog.Options) {
			o.Keys = []access.KeyInfo{{Key: access.KeyClaimed, Class: access.ClassPublic}}
		},
		"bad key":  func(o *eventlog.Options) { o.Keys = []access.KeyInfo{{Key: "a.b", Class: access.ClassPublic}} },
		"no class": func(o *eventlog.Options) { o.Keys = []access.KeyInfo{{Key: "a"}} },
	} {
		opts := options()
		change(opts)
		_, err := eventlog.Open(t.Context(), dir, logKey(), opts)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	_, err = eventlog.Open(t.Context(), dir, nil, nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
}
