package uboot_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
)

// foreign is a directory with an environment, and the real tools of libubootenv on it.
type foreign struct {
	t    *testing.T
	dir  string
	raw  *durable.Raw
	cfg  uboot.Config
	conf string
}

func newForeign(t *testing.T, cfg uboot.Config) *foreign {
	dir := t.TempDir()
	raw, err := durable.OpenRaw(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	conf := ""
	for _, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
		conf += fmt.Sprintf("%s %#x %#x\n", filepath.Join(dir, l.File), l.Offset, cfg.Size)
	}
	f := &foreign{t, dir, raw, cfg, filepath.Join(dir, "fw_env.config")}
	require.NoError(t, os.WriteFile(f.conf, []byte(conf), 0o600))
	return f
}

func (f *foreign) run(name string, args ...string) string {
	f.t.Helper()
	out, err := exec.CommandContext(f.t.Context(), name, append([]string{"-c", f.conf}, args...)...).CombinedOutput()
	require.NoError(f.t, err, "%s (Debian: libubootenv-tool): %s", name, out)
	return strings.TrimSuffix(string(out), "\n")
}

func (f *foreign) print(name string) string { f.t.Helper(); return f.run("fw_printenv", "-n", name) }

func (f *foreign) set(name, value string) { f.t.Helper(); f.run("fw_setenv", name, value) }

// TestForeign: libubootenv and this package read what the other wrote, through
// more writes than the flag has values.
func TestForeign(t *testing.T) {
	for name, cfg := range layouts() {
		t.Run(name, func(t *testing.T) {
			ctx, f := t.Context(), newForeign(t, cfg)
			require.NoError(t, uboot.Create(ctx, f.raw, cfg, "a", map[string]string{"bootcmd": "run start; reset"}))
			require.Equal(t, "run start; reset", f.print("bootcmd"))
			require.Equal(t, "BOOT_ORDER=a b\nBOOT_a_STATE=good\nBOOT_b_STATE=bad\nbootcmd=run start; reset", f.run("fw_printenv"))

			env := opened(t, f.raw, cfg, "a")
			for i := range 140 { // ours, theirs: 280 writes
				require.NoError(t, env.Try(ctx, "b", 1+i%15))
				require.Equal(t, fmt.Sprintf("%x", 1+i%15), f.print("BOOT_b_LEFT"), "write %d", i)
				require.Equal(t, "b a", f.print("BOOT_ORDER"))
				f.set("count", fmt.Sprint(i))
				require.Equal(t, fmt.Sprintf("a good, b trial %d next", 1+i%15), stateOf(t, env), "write %d", i)
			}
			require.Equal(t, "139", f.print("count"), "what they wrote, we kept")
			require.NoError(t, env.Health(ctx))

			f.set("BOOT_b_STATE", "good") // a person at the console
			require.Equal(t, "a good, b good next", stateOf(t, env))
			slot, err := uboot.Choose(ctx, f.raw, cfg)
			require.NoError(t, err)
			require.Equal(t, "b", slot)
		})
	}
}

// TestForeignDamaged: with one copy damaged both use the other one.
func TestForeignDamaged(t *testing.T) {
	for name, cfg := range layouts() {
		for i, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
			t.Run(fmt.Sprintf("%s-%d", name, i), func(t *testing.T) {
				ctx, f := t.Context(), newForeign(t, cfg)
				require.NoError(t, uboot.Create(ctx, f.raw, cfg, "a", nil))
				env := opened(t, f.raw, cfg, "a")
				require.NoError(t, env.Try(ctx, "b", 7)) // in the redundant copy
				flip(t, f.raw, l.File, l.Offset+20)
				want := map[string]string{"bad": "a good next, b bad", "trial": "a good, b trial 7 next"}
				require.Equal(t, want[f.print("BOOT_b_STATE")], stateOf(t, env))
				f.set("mended", "yes")
				require.NoError(t, env.Health(ctx))
			})
		}
	}
}
