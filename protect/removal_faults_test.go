package protect_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// What a reader sees after a removal and a put that failed is there after a start, after
// an anchor, and after a start from that.
func TestFailedRemovalThenPut(t *testing.T) {
	ctx := t.Context()
	for first := range 14 {
		for second := -1; second < 14; second++ {
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, c.Put(ctx, "a", []byte("zero")))
			require.NoError(t, v.Anchor(ctx))
			m.Fail(first, powercut.Fail)
			_ = c.Delete(ctx, "a")
			if second >= 0 {
				m.Fail(second, powercut.Fail)
				_ = c.Put(ctx, "a", []byte("one"))
			}
			m.Fail(0, powercut.NoFault)
			seen, serr := c.Get(ctx, "a")
			require.True(t, serr == nil || notThere(serr), "%d %d: %v", first, second, serr)

			same := func(m *powercut.Machine, how string) {
				m = m.Clone()
				m.Settle()
				v, err := open(ctx, m, token, few())
				require.NoError(t, err)
				got, err := settingsOf(t, v).Get(ctx, "a")
				require.Equal(t, serr == nil, err == nil, "%d %d, %s: %v, then %v", first, second, how, serr, err)
				require.Equal(t, string(seen), string(got), "%d %d, %s", first, second, how)
			}
			same(m, "a start")
			require.NoError(t, v.Anchor(ctx))
			got, err := c.Get(ctx, "a")
			require.Equal(t, serr == nil, err == nil, "%d %d, an anchor: %v, then %v", first, second, serr, err)
			require.Equal(t, string(seen), string(got), "%d %d, an anchor", first, second)
			same(m, "an anchor and a start")
		}
	}
}

// So it is with a value that was put after the anchor, whose removal needs no mark.
func TestFailedRemovalOfWhatIsNew(t *testing.T) {
	ctx := t.Context()
	for step := range 8 {
		m, v := device(t, token, few())
		c := settingsOf(t, v)
		require.NoError(t, c.Put(ctx, "x", nil))
		require.NoError(t, c.Put(ctx, "a", []byte("zero")))
		m.Fail(step, powercut.Fail)
		_ = c.Delete(ctx, "a")
		m.Fail(0, powercut.NoFault)
		_, seen := c.Get(ctx, "a")
		require.True(t, seen == nil || notThere(seen), "%d: %v", step, seen)
		m.Settle()
		v, err := open(ctx, m, token, few())
		require.NoError(t, err)
		_, err = settingsOf(t, v).Get(ctx, "a")
		require.Equal(t, seen == nil, err == nil, "%d: %v, then %v", step, seen, err)
	}
}

// To remove what is not there is no change: a clean-up that runs again and again wears
// out no counter.
func TestRemovalOfNothing(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, v.Anchor(ctx))
	require.NoError(t, c.Delete(ctx, "never"))
	require.NoError(t, c.RemoveStream(ctx, "never"))
	require.NoError(t, c.RemoveAll(ctx, "never"))
	assert.Zero(t, v.Report(ctx).Unanchored)
}

// Who removes again what is removed already changes nothing, also where the medium fails:
// it is not missed after a start.
func TestRemovalAgainThatFails(t *testing.T) {
	ctx := t.Context()
	for _, fault := range []powercut.Fault{powercut.Fail, powercut.NoReply} {
		for step := range 14 {
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, c.Put(ctx, "a", nil))
			require.NoError(t, v.Anchor(ctx))
			require.NoError(t, c.Delete(ctx, "a"))
			m.Fail(step, fault)
			_ = c.Delete(ctx, "a")
			m.Fail(0, powercut.NoFault)
			_, err := c.Get(ctx, "a")
			require.True(t, notThere(err), "%d: %v", step, err)
			m.Settle()
			v, err = open(ctx, m, token, few())
			require.NoError(t, err)
			_, err = settingsOf(t, v).Get(ctx, "a")
			require.True(t, notThere(err), "%d: %v", step, err)
		}
	}
}
