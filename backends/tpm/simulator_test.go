//go:build cgo && tpmsim

package tpm_test

import (
	"crypto"
	"testing"

	"github.com/google/go-tpm-tools/simulator"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// simulated is Microsoft's reference TPM, linked in by cgo: the second one that the
// backend is shown on. There is one at a time in a process.
type simulated struct {
	*simulator.Simulator
	transport.TPM
}

func (simulated) Close() error { return nil }

func TestSimulator(t *testing.T) {
	sim, err := simulator.Get()
	require.NoError(t, err)
	defer sim.Close()
	s := simulated{sim, transport.FromReadWriter(sim)}
	dir, err := durable.OpenDir(t.TempDir(), nil)
	require.NoError(t, err)
	keys, err := tpm.Provision(t.Context(), s, dir, nil)
	require.NoError(t, err)
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	raw, err := keys.CreateKey(t.Context(), protect.ECDSAP256)
	require.NoError(t, err)
	count, err := keys.Value(t.Context())
	require.NoError(t, err)
	for range 6 { // power cuts, which a TPM takes for wrong tries
		require.NoError(t, sim.Reset())
		keys, err = tpm.Open(t.Context(), s, dir, nil)
		require.NoError(t, err)
		got, err := keys.Unseal(t.Context(), blob)
		require.NoError(t, err)
		require.Equal(t, secret, got)
		signer, err := keys.OpenKey(t.Context(), raw)
		require.NoError(t, err)
		_, err = signer.Sign(nil, make([]byte, 32), crypto.SHA256)
		require.NoError(t, err)
		next, err := keys.Increment(t.Context())
		require.NoError(t, err)
		require.Equal(t, count+1, next)
		count = next
	}
	require.NoError(t, keys.Advance(t.Context(), 1))
	_, err = keys.Unseal(t.Context(), blob)
	require.ErrorIs(t, err, protect.ErrRollback)
	require.NoError(t, sim.ManufactureReset())
	_, err = tpm.Open(t.Context(), s, dir, nil)
	require.ErrorIs(t, err, protect.ErrLost)
}
