package protect_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// A class takes no more than its quota, over all its compartments, also after a restart;
// what is removed or erased makes room again, and no other class is held up.
func TestQuota(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			opts := few()
			opts.Quotas = map[protect.Class]int64{protect.ClassUserData: 100_000}
			m, v := device(t, store, opts)
			alice, err := v.Subject(ctx, "alice")
			require.NoError(t, err)
			bob, err := v.Subject(ctx, "bob")
			require.NoError(t, err)
			value := make([]byte, 10_000)
			kept := 0
			for ; kept < 20; kept++ {
				c := []*protect.Compartment{alice, bob}[kept%2]
				if err = c.Put(ctx, fmt.Sprintf("photo/%d", kept), value); err != nil {
					break
				}
			}
			require.ErrorIs(t, err, durable.ErrFull)
			assert.Equal(t, 9, kept)
			require.NoError(t, alice.Put(ctx, "photo/0", value), "in the place of itself")
			require.ErrorIs(t, record(ctx, alice, "film", recording(200_000), 1<<20), durable.ErrFull)
			_, err = alice.OpenStream(ctx, "film")
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.NoError(t, settingsOf(t, v).Put(ctx, "network/wifi", make([]byte, 200_000)))

			v, err = open(ctx, m, store, opts)
			require.NoError(t, err)
			alice, err = v.Subject(ctx, "alice")
			require.NoError(t, err)
			require.ErrorIs(t, alice.Put(ctx, "photo/anew", value), durable.ErrFull)
			require.NoError(t, alice.Delete(ctx, "photo/0"))
			require.NoError(t, alice.Put(ctx, "photo/anew", value))
			require.ErrorIs(t, alice.Put(ctx, "photo/more", value), durable.ErrFull)
			_, err = v.Erase(ctx, "bob")
			require.NoError(t, err)
			require.NoError(t, record(ctx, alice, "film", recording(30_000), 1<<20))
			require.ErrorIs(t, record(ctx, alice, "another", recording(30_000), 1<<20), durable.ErrFull)
			require.NoError(t, alice.RemoveStream(ctx, "film"))
			require.NoError(t, record(ctx, alice, "another", recording(30_000), 1<<20))
		})
	}
}

func TestQuotasAreChecked(t *testing.T) {
	for class, most := range map[protect.Class]int64{protect.ClassFloor: 10, protect.ClassLogs: 0, protect.ClassSettings: -1, 99: 10} {
		opts := few()
		opts.Quotas = map[protect.Class]int64{class: most}
		_, err := provision(t.Context(), powercut.New(), token, opts)
		require.ErrorIs(t, err, fs.ErrInvalid, class)
	}
}
