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
	raw, err := durable.OpenRaw(path)
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

	_, err = durable.OpenRaw(filepath.Join(path, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
