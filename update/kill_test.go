package update_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKill kills a real device, the gateway of examples/gateway, at random moments of
// updates, at least 15 times in each state that its journal can be in, and starts it
// again: see -kills there. It runs from the slot that the U-Boot environment names,
// with a TUF repository behind HTTPS.
func TestKill(t *testing.T) {
	gateway := filepath.Join(t.TempDir(), "gateway")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", gateway, "../examples/gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	dir := t.TempDir()
	out, err = exec.CommandContext(t.Context(), gateway, "-dir", dir, "-kills", "15").CombinedOutput()
	require.NoError(t, err, "%s", out)
	line := regexp.MustCompile(`(?m)^kills=\d+ bad=0( [a-z]+=(1[5-9]|[2-9]\d|\d{3}))+$`).Find(out)
	require.NotNil(t, line, "%s", out)
	t.Logf("%s", line)
}
