package protect_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func TestProvisionOnce(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m := powercut.New()
			_, err := open(t.Context(), m, store, few())
			require.ErrorIs(t, err, protect.ErrMissing)
			require.NoError(t, setUp(t.Context(), m, store, few()))
			_, err = provision(t.Context(), m, store, few())
			require.ErrorIs(t, err, fs.ErrExist)
		})
	}
}

// TestEarlierLife: the directory is gone, the key store remembers (PROTOCOLS 4).
func TestEarlierLife(t *testing.T) {
	m, _ := device(t, token, few())
	m.Restore(powercut.Image{})
	_, err := open(t.Context(), m, token, few())
	require.ErrorIs(t, err, protect.ErrTampered)
	var oe *protect.ObjectError
	require.ErrorAs(t, err, &oe)
	assert.Contains(t, oe.Action, "somebody present")
	_, err = provision(t.Context(), m, token, few())
	require.ErrorIs(t, err, protect.ErrTampered, "never a fresh start by itself")

	opts := few()
	opts.Presence = presence{errors.New("nobody pressed the button")}
	_, err = provision(t.Context(), m, token, opts)
	require.ErrorIs(t, err, protect.ErrTampered)
	opts.Presence = presence{}
	v, err := provision(t.Context(), m, token, opts)
	require.NoError(t, err)
	assert.EqualValues(t, 3, v.Report(t.Context()).Generation, "what the earlier life prepared for 2 is dead")
	_, err = open(t.Context(), m, token, few())
	require.NoError(t, err)
}

type presence struct{ err error }

func (p presence) Prove(_ context.Context, challenge []byte) error {
	if len(challenge) < 16 {
		return errors.New("short challenge")
	}
	return p.err
}

// TestPresenceIsAskedOnlyForAnEarlierLife also shows that a key store that does
// not answer is never a reason for a fresh start.
func TestPresenceIsAskedOnlyForAnEarlierLife(t *testing.T) {
	opts := few()
	opts.Presence = presence{}
	m, _ := device(t, token, few())
	_, err := provision(t.Context(), m, token, opts)
	require.ErrorIs(t, err, fs.ErrExist, "presence does not replace a vault that opens")

	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	for _, fault := range []error{protect.ErrUnavailable, protect.ErrPolicy, &protect.LockoutError{RetryAfter: time.Second}} {
		keys := protecttest.NewToken(m)
		keys.SetFault(fault)
		_, err = protect.Provision(t.Context(), dir, keys, opts)
		require.ErrorIs(t, err, fault)
		_, err = protect.Open(t.Context(), dir, keys, opts)
		require.ErrorIs(t, err, fault)
	}
	v, err := open(t.Context(), m, token, few())
	require.NoError(t, err)
	_, err = content(t.Context(), v)
	require.NoError(t, err)
}

func TestOtherKeyStore(t *testing.T) {
	ctx := t.Context()
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	soft, err := software(ctx, m, dir)
	require.NoError(t, err)

	_, err = protect.Open(ctx, dir, nil, few())
	require.ErrorIs(t, err, protect.ErrUnavailable, "none")
	_, err = protect.Open(ctx, dir, soft, few())
	require.ErrorIs(t, err, protect.ErrForeign, "software in the place of hardware")
	assert.Contains(t, err.Error(), "hardware")
	_, err = protect.Open(ctx, dir, protecttest.NewToken(powercut.New()), few())
	require.ErrorIs(t, err, protect.ErrLost, "a token that was never used")
	_, other := device(t, token, few())
	require.NotNil(t, other)

	cleared := protecttest.NewToken(m)
	require.NoError(t, cleared.Clear())
	_, err = protect.Open(ctx, dir, cleared, few())
	require.ErrorIs(t, err, protect.ErrLost, "a cleared token")
	_, err = protect.Provision(ctx, dir, cleared, few())
	require.ErrorIs(t, err, protect.ErrLost, "not by itself")
}

func TestOtherTokenInTheSameGeneration(t *testing.T) {
	m, _ := device(t, token, few())
	other, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	_, err = protect.Open(t.Context(), dir, protecttest.NewToken(other), few())
	require.ErrorIs(t, err, protect.ErrLost)
}
