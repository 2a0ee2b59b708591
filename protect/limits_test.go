package protect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// These tests hold the package documentation to what it says of who cuts the power at a
// chosen moment and exchanges the disk, several times: that a key store which knows only a
// number cannot tell two tables for the same number from each other. When one of them
// fails the documentation promises too little.

// stopped is a token before whose step to another number the power fails.
type stopped struct {
	*protecttest.Token
	m     *powercut.Machine
	after int            // so many more steps are taken; below 0 all
	disk  powercut.Image // when the power failed
}

func (s *stopped) stop() error {
	if s.after == 0 {
		s.disk = s.m.Image()
		return protect.ErrUnavailable
	}
	s.after--
	return nil
}

func (s *stopped) Advance(ctx context.Context, gen uint64) error {
	if err := s.stop(); err != nil {
		return err
	}
	return s.Token.Advance(ctx, gen)
}

func (s *stopped) Increment(ctx context.Context) (uint64, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	return s.Token.Increment(ctx)
}

// openStopped opens the vault with a token that takes so many more steps.
func openStopped(t *testing.T, m *powercut.Machine, after int) (*protect.Vault, *stopped) {
	keys := &stopped{Token: protecttest.NewToken(m), m: m, after: after}
	v, err := openWith(t.Context(), m, newAttacker(), keys, few())
	require.NoError(t, err)
	return v, keys
}

// A table that was prepared when the power failed opens beside another that was
// anchored under the same tag from another disk; the next anchor ends that.
func TestLimitBranchedAnchor(t *testing.T) {
	ctx := t.Context()
	m, _ := device(t, token, few())
	v, keys := openStopped(t, m, -1)
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("one")))
	m.Settle()
	before := m.Image()
	keys.after = 0
	require.ErrorIs(t, v.Anchor(ctx), protect.ErrUnavailable)
	prepared := keys.disk

	m.Restore(before)
	v, _ = openStopped(t, m, -1)
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("two")))
	m.Settle()
	now := m.Image()
	m.Restore(before)
	_, err := open(ctx, m, token, few())
	require.ErrorIs(t, err, protect.ErrRollback)
	m.Restore(prepared)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err, "the limit")
	got, err := settingsOf(t, v).Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, "one", string(got), "the limit")

	m.Restore(now)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	require.NoError(t, v.Anchor(ctx))
	m.Settle()
	m.Restore(prepared)
	_, err = open(ctx, m, token, few())
	require.ErrorIs(t, err, protect.ErrRollback)
}

// In the same way a table with a key that an erasure destroys can be prepared for the
// generation that ends the erasure; the next erasure or rotation ends that.
func TestLimitBranchedErasure(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, few())
	v, keys := openStopped(t, m, 0)
	whole := m.Image()
	require.ErrorIs(t, v.Rotate(ctx), protect.ErrUnavailable)
	prepared := keys.disk

	m.Restore(whole)
	v, keys = openStopped(t, m, 1)
	_, err := v.Erase(ctx, "alice")
	require.ErrorIs(t, err, protect.ErrUnavailable)
	erasing := keys.disk

	m.Restore(prepared)
	v, keys = openStopped(t, m, 0)
	require.ErrorIs(t, v.Rotate(ctx), protect.ErrUnavailable)
	again := keys.disk

	m.Restore(erasing)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	_, err = v.OpenSubject(ctx, "alice")
	require.ErrorIs(t, err, protect.ErrMissing)
	m.Settle()
	erased := m.Image()
	for _, disk := range []powercut.Image{whole, prepared, erasing} {
		m.Restore(disk)
		if v, err := open(ctx, m, token, few()); err == nil {
			_, err = v.OpenSubject(ctx, "alice")
			require.ErrorIs(t, err, protect.ErrMissing)
		}
	}
	m.Restore(again)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err, "the limit")
	c, err := v.OpenSubject(ctx, "alice")
	require.NoError(t, err, "the limit")
	got, err := c.Get(ctx, "letter")
	require.NoError(t, err)
	assert.Equal(t, "of alice", string(got), "the limit")

	m.Restore(erased)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	require.NoError(t, v.Rotate(ctx))
	m.Restore(again)
	_, err = open(ctx, m, token, few())
	require.ErrorIs(t, err, protect.ErrRollback)
}
