package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// emulator is a TPM with a state of its own, which outlives the loss of its power.
type emulator struct {
	t           *testing.T
	sock, state string
	cmd         *exec.Cmd
}

func emulate(t *testing.T) *emulator {
	t.Helper()
	place, err := os.MkdirTemp("", "s") // short: a path of a socket has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	e := &emulator{t: t, sock: filepath.Join(place, "s"), state: t.TempDir()}
	e.on()
	t.Cleanup(e.off)
	return e
}

func (e *emulator) on() {
	e.t.Helper()
	e.cmd = exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+e.state, "--server", "type=unixio,path="+e.sock, "--flags", "not-need-init,startup-clear")
	require.NoError(e.t, e.cmd.Start(), "swtpm (Debian: swtpm)")
	require.Eventually(e.t, func() bool { _, err := os.Stat(e.sock); return err == nil }, time.Minute, time.Millisecond)
}

func (e *emulator) off() {
	if e.cmd == nil {
		return
	}
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
	_ = os.Remove(e.sock)
	e.cmd = nil
}

// TestLifeOnTPM lives the whole life with its keys in a real TPM.
func TestLifeOnTPM(t *testing.T) {
	gateway, dir := built(t), t.TempDir()
	out := command(t, exec.CommandContext(t.Context(), gateway, "-dir", dir, "-tpm", emulate(t).sock))
	require.Contains(t, out, "gateway: 28 steps, 0 failed\n")
	vendorVerifies(t, filepath.Join(dir, deskDir))
}
