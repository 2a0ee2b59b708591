package durable

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A directory may be mounted on a file system that has no sync of directories.
func TestMakeDirOnWhatCannotBeSynced(t *testing.T) {
	require.ErrorIs(t, syncParent("/proc"), syscall.EINVAL)
	require.NoError(t, makeDir("/proc/sys"))
}
