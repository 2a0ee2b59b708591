package config_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// ending is a guard that lets admin do everything, and others one thing once.
type ending struct {
	*access.Guard
	asked int
}

func (e *ending) Decide(_ context.Context, who *access.Entity, _ access.Permission, _ string) access.Decision {
	if who != admin {
		e.asked++
	}
	return access.Decision{Allowed: who == admin || e.asked == 1, Reason: "it ended"}
}

// changing is a handler of the guard's log that changes a setting.
type changing struct {
	slog.Handler
	change func()
}

func (changing) Enabled(context.Context, slog.Level) bool { return true }

func (c changing) Handle(context.Context, slog.Record) error {
	c.change()
	return nil
}

// TestLogHandlerMayUseTheSettings: a right that ends while a change waits for its
// turn is denied, and that is logged without a lock.
func TestLogHandlerMayUseTheSettings(t *testing.T) {
	store, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	policy, err := access.NewPolicy(access.PolicySpec{}, nil)
	require.NoError(t, err)
	var d *device
	told := 0
	g, err := access.OpenGuard(t.Context(), store, policy, &access.GuardOptions{
		Log: slog.New(changing{slog.DiscardHandler, func() { told++; d.mustPatch(`{"name":"told"}`) }}),
	})
	require.NoError(t, err)
	d = newDevice(t, func(d *device) { d.auth = &ending{Guard: g} })
	atOnce(t, "a change", func() {
		_, err := d.settings.Apply(access.WithEntity(t.Context(), new(access.Entity)), []byte(`{"name":"b"}`), "", nil)
		assert.ErrorIs(t, err, access.ErrDenied)
	})
	assert.Equal(t, 1, told)
	assert.Equal(t, 1, d.settings.Stats().Denied)
	assert.Contains(t, d.document(), `"name":"told"`)
}
