package reset_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
	"github.com/iot-device-baseline/baseline/reset"
)

// TestNextOwnersLogHasTheReset: the log that lives after a reset, on the real parts,
// says that the device was reset, and names nobody.
func TestNextOwnersLogHasTheReset(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "sold"))
	d = start(t, m)
	logs, err := d.vault.Compartment(ctx, protect.ClassLogs)
	require.NoError(t, err)
	events, err := eventlog.Open(ctx, logs, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), nil)
	require.NoError(t, err)
	events.Guard(d.guard)
	d.opts.Log = slog.New(events.Handler())
	d.opts.Sync = events.Sync
	require.NoError(t, d.reopen(ctx))
	require.NoError(t, d.resetter.Accept(ctx))
	require.NoError(t, d.resetter.Accept(ctx))
	last, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	require.NoError(t, events.Close())

	raw, err := logs.OpenLog(ctx, "eventlog", nil)
	require.NoError(t, err)
	var found []string
	for rec, err := range raw.Records(ctx, 0) {
		require.NoError(t, err)
		assert.NotContains(t, string(rec.Data), `"ann"`)
		if strings.Contains(string(rec.Data), access.EventResetDone) {
			found = append(found, string(rec.Data))
		}
	}
	require.Len(t, found, 1)
	assert.Contains(t, found[0], last.ID)
	assert.Contains(t, found[0], reset.Factory)
}

// TestEventThatIsNotKept: a reset is accepted only when the log has it; it is told of
// again, also after another reset.
func TestEventThatIsNotKept(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Settings, "x"))
	d = start(t, m)
	first, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	refused := errors.New("log full")
	d.opts.Sync = func(context.Context) error { return refused }
	require.NoError(t, d.reopen(ctx))
	require.ErrorIs(t, d.resetter.Accept(ctx), refused)
	require.ErrorIs(t, d.resetter.Health(ctx), refused)
	last, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	require.False(t, last.Accepted)

	require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), reset.SettingsAndData, "y"))
	d = start(t, m)
	require.NoError(t, d.resetter.Accept(ctx))
	last, err = d.resetter.Last(ctx)
	require.NoError(t, err)
	require.True(t, last.Accepted)
	for _, id := range []string{first.ID, last.ID} {
		assert.Contains(t, d.log.String(), "level=ERROR+4 msg=reset.done", "LevelAudit")
		assert.Contains(t, d.log.String(), "mandate="+id)
	}
	assert.NotContains(t, d.log.String(), "ann")
}
