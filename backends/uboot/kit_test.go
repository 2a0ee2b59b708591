package uboot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/updatetest"
)

// device is what was started from one slot of m.
type device struct {
	*uboot.Env
	m *powercut.Machine
}

func TestBootloader(t *testing.T) {
	for name, cfg := range layouts() {
		t.Run(name, func(t *testing.T) { updatetest.TestBootloader(t, harness(cfg)) })
	}
}

func harness(cfg uboot.Config) updatetest.BootloaderHarness {
	start := func(t testing.TB, m *powercut.Machine) update.Bootloader {
		m.Drop()
		slot, err := uboot.Choose(t.Context(), m.FS(), cfg)
		require.NoError(t, err)
		return device{opened(t, m.FS(), cfg, slot), m}
	}
	restart := func(t testing.TB, b update.Bootloader) update.Bootloader { return start(t, b.(device).m) }
	return updatetest.BootloaderHarness{
		Open: func(t testing.TB) update.Bootloader {
			m, _ := started(t, cfg)
			return start(t, m)
		},
		Restart: restart,
		Interrupt: func(t testing.TB, b update.Bootloader, n int, act func()) (update.Bootloader, bool) {
			m := b.(device).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return restart(t, b), cut
		},
		Damage: func(t testing.TB, b update.Bootloader) {
			for _, l := range []uboot.Location{cfg.Primary, cfg.Redundant} {
				flip(t, b.(device).m.FS(), l.File, l.Offset+7)
			}
		},
	}
}
