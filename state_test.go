package baseline_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
)

var newState = flag.String("newstate", "", "keep the state of a device of this release as testdata/state/`NAME`")

const states = "testdata/state"

// The state of a device of every release opens in this one (PROTOCOLS 7). Its keys
// are of a test device and protect nothing.
func TestStateOfEveryRelease(t *testing.T) {
	if *newState != "" {
		keepState(t, filepath.Join(states, *newState))
	}
	entries, err := os.ReadDir(states)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			ctx := t.Context()
			path := filepath.Join(t.TempDir(), "state")
			require.NoError(t, os.CopyFS(path, os.DirFS(filepath.Join(states, e.Name()))))
			dir, err := durable.OpenDir(path, nil)
			require.NoError(t, err)
			l, err := openLabIn(ctx, t, dir, false)
			require.NoError(t, err)
			state, err := l.describe(ctx)
			require.NoError(t, err)
			assert.Regexp(t, `^shut=false owner=\S{8} bob=555 mandates=0 floor=\{"limit":7\} eve=false$`, state)
			assert.Equal(t, []string{"update.install"}, l.interlock.Pending())
			require.NoError(t, l.vault.Close())
			require.NoError(t, dir.Close())
		})
	}
}

func keepState(t *testing.T, path string) {
	t.Helper()
	dir, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	l, err := openLabIn(t.Context(), t, dir, true)
	require.NoError(t, err)
	l.commission(t)
	require.NoError(t, os.Remove(filepath.Join(path, ".lock")))
}
