package password_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func TestUpgradeAtLogin(t *testing.T) {
	m := powercut.New()
	d, err := start(t.Context(), m, cheap())
	require.NoError(t, err)
	require.NoError(t, d.commission(t.Context()))
	require.NoError(t, d.dir.Close())
	d, err = start(t.Context(), m, password.Params{Memory: 64, Time: 1, Threads: 1})
	require.NoError(t, err)
	_, err = d.login(t.Context(), "ann", "wrong password")
	require.ErrorIs(t, err, password.ErrWrong)
	require.Contains(t, hashes(t, d), "m=8,")
	_, err = d.login(t.Context(), "ann", good)
	require.NoError(t, err)
	require.Contains(t, hashes(t, d), "m=64,")
	_, err = d.login(t.Context(), "ann", good)
	require.NoError(t, err)
}

func hashes(t *testing.T, d *device) string {
	t.Helper()
	names, err := d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.Len(t, names, 1)
	raw, err := d.dir.Get(t.Context(), names[0])
	require.NoError(t, err)
	return string(raw)
}
