package protect_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// A compartment takes no more than its index, and gives what it has.
func TestTooManyFiles(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "a", nil))
	protect.SetMost(c, 2)
	require.ErrorIs(t, c.Put(ctx, "b", nil), durable.ErrFull)
	_, err := c.CreateStream(ctx, "b")
	require.ErrorIs(t, err, durable.ErrFull)
	require.NoError(t, v.Anchor(ctx))
	require.NoError(t, c.Put(ctx, "a", []byte("anew")))
	require.NoError(t, c.Delete(ctx, "a"))
	require.NoError(t, c.Put(ctx, "b", nil))
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	names, err := settingsOf(t, v).List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "network/wifi"}, names)
}

// When no version is left the next change anchors by itself.
func TestVersionsAreSpent(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "a", nil))
	protect.SetSeqs(c, 10)
	before := v.Stats().Anchors
	for i := range 35 {
		require.NoError(t, c.Put(ctx, "a", fmt.Append(nil, i)))
	}
	assert.EqualValues(t, 3, v.Stats().Anchors-before)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	got, err := settingsOf(t, v).Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, "34", string(got))
}

// A compartment whose index could not be read when it was found is not used without one.
func TestUnreadIndexIsNotUsed(t *testing.T) {
	ctx := somebody(t.Context())
	for step := range 60 {
		m, v := device(t, token, few())
		require.NoError(t, settingsOf(t, v).Put(ctx, "a", nil))
		m.Fail(step, powercut.Fail)
		_, err := v.Subject(ctx, "carol")
		m.Fail(0, powercut.NoFault)
		if err == nil {
			assert.Greater(t, step, 3)
			return
		}
		if c, err := v.OpenSubject(ctx, "carol"); err == nil {
			if c.Put(ctx, "letter", []byte("dear")) == nil {
				require.NoError(t, v.Anchor(ctx))
			}
		}
		require.NoError(t, putUser(ctx, v, "carol", "letter", "dear bob"))
		require.NoError(t, v.Anchor(ctx))
		v, err = open(ctx, m, token, few())
		require.NoError(t, err)
		c, err := v.OpenSubject(ctx, "carol")
		require.NoError(t, err)
		letter, err := c.Get(ctx, "letter")
		require.NoError(t, err)
		assert.Equal(t, "dear bob", string(letter))
	}
}
