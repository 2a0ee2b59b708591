package uboot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// FuzzEnvironment: whatever the data of a copy whose CRC is right: either it is
// refused as damaged, or it can be changed, and what others put there stays.
func FuzzEnvironment(f *testing.F) {
	f.Add([]byte(vars("a")), byte(0))
	f.Add([]byte("BOOT_ORDER=b a\x00BOOT_a_STATE=good\x00BOOT_b_STATE=trial\x00BOOT_b_LEFT=3\x00x=\x00\x00\xff\xff"), byte(255))
	f.Add([]byte("\x00\x00"), byte(1))
	f.Add([]byte("x=y\x00x=y"), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, flag byte) {
		m, cfg := powercut.New(), oneFile()
		if len(data) > cfg.Size-5 {
			data = data[:cfg.Size-5]
		}
		raw := block(flag, string(data), cfg.Size)
		names, values, perr := uboot.Parse(raw[5:])
		if perr == nil {
			again, err := uboot.Encode(names, values, flag, cfg.Size)
			require.NoError(t, err)
			names2, values2, err := uboot.Parse(again[5:])
			require.NoError(t, err)
			require.Equal(t, names, names2)
			require.Equal(t, values, values2)
		}
		put(t, m.FS(), cfg.Primary, raw)
		env := opened(t, m.FS(), cfg, "a")
		if _, err := env.State(t.Context()); err != nil {
			require.ErrorIs(t, err, update.ErrDamaged)
			return
		}
		require.NoError(t, perr)
		if err := env.MarkGood(t.Context(), "b"); err != nil {
			return // no room
		}
		slot, err := uboot.Choose(t.Context(), m.FS(), cfg)
		require.NoError(t, err)
		require.Equal(t, "b", slot)
	})
}

// FuzzCopies: whatever the bytes of both copies, nothing panics, and the states are
// told or the damage.
func FuzzCopies(f *testing.F) {
	f.Add(block(1, vars("a"), 512), block(0, vars("b"), 512))
	f.Add(block(255, vars("a"), 512), block(0, vars("b"), 511))
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		m, cfg := powercut.New(), twoFiles()
		cfg.Size = 512
		put(t, m.FS(), cfg.Primary, first)
		put(t, m.FS(), cfg.Redundant, second)
		slot, err := uboot.Choose(t.Context(), m.FS(), cfg)
		env := opened(t, m.FS(), cfg, "a")
		states, serr := env.State(t.Context())
		if serr != nil {
			require.ErrorIs(t, serr, update.ErrDamaged)
			require.ErrorIs(t, err, update.ErrDamaged)
			return
		}
		require.Len(t, states, 2)
		if err != nil {
			require.ErrorIs(t, err, uboot.ErrNoSlot)
			require.Empty(t, slot)
		}
	})
}
