package softkeys_test

import (
	"bytes"
	"context"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

func TestLasting(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m)
	secret := bytes.Repeat([]byte("lasting "), softkeys.MaxSecret/8)
	blob, err := keys.SealLasting(ctx, secret)
	require.NoError(t, err)
	again, err := keys.SealLasting(ctx, secret)
	require.NoError(t, err)
	assert.NotEqual(t, blob, again)
	assert.NotContains(t, string(blob), "lasting")
	for gen := uint64(1); gen <= 3; gen++ {
		require.NoError(t, keys.Advance(ctx, gen))
		keys = openOn(t, m)
		got, err := keys.UnsealLasting(ctx, blob)
		require.NoError(t, err)
		assert.Equal(t, secret, got)
	}
	mortal, err := keys.Seal(ctx, []byte("s"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		keys *device
		blob []byte
		want error
	}{
		"sealed by Seal":  {keys, mortal, protect.ErrTampered},
		"changed":         {keys, append(blob[:len(blob)-1:len(blob)-1], blob[len(blob)-1]^1), protect.ErrTampered},
		"cut":             {keys, blob[:len(blob)-1], protect.ErrTampered},
		"nothing":         {keys, nil, protect.ErrTampered},
		"a device unused": {openOn(t, powercut.New()), blob, protect.ErrLost},
		"of another":      {openUsed(t), blob, protect.ErrForeign},
	} {
		_, err := c.keys.UnsealLasting(ctx, c.blob)
		assert.ErrorIs(t, err, c.want, name)
	}
	_, err = keys.Unseal(ctx, blob)
	assert.ErrorIs(t, err, protect.ErrTampered, "Unseal does not open what lasts")
	for _, n := range []int{0, softkeys.MaxSecret + 1} {
		_, err = keys.SealLasting(ctx, make([]byte, n))
		assert.ErrorIs(t, err, fs.ErrInvalid)
	}
	refusesWhenDone(t, keys, blob)
}

// refusesWhenDone ends keys.
func refusesWhenDone(t *testing.T, keys *device, blob []byte) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := keys.SealLasting(done, []byte("s"))
	assert.ErrorIs(t, err, context.Canceled)
	_, err = keys.UnsealLasting(done, blob)
	assert.ErrorIs(t, err, context.Canceled)
	require.NoError(t, keys.Close())
	_, err = keys.SealLasting(t.Context(), []byte("s"))
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = keys.UnsealLasting(t.Context(), blob)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

// openUsed is another device, which has keys.
func openUsed(t *testing.T) *device {
	keys := openOn(t, powercut.New())
	_, err := keys.Seal(t.Context(), []byte("s"))
	require.NoError(t, err)
	return keys
}
