package uboot_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// block makes a copy without the package's own code.
func block(flag byte, data string, size int) []byte {
	raw := make([]byte, size)
	raw[4] = flag
	copy(raw[5:], data)
	binary.LittleEndian.PutUint32(raw, crc32.ChecksumIEEE(raw[5:]))
	return raw
}

// vars are the data of an environment in which slot is good.
func vars(slot string) string {
	return "BOOT_ORDER=" + slot + "\x00BOOT_" + slot + "_STATE=good\x00\x00"
}

func put(t testing.TB, fsys durable.FS, l uboot.Location, raw []byte) {
	f, err := fsys.Open(l.File, durable.ReadWrite)
	if err != nil {
		f, err = fsys.Open(l.File, durable.Create)
	}
	require.NoError(t, err)
	_, err = f.WriteAt(raw, l.Offset)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// TestFlags: the copy that is used is that of U-Boot, also where the flag wraps.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		flags [2]byte
		want  string // the slot that the copy has good
	}{
		{[2]byte{1, 0}, "a"}, {[2]byte{0, 1}, "b"}, {[2]byte{7, 7}, "a"}, {[2]byte{254, 255}, "b"}, {[2]byte{255, 254}, "a"},
		{[2]byte{255, 0}, "b"}, {[2]byte{0, 255}, "a"}, {[2]byte{255, 1}, "a"}, {[2]byte{1, 255}, "b"},
	} {
		m, cfg := powercut.New(), oneFile()
		put(t, m.FS(), cfg.Primary, block(c.flags[0], vars("a"), cfg.Size))
		put(t, m.FS(), cfg.Redundant, block(c.flags[1], vars("b"), cfg.Size))
		slot, err := uboot.Choose(t.Context(), m.FS(), cfg)
		require.NoError(t, err)
		assert.Equal(t, c.want, slot, "%v", c.flags)
	}
}

// TestFlagWraps: more changes than the flag has values, each found again.
func TestFlagWraps(t *testing.T) {
	ctx := t.Context()
	m, env := started(t, twoFiles())
	for i := range 600 {
		require.NoError(t, env.Try(ctx, "b", 1+i%15))
		want := fmt.Sprintf("a good, b trial %d next", 1+i%15)
		require.Equal(t, want, stateOf(t, opened(t, m.FS(), twoFiles(), "a")), "change %d", i)
	}
}

// TestOneCopyDamaged: every byte of a copy may be wrong.
func TestOneCopyDamaged(t *testing.T) {
	ctx := t.Context()
	for name, cfg := range layouts() {
		for i, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
			for off := range int64(cfg.Size) {
				if off == 4 {
					continue // the flag is under no checksum: TestFlagFlipped
				}
				m, env := started(t, cfg)
				require.NoError(t, env.MarkGood(ctx, "a"))
				flip(t, m.FS(), l.File, l.Offset+off)
				require.Equal(t, "a good next, b bad", stateOf(t, env), "%s: copy %d, byte %d", name, i, off)
				err := env.Health(ctx)
				require.ErrorIs(t, err, update.ErrDamaged)
				require.ErrorContains(t, err, fmt.Sprintf("%s, offset %d", l.File, l.Offset))
				require.NoError(t, env.Try(ctx, "b", 1))
				require.NoError(t, env.Health(ctx), "a change mends it")
				require.Equal(t, "a good, b trial 1 next", stateOf(t, env))
			}
		}
	}
}

// TestFileLost: one of two files is gone, or short.
func TestFileLost(t *testing.T) {
	ctx, cfg := t.Context(), twoFiles()
	for _, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
		m, env := started(t, cfg)
		require.NoError(t, m.FS().Remove(l.File))
		require.ErrorIs(t, env.Health(ctx), update.ErrDamaged)
		require.NoError(t, env.Try(ctx, "b", 1))
		require.NoError(t, env.Health(ctx))
		f, err := m.FS().Open(l.File, durable.ReadWrite)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(int64(cfg.Size)-1))
		require.ErrorIs(t, env.Health(ctx), update.ErrDamaged)
		require.Equal(t, "a good, b trial 1 next", stateOf(t, env))
	}
}

// TestFlagFlipped: the flag is under no checksum. Whatever it says, one of the two
// last states is told, as U-Boot would.
func TestFlagFlipped(t *testing.T) {
	cfg := oneFile()
	m, env := started(t, cfg)
	require.NoError(t, env.Try(t.Context(), "b", 1))
	flip(t, m.FS(), cfg.Primary.File, cfg.Primary.Offset+4)
	assert.Contains(t, []string{"a good next, b bad", "a good, b trial 1 next"}, stateOf(t, env))
}

