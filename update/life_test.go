package update_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/update"
)

func TestLife(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	d := booted(t, m, v, nil)

	r, err := d.Check(ctx)
	require.NoError(t, err)
	assert.Equal(t, "1.2", r.Version)
	require.NoError(t, d.Install(ctx, ""))
	assert.Equal(t, "restart", d.State())
	assert.Equal(t, update.Progress{Component: "system", Done: imageSize, Total: imageSize}, d.Progress())
	assert.Equal(t, 1, d.host.restarts)
	require.NoError(t, d.Install(ctx, "1.2"), "again only asks for the restart again")
	assert.Equal(t, 2, d.host.restarts)

	d = booted(t, m, v, nil)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", d.state(t))
	assert.ErrorIs(t, d.Install(ctx, ""), update.ErrNotOffered)
	require.NoError(t, d.Confirm(ctx))
	assert.Equal(t, "1.2 trial=false floor=2 failed=0", d.state(t))
	assert.Equal(t, "idle", d.State())
	assert.Equal(t, 1, d.events(access.EventUpdateInstalled))
	assert.Contains(t, d.log.String(), "entity=operator")
	assert.ErrorIs(t, d.Confirm(ctx), update.ErrNoTrial)
	assert.ErrorIs(t, d.Rollback(ctx, "for fun"), update.ErrNoTrial)

	v.publish(1, 0, nil)
	_, err = d.Check(ctx)
	assert.ErrorIs(t, err, update.ErrDowngrade)
	assert.ErrorIs(t, d.Install(ctx, "1.1"), update.ErrDowngrade)

	v.publish(3, 2, nil)
	require.NoError(t, d.Install(ctx, "1.3"))
	d = booted(t, m, v, nil)
	assert.Equal(t, "1.3 trial=true floor=2 failed=0", d.state(t))
	require.NoError(t, d.Rollback(ctx, "the display flickers"))
	assert.Equal(t, "rolling back", d.State())
	d = booted(t, m, v, nil)
	assert.Equal(t, "1.2 trial=false floor=2 failed=1", d.state(t))
	assert.Equal(t, "rolled back", d.State())
	assert.Equal(t, 1, d.events(access.EventUpdateReverted))
	assert.Contains(t, d.log.String(), "the display flickers")
	assert.ErrorIs(t, d.Install(ctx, "1.3"), update.ErrBlocked)
	assert.NoError(t, d.Health(ctx))
}
