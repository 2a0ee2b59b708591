package protect_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