// TestBothDamaged: nothing is guessed, nothing is overwritten.
func TestBothDamaged(t *testing.T) {
	ctx, cfg := t.Context(), oneFile()
	m, env := started(t, cfg)
	flip(t, m.FS(), cfg.Primary.File, cfg.Primary.Offset+9)
	flip(t, m.FS(), cfg.Redundant.File, cfg.Redundant.Offset+99)
	before := m.Files()
	_, err := env.State(ctx)
	require.ErrorIs(t, err, update.ErrDamaged)
	_, err = uboot.Choose(ctx, m.FS(), cfg)
	require.ErrorIs(t, err, update.ErrDamaged)
	for _, err := range []error{env.SetBad(ctx, "b"), env.Try(ctx, "b", 1), env.MarkGood(ctx, "a"), env.Health(ctx)} {
		require.ErrorIs(t, err, update.ErrDamaged)
	}
	require.Equal(t, before, m.Files())
}

// TestNotUnderstood: the boot loader would use this copy, so the other is no way out.
func TestNotUnderstood(t *testing.T) {
	for name, data := range map[string]string{
		"empty":              "\x00\x00",
		"no end":             strings.Repeat("x=y\x00", 255),
		"no =":               "BOOT_ORDER\x00\x00",
		"no name":            "=x\x00" + vars("a"),
		"name with space":    "a b=x\x00" + vars("a"),
		"name not ASCII":     "\xffb=x\x00" + vars("a"),
		"long name":          strings.Repeat("n", 256) + "=x\x00" + vars("a"),
		"twice":              "x=y\x00x=z\x00" + vars("a"),
		"no order":           "BOOT_a_STATE=good\x00\x00",
		"unknown slot":       "BOOT_ORDER=a c\x00BOOT_a_STATE=good\x00\x00",
		"slot twice":         "BOOT_ORDER=a a\x00BOOT_a_STATE=good\x00\x00",
		"state":              "BOOT_ORDER=a\x00BOOT_a_STATE=Good\x00\x00",
		"left in words":      "BOOT_ORDER=a\x00BOOT_a_STATE=trial\x00BOOT_a_LEFT=three\x00\x00",
		"left of two digits": "BOOT_ORDER=a\x00BOOT_a_STATE=trial\x00BOOT_a_LEFT=10\x00\x00",
		"left in capitals":   "BOOT_ORDER=a\x00BOOT_a_STATE=trial\x00BOOT_a_LEFT=A\x00\x00",
		"left empty":         "BOOT_ORDER=a\x00BOOT_a_STATE=trial\x00BOOT_a_LEFT=\x00\x00",
		"left negative":      "BOOT_ORDER=a\x00BOOT_a_STATE=trial\x00BOOT_a_LEFT=-1\x00\x00",
	} {
		m, cfg := powercut.New(), oneFile()
		put(t, m.FS(), cfg.Primary, block(5, data, cfg.Size))
		put(t, m.FS(), cfg.Redundant, block(4, vars("a"), cfg.Size))
		_, err := opened(t, m.FS(), cfg, "a").State(t.Context())
		assert.ErrorIs(t, err, update.ErrDamaged, name)
	}
}

// TestSilentMedium: an error of the medium is no damage, and no reason to believe
// the older copy.
func TestSilentMedium(t *testing.T) {
	m, env := started(t, oneFile())
	m.Cut(0)
	require.Error(t, m.Step("probe", "power"))
	_, err := env.State(t.Context())
	require.ErrorIs(t, err, powercut.ErrPower)
	require.NotErrorIs(t, err, update.ErrDamaged)
}

// TestKeepsTheRest: variables of others are carried along, in their order.
func TestKeepsTheRest(t *testing.T) {
	ctx, m, cfg := t.Context(), powercut.New(), oneFile()
	put(t, m.FS(), cfg.Primary, block(5, "z=1\x00.flags=x:sr\x00empty=\x00odd==\xff;\x00"+vars("a"), cfg.Size))
	require.NoError(t, opened(t, m.FS(), cfg, "a").Try(ctx, "b", 2))
	require.Contains(t, string(m.Files()["env"]), "z=1\x00.flags=x:sr\x00empty=\x00odd==\xff;\x00BOOT_ORDER=b a\x00")
}
