package config_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
)

// TestBundleReceiptEndsWithOwnership: who sends what the last owner was sent does not
// get the receipt that was hers.
func TestBundleReceiptEndsWithOwnership(t *testing.T) {
	d := newBundled(t)
	d.mustSend(operator, patch(3, `{"name":"anns"}`))
	d.sold()
	d.enrol("bob")
	r, err := d.send(operator, patch(3, `{"name":"anns"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Empty(t, r.Receipt)
	assert.Empty(t, d.last(operator).Receipt)
}

// TestOldMarkLowersNothing: settings of an earlier owner that come back, as the last
// good ones, do not bring back what was taken then.
func TestOldMarkLowersNothing(t *testing.T) {
	d := newBundled(t)
	d.mustSend(operator, patch(9, `{"name":"anns"}`))
	require.NoError(t, d.open()) // the last good settings are ann's
	d.sold()
	d.enrol("bob")
	bobs := patch(1, `{"name":"bobs"}`)
	bobs.Ownership = d.Ownership()
	r := d.mustSend(operator, bobs)
	require.NoError(t, d.dir.Put(t.Context(), "settings/current", []byte("1 {}")))
	require.NoError(t, d.open())
	require.Equal(t, "anns", d.view.Load().Name)
	again, err := d.send(operator, bobs)
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Equal(t, r.Receipt, again.Receipt)
	_, err = d.send(operator, patch(9, `{"name":"anns"}`))
	require.ErrorIs(t, err, config.ErrReplay)
}

// worn is a Store that takes no record of a signer while it is told so.
type worn struct {
	durable.Store
	broken bool
}

func (w *worn) Put(ctx context.Context, name string, value []byte) error {
	if w.broken && strings.HasPrefix(name, "settings/bundles/") {
		return errors.New("worn out")
	}
	return w.Store.Put(ctx, name, value)
}

// TestBundleIsTakenThoughItsRecordFails: the mark in the settings holds until the
// record can be written: over changes, and over a start.
func TestBundleIsTakenThoughItsRecordFails(t *testing.T) {
	d := newBundled(t)
	floor := &worn{d.dir, true}
	d.opts.Floor = floor
	require.NoError(t, d.open())
	d.mustSend(operator, patch(3, `{"name":"a"}`))
	require.ErrorContains(t, d.settings.Health(t.Context()), "worn out")
	d.mustPatch(`{"name":"b"}`)
	require.ErrorContains(t, d.settings.Health(t.Context()), "worn out")
	assert.Equal(t, uint64(3), d.last(operator).Sequence)
	_, err := d.send(vendor, patch(1, `{"name":"c"}`))
	require.ErrorContains(t, err, "worn out", "the mark of the operator would be lost")
	require.NoError(t, d.open())
	require.ErrorContains(t, d.settings.Health(t.Context()), "worn out")
	assert.Equal(t, uint64(3), d.last(operator).Sequence)

	floor.broken = false
	d.mustPatch(`{"name":"d"}`)
	require.NoError(t, d.settings.Health(t.Context()))
	r, err := d.send(operator, patch(3, `{"name":"a"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	assert.NotEmpty(t, r.Receipt)
	d.mustSend(vendor, patch(1, `{"name":"c"}`))
}
