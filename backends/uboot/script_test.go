package uboot_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// The real U-Boot of Debian for QEMU's arm machine. It reads one copy of its
// environment, without a flag, from the beginning of the second flash, and fails to
// write there: so another command stands in for saveenv.
const (
	realUBoot = "/usr/lib/u-boot/qemu_arm/u-boot.bin"
	flashSize = 64 << 20
	envSize   = 0x40000
)

// realBoot starts U-Boot with the variables and returns the slot that it chose, the
// variables that it then has, and what it printed.
func realBoot(t *testing.T, script string, vars map[string]string) (slot string, after map[string]string, out string) {
	flash := filepath.Join(t.TempDir(), "flash")
	data := ""
	for name, value := range vars {
		data += name + "=" + value + "\x00"
	}
	data += "bootdelay=-2\x00bootcmd=run choose; printenv; echo CHOSEN=${slot}.; poweroff\x00choose=" + script + "\x00\x00"
	raw := make([]byte, envSize)
	copy(raw[4:], data)
	binary.LittleEndian.PutUint32(raw, crc32.ChecksumIEEE(raw[4:]))
	require.NoError(t, os.WriteFile(flash, raw, 0o600))
	require.NoError(t, os.Truncate(flash, flashSize))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	printed, err := exec.CommandContext(ctx, "qemu-system-arm", "-M", "virt", "-nographic", "-net", "none", "-bios", realUBoot,
		"-drive", "if=pflash,format=raw,index=1,file="+flash).CombinedOutput()
	require.NoError(t, err, "Debian: qemu-system-arm, u-boot-qemu: %s", printed)
	out = strings.ReplaceAll(string(printed), "\r", "")
	chosen := regexp.MustCompile(`(?m)^CHOSEN=(\w*)\.$`).FindStringSubmatch(out)
	require.NotNil(t, chosen, "%s", out)
	return chosen[1], boots(strings.Split(out, "\n")), out
}

// boots are the variables of the slots.
func boots(entries []string) map[string]string {
	vars := map[string]string{}
	for _, e := range entries {
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "BOOT_") {
			vars[name] = value
		}
	}
	return vars
}

// played is realBoot with Choose in the place of U-Boot.
func played(t *testing.T, cfg uboot.Config, vars map[string]string) (slot string, after map[string]string) {
	m, data := powercut.New(), ""
	for name, value := range vars {
		data += name + "=" + value + "\x00"
	}
	put(t, m.FS(), cfg.Primary, block(1, data+"\x00", cfg.Size))
	slot, err := uboot.Choose(t.Context(), m.FS(), cfg)
	if err != nil {
		require.ErrorIs(t, err, uboot.ErrNoSlot)
	}
	var newest []byte
	for _, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
		all := m.Files()[l.File]
		if int64(len(all)) < l.Offset+int64(cfg.Size) {
			continue
		}
		if raw := all[l.Offset:][:cfg.Size]; newest == nil || raw[4] > newest[4] {
			newest = raw
		}
	}
	return slot, boots(strings.Split(string(newest[5:]), "\x00"))
}

// TestScript: the real U-Boot chooses as Choose does, and has the same to save.
func TestScript(t *testing.T) {
	cfg := oneFile()
	script, err := uboot.Script(cfg)
	require.NoError(t, err)
	for i, vars := range []map[string]string{
		{"BOOT_ORDER": "a b", "BOOT_a_STATE": "good", "BOOT_b_STATE": "bad"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "good"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "trial", "BOOT_b_LEFT": "f"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "trial", "BOOT_b_LEFT": "a"},
		{"BOOT_ORDER": "a b", "BOOT_b_STATE": "good", "BOOT_a_STATE": "trial", "BOOT_a_LEFT": "1"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "trial", "BOOT_b_LEFT": "0"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "trial"},
		{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good"},
		{"BOOT_ORDER": "b", "BOOT_a_STATE": "good", "BOOT_b_STATE": "bad"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			slot, after, out := realBoot(t, strings.ReplaceAll(script, "saveenv", "echo SAVED"), vars)
			want, wantAfter := played(t, cfg, vars)
			assert.Equal(t, want, slot)
			assert.Equal(t, vars[varLeft(slot)] != "", strings.Contains(out, "\nSAVED\n"), "saves a try, and nothing else")
			assert.Equal(t, trim(wantAfter), trim(after))
		})
	}
}

func varLeft(slot string) string { return "BOOT_" + slot + "_LEFT" }

// TestScriptCannotSave: a try that cannot be saved does not begin.
func TestScriptCannotSave(t *testing.T) {
	script, err := uboot.Script(oneFile())
	require.NoError(t, err)
	slot, _, _ := realBoot(t, strings.ReplaceAll(script, "saveenv", "false"),
		map[string]string{"BOOT_ORDER": "b a", "BOOT_a_STATE": "good", "BOOT_b_STATE": "trial", "BOOT_b_LEFT": "3"})
	require.Equal(t, "a", slot)
}

// trim drops what says the same as nothing: a slot that is called bad.
func trim(vars map[string]string) map[string]string {
	for name, value := range vars {
		if value == "bad" {
			delete(vars, name)
		}
	}
	return vars
}

func TestScriptRefuses(t *testing.T) {
	_, err := uboot.Script(uboot.Config{})
	require.ErrorIs(t, err, fs.ErrInvalid)
}
