package durable_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
)

func TestRaw(t *testing.T) {
	path := t.TempDir()
	raw, err := durable.OpenRaw(path, nil)
	require.NoError(t, err)
	f, err := raw.Open("slot-a", durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("image"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, durable.DropCache(f))
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
	require.NoError(t, err)
	require.Equal(t, "image", string(text), "what was synced is still there")
	require.NoError(t, f.Close())

	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(path, "out")))
	_, err = raw.Open("out", durable.ReadOnly)
	require.Error(t, err, "a link leads out")
	_, err = raw.Open("../x", durable.ReadOnly)
	require.Error(t, err)
	require.NoError(t, raw.Close())

	programs, err := durable.OpenRaw(path, &durable.RawOptions{Executable: true})
	require.NoError(t, err)
	f, err = programs.Open("slot-b", durable.Create)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	for name, mode := range map[string]fs.FileMode{"slot-a": 0o600, "slot-b": 0o700} {
		st, err := os.Stat(filepath.Join(path, name))
		require.NoError(t, err)
		require.Equal(t, mode, st.Mode().Perm(), name)
	}
	require.NoError(t, programs.Close())

	_, err = durable.OpenRaw(filepath.Join(path, "none"), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
