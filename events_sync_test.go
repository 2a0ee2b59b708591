package baseline_test

import (
	"crypto/ed25519"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// Who has to know that an event is kept finds the log behind Events, whatever it made of
// its logger.
func TestEventsLeadToTheLog(t *testing.T) {
	for name, made := range map[string]func(*slog.Logger) *slog.Logger{
		"bare": func(l *slog.Logger) *slog.Logger { return l },
		"with": func(l *slog.Logger) *slog.Logger { return l.With(access.KeyPart, "p") },
		"grouped": func(l *slog.Logger) *slog.Logger {
			return l.With(access.KeyPart, "p").WithGroup("g").With("a", 1).WithGroup("h")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := powercut.New()
			dir, err := durable.OpenFS(m.FS(), nil)
			require.NoError(t, err)
			events, err := eventlog.Open(t.Context(), dir, ed25519.NewKeyFromSeed(make([]byte, 32)), nil)
			require.NoError(t, err)
			log := made(slog.New(baseline.NewEvents(events.Handler())))
			log.Info(access.EventCommissioned)
			before := m.Steps()
			require.NoError(t, eventlog.Sync(t.Context(), log))
			require.Greater(t, m.Steps(), before, "it went to the medium")
			log.Info(access.EventCommissioned)
			m.Cut(0)
			require.ErrorIs(t, eventlog.Sync(t.Context(), log), powercut.ErrPower, "who waits for the log hears of it")
		})
	}
	err := eventlog.Sync(t.Context(), slog.New(baseline.NewEvents(slog.DiscardHandler)))
	assert.ErrorIs(t, err, eventlog.ErrNoLog)
}
