package abslot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/updatetest"
)

func TestInstaller(t *testing.T) {
	restarted := func(t testing.TB, in update.Installer) update.Installer { return restart(t, in.(*device).m) }
	updatetest.TestInstaller(t, updatetest.InstallerHarness{
		Open:    func(t testing.TB) update.Installer { return newDevice(t) },
		Restart: restarted,
		Interrupt: func(t testing.TB, in update.Installer, n int, act func()) (update.Installer, bool) {
			m := in.(*device).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return restarted(t, in), cut
		},
		Content: func(_ testing.TB, in update.Installer, place string) []byte {
			return in.(*device).m.Files()["slot-"+place]
		},
		Flip: func(t testing.TB, in update.Installer, place string, off int64) {
			flip(t, in.(*device).m, "slot-"+place, off)
		},
		Component: update.Component{Name: "system", Version: "1.1"},
	})
}

func flip(t testing.TB, m *powercut.Machine, name string, off int64) {
	f, err := m.FS().Open(name, durable.ReadWrite)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, off)
	require.NoError(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}
