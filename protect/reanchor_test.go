package protect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// A disk that is accepted is counted, whenever the power fails, also one with an erasure
// under way: so none is in use that was not.
func TestAcceptedIsCounted(t *testing.T) {
	ctx := somebody(t.Context())
	begun, v := device(t, token, few())
	begun.Cut(10)
	_, err := v.Erase(ctx, "alice")
	require.Error(t, err)
	begun.Drop()
	whole, _ := device(t, token, few())
	opts := few()
	opts.Presence = presence{}
	for name, m := range map[string]*powercut.Machine{"whole": whole, "erasing": begun} {
		accepted := 0
		for range 2 {
			_, err := protecttest.NewToken(m).Increment(ctx) // a stranger
			require.NoError(t, err)
		}
		for step := 0; ; step++ {
			c := m.Clone()
			c.Cut(step)
			_, err := begin(ctx, c, token, opts, protect.Reanchor)
			if err == nil {
				assert.Greater(t, step, 5)
				break
			}
			for _, s := range c.Survivors() {
				v, err := open(ctx, s.Machine, token, few())
				if err != nil {
					require.ErrorIs(t, err, protect.ErrRollback)
					continue
				}
				accepted++
				require.EqualValues(t, 1, v.Report(ctx).Accepted, "%s, step %d", name, step)
				_, err = settingsOf(t, v).Get(ctx, "network/wifi")
				require.NoError(t, err)
			}
		}
		assert.Positive(t, accepted, name)
	}
}

// What a Reanchor could not index is there after the anchor that can.
func TestReanchorPartly(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("since")))
	m.Settle()
	for range 2 {
		_, err := protecttest.NewToken(m).Increment(ctx)
		require.NoError(t, err)
	}
	opts := few()
	opts.Presence = presence{}
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	m.SetCapacity(1)
	v, err = protect.Reanchor(ctx, dir, protecttest.NewToken(m), opts)
	require.NoError(t, err)
	require.ErrorIs(t, v.Health(ctx), durable.ErrFull)
	m.SetCapacity(0)
	require.NoError(t, v.Anchor(ctx))
	for range 2 { // and after a start
		got, err := settingsOf(t, v).Get(ctx, "a")
		require.NoError(t, err)
		require.Equal(t, "since", string(got))
		_, err = settingsOf(t, v).Get(ctx, "network/wifi")
		require.NoError(t, err)
		m.Settle()
		v, err = open(ctx, m, token, few())
		require.NoError(t, err)
	}
}

// lowered is a token whose counter was set back, which no real one is: it is another.
type lowered struct {
	*protecttest.Token
	by uint64
}

func (l lowered) Value(ctx context.Context) (uint64, error) {
	n, err := l.Token.Value(ctx)
	return n - l.by, err
}

// A counter that is lower is another key store, which nobody can accept.
func TestReanchorLower(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	for range 5 {
		require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("since")))
		require.NoError(t, v.Anchor(ctx))
	}
	m.Settle()
	opts := few()
	opts.Presence = presence{}
	for _, with := range []opener{protect.Open, protect.Reanchor} {
		dir, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		_, err = with(ctx, dir, lowered{protecttest.NewToken(m), 4}, opts)
		require.ErrorIs(t, err, protect.ErrLost)
		require.NotContains(t, err.Error(), "Reanchor")
	}
	_, err := open(ctx, m, token, few())
	require.NoError(t, err)
}
