package update_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// TestFloorsFull: a store without room says so, still raises what it has, and takes
// another name once one is forgotten. The floor of releases cannot be forgotten.
func TestFloorsFull(t *testing.T) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	f, ctx := update.NewFloors(dir), t.Context()
	require.NoError(t, f.Raise(ctx, "release", 5))
	for i := range 127 {
		require.NoError(t, f.Raise(ctx, fmt.Sprintf("tuf.%d", i), 1))
	}
	require.ErrorIs(t, f.Raise(ctx, "another", 1), update.ErrFloorsFull)
	require.NoError(t, f.Raise(ctx, "tuf.7", 2))
	require.NoError(t, f.Raise(ctx, "tuf.7", 1))

	require.NoError(t, f.Forget(ctx, "tuf.7"))
	require.NoError(t, f.Forget(ctx, "tuf.7"), "is gone already")
	require.ErrorIs(t, f.Forget(ctx, "release"), fs.ErrInvalid)
	require.ErrorIs(t, f.Forget(ctx, "../x"), fs.ErrInvalid)
	require.NoError(t, f.Raise(ctx, "another", 1))

	f = update.NewFloors(dir)
	for name, want := range map[string]uint64{"release": 5, "tuf.7": 0, "tuf.8": 1, "another": 1} {
		got, err := f.Get(ctx, name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}
