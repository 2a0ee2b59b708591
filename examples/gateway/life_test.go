package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is the program as somebody builds it: only that can be an image.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	command(t, build)
	return path
}

func command(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", cmd, out)
	return string(out)
}

// TestLife lives the whole life, and then asks foreign programs, and our own in other
// processes, about what it left.
func TestLife(t *testing.T) {
	gateway, dir := built(t), t.TempDir()
	out := command(t, exec.CommandContext(t.Context(), gateway, "-dir", dir))
	last := regexp.MustCompile(`(?m)^gateway: (\d+) steps, 0 failed$`).FindStringSubmatch(out)
	require.NotNil(t, last, out)
	t.Log(last[0])
	require.Equal(t, "28", last[1])
	for _, clause := range []string{"5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.6", "5.2.7", "5.2.8", "5.1.1"} {
		require.Contains(t, out, clause)
	}
	desk := filepath.Join(dir, deskDir)
	t.Run("gpg", func(t *testing.T) { gpgVerifies(t, desk) })
	t.Run("fw_printenv", func(t *testing.T) { printsEnvironment(t, dir) })
	t.Run("vendor", func(t *testing.T) { vendorVerifies(t, desk) })
	t.Run("papers", func(t *testing.T) {
		for _, name := range []string{"statement.txt", "security.md", "security.html", "sbom.json"} {
			text, err := os.ReadFile(filepath.Join(desk, name))
			require.NoError(t, err)
			assert.NotEmpty(t, text, name)
		}
		sbom, err := os.ReadFile(filepath.Join(desk, "sbom.json"))
		require.NoError(t, err)
		for _, module := range []string{"theupdateframework/go-tuf", "ProtonMail/go-crypto"} {
			require.Contains(t, string(sbom), module)
		}
	})
}

// gpgVerifies has the real gpg verify the bundle that the device took.
func gpgVerifies(t *testing.T, desk string) {
	home := t.TempDir()
	gpg := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "gpg", append([]string{"--batch", "--homedir", home}, args...)...)
		return cmd
	}
	command(t, gpg("--import", filepath.Join(desk, "settings.asc"))) // the public key
	bundle := filepath.Join(desk, "bundle.json")
	require.Contains(t, command(t, gpg("--verify", bundle+".asc", bundle)), "Good signature")
	text, err := os.ReadFile(bundle)
	require.NoError(t, err)
	forged := filepath.Join(home, "forged.json")
	require.NoError(t, os.WriteFile(forged, bytes.Replace(text, []byte("12"), []byte("60"), 1), 0o600))
	require.Error(t, gpg("--verify", bundle+".asc", forged).Run())
}

// printsEnvironment has the U-Boot tools read the boot environment.
func printsEnvironment(t *testing.T, dir string) {
	env := filepath.Join(dir, bootDir, "env")
	config := filepath.Join(t.TempDir(), "fw_env.config")
	require.NoError(t, os.WriteFile(config, []byte(env+" 0x0 0x4000\n"+env+" 0x4000 0x4000\n"), 0o600))
	out := command(t, exec.CommandContext(t.Context(), "fw_printenv", "-c", config))
	for _, want := range []string{"BOOT_ORDER=b a", "BOOT_b_STATE=good", "BOOT_a_STATE=bad"} {
		require.Contains(t, out, want)
	}
}

// vendorVerifies has programs of the manufacturer verify receipts and log, with the public
// keys of the device alone, and refuse them when a byte is changed.
func vendorVerifies(t *testing.T, desk string) {
	programs := t.TempDir()
	command(t, exec.CommandContext(t.Context(), "go", "build", "-o", programs, "../vendor", "../logverify"))
	receipt, log := []string{"vendor", "verify-receipt", "-key"}, []string{"logverify", "-key"}
	for _, c := range []struct {
		program         []string
		key, file, says string
	}{
		{receipt, "device.pem", "receipt", "vault: clear: live copies only"},
		{receipt, "device.pem", "bundle.receipt", "bundle 1 is in force"},
		{log, "log.pem", "log.jsonl", "all as they were logged"},
		{[]string{"logverify", "-device"}, "device.pem", "log.jsonl", "all as they were logged"},
	} {
		verify := func(file string) *exec.Cmd {
			args := append(slices.Clone(c.program[1:]), filepath.Join(desk, c.key), file)
			return exec.CommandContext(t.Context(), filepath.Join(programs, c.program[0]), args...)
		}
		file := filepath.Join(desk, c.file)
		out := command(t, verify(file))
		require.Contains(t, out, c.says)
		t.Log(strings.TrimSpace(out))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text[len(text)/2] ^= 1
		broken := filepath.Join(t.TempDir(), "broken")
		require.NoError(t, os.WriteFile(broken, text, 0o600))
		require.Error(t, verify(broken).Run())
	}
}

// Without a network but its own loopback the life is the same.
func TestLifeWithoutNetwork(t *testing.T) {
	gateway := built(t)
	out := command(t, exec.CommandContext(t.Context(), "unshare", "-n", "sh", "-c", "ip link set lo up && exec "+gateway))
	require.Contains(t, out, " steps, 0 failed\n")
}

func TestPlantable(t *testing.T) {
	require.GreaterOrEqual(t, len(plantable), 12)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-break", "list"}, nil, &out, &out))
	for _, f := range plantable {
		require.Contains(t, out.String(), f.name)
	}
	require.Error(t, run(t.Context(), []string{"-break", "no such fault"}, nil, &out, &out))
}
