package eventlog_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestSlog is the standard library's test of handlers. It is adapted in two things: its
// keys get a class, since keys without are dropped, and its messages, which are no names of
// events, are looked up by what takes their place.
func TestSlog(t *testing.T) {
	opts := options()
	opts.Now = nil
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		opts.Keys = append(opts.Keys, access.KeyInfo{Key: key, Class: access.ClassDevice})
	}
	var l *eventlog.Log
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		l = open(t, powercut.New(), opts)
		return l.Handler()
	}, func(t *testing.T) map[string]any {
		require.NoError(t, l.Sync(t.Context()))
		all := read(t, l)
		e := all[len(all)-1]
		require.Equal(t, "event.unnamed", e.Event)
		res := map[string]any{slog.LevelKey: e.Level, slog.MessageKey: message(t)}
		if !e.Time.IsZero() {
			res[slog.TimeKey] = e.Time
		}
		for key, v := range attrs(e) {
			nest(res, key, v)
		}
		return res
	})
}

func message(t *testing.T) string {
	if strings.HasSuffix(t.Name(), "/built-ins") || strings.HasSuffix(t.Name(), "/attrs") {
		return "message"
	}
	return "msg"
}

func nest(m map[string]any, key string, v any) {
	for {
		group, rest, ok := strings.Cut(key, ".")
		if !ok {
			m[key] = v
			return
		}
		inner, ok := m[group].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[group] = inner
		}
		m, key = inner, rest
	}
}
