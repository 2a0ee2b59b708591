package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// emulate starts a TPM with a state of its own, and returns its socket.
func emulate(t *testing.T) string {
	t.Helper()
	place, err := os.MkdirTemp("", "s") // short: a path of a socket has at most 107 bytes
	require.NoError(t, err)
	sock := filepath.Join(place, "s")
	cmd := exec.CommandContext(t.Context(), "swtpm", "socket", "--tpm2", "--tpmstate", "dir="+t.TempDir(), "--server", "type=unixio,path="+sock,
		"--flags", "not-need-init,startup-clear")
	require.NoError(t, cmd.Start(), "swtpm (Debian: swtpm)")
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(place)
	})
	require.Eventually(t, func() bool { _, err := os.Stat(sock); return err == nil }, time.Minute, time.Millisecond)
	return sock
}

// TestLifeOnTPM lives the whole life with its keys in a real TPM; then the device starts
// with another TPM, and with none: it says so, and makes nothing anew.
func TestLifeOnTPM(t *testing.T) {
	gateway, dir, chip := built(t), t.TempDir(), emulate(t)
	out := command(t, exec.CommandContext(t.Context(), gateway, "-dir", dir, "-tpm", chip))
	require.Contains(t, out, "gateway: 28 steps, 0 failed\n")
	vendorVerifies(t, filepath.Join(dir, deskDir))

	started := func(chip string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		text, err := exec.CommandContext(ctx, filepath.Join(dir, slotsDir, "b"), "-device", dir, "-booted", "b", "-server", "127.0.0.1:1", "-tpm", chip).CombinedOutput()
		require.Error(t, err)
		return string(text)
	}
	require.Contains(t, started(emulate(t)), "the TPM was cleared or replaced")
	require.Contains(t, started(filepath.Join(dir, "nothing")), "key store unavailable")
	require.Contains(t, started(""), "protect: ")
	_, err := os.Stat(filepath.Join(dir, stateDir, "softkeys"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
