package baseline_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

func TestEventsBecomeNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		events := baseline.NewEvents(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelError}))
		log := slog.New(events)
		notices := make(chan notify.Notice, 10)
		parts := baseline.Parts{
			Accessor: guard(t), Notifier: notifier{&part{name: "notifier", journal: &journal{}}, notices},
			Extra: []baseline.Part{&part{features: answerAll(t), journal: &journal{}}},
		}
		d, err := baseline.New(parts, derive(t, &parts), &baseline.Options{Events: events})
		require.NoError(t, err)
		log.Info(access.EventCommissioned, access.KeyEntity, "ann", access.KeyVersion, "1.1", "unknown", "secret")
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		n := <-notices
		assert.Equal(t, access.EventCommissioned, n.Type)
		assert.Equal(t, map[string]string{access.KeyVersion: "1.1"}, n.Data, "no person, nothing unknown")
		require.NoError(t, n.Check())
		assert.Empty(t, text.String(), "below the level of the log")

		log.With(access.KeyVersion, "2\n\x1b[31m").WithGroup("g").Error(access.EventTampered, access.KeyVersion, "hidden")
		n = <-notices
		assert.Equal(t, notify.Critical, n.Severity)
		require.NoError(t, n.Check())
		assert.NotContains(t, n.Data[access.KeyVersion], "hidden")
		assert.Contains(t, text.String(), access.EventTampered)

		log.Error(access.EventTampered)
		again := <-notices
		assert.NotEqual(t, n.Key, again.Key, "the second is no repetition of the first")
		assert.NotZero(t, again.Expires)
		require.NoError(t, again.Check())

		log.Error(access.EventDenied, access.KeyPermission, "config.write")
		synctest.Wait()
		assert.Empty(t, notices, "what strangers cause is no notice")
		cancel()
		synctest.Wait()
		for range 100 {
			log.Info(access.EventPresence)
		}
		assert.Equal(t, 36, events.Dropped(), "nobody reads any more")
	})
}

// secret redacts itself where it is logged.
type secret struct{ value string }

func (secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// holder is logged as a group, and named as a person is.
type holder struct{ name string }

func (h holder) LogValue() slog.Value {
	return slog.GroupValue(slog.String(access.KeySubject, h.name))
}

// What a value says of itself is what is told; what is not plain is not told.
func TestEventsTellOnlyPlainValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, events, log := noticesOf()
		start(t, compose(t, baseline.Parts{Accessor: guard(t), Notifier: n}, &baseline.Options{Events: events}))
		log.With(access.KeyPart, secret{"hunter2"}, access.KeyRoles, holder{"alice"}).Error(access.EventTampered,
			slog.Group(access.KeyState, slog.String(access.KeySubject, "alice")),
			access.KeyReason, errors.New("of alice"), access.KeyScope, []string{"alice"}, access.KeyPath, holder{"alice"},
			access.KeyCount, 3, access.KeyDuration, time.Minute, access.KeyDone, true)
		assert.Equal(t, map[string]string{
			access.KeyPart: "[redacted]", access.KeyCount: "3", access.KeyDuration: "1m0s", access.KeyDone: "true",
		}, (<-n.notices).Data)
	})
}

// The log is as if Events were not there.
func TestEventsPassEverythingOn(t *testing.T) {
	render := func(wrap func(slog.Handler) slog.Handler) string {
		var text bytes.Buffer
		log := slog.New(wrap(slog.NewJSONHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				a.Value = slog.TimeValue(time.Time{})
			}
			return a
		}})))
		log.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").Info("m", "c", 3)
		log.Debug("not shown")
		log.Warn(access.EventResetDone, "d", 4)
		return text.String()
	}
	plain := render(func(h slog.Handler) slog.Handler { return h })
	assert.Equal(t, plain, render(func(h slog.Handler) slog.Handler { return baseline.NewEvents(h) }))
}
