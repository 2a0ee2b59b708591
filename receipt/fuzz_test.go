package receipt_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/receipt"
)

// FuzzVerify: never a panic; what Inspect reads can be signed again and then
// verifies to the same statement; Verify accepts only what Inspect reads.
func FuzzVerify(f *testing.F) {
	key := keys()["ed25519"]
	env, err := receipt.Sign(statement(), key)
	require.NoError(f, err)
	f.Add(env)
	unsigned, err := receipt.Unsigned(statement(), "vault closed")
	require.NoError(f, err)
	f.Add(unsigned)
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		verified, verr := receipt.Verify(data, key.Public())
		in, err := receipt.Inspect(data)
		if err != nil {
			require.Error(t, verr)
			return
		}
		if verr == nil {
			require.Equal(t, in.Statement, verified)
			require.Empty(t, in.Unsigned)
		}
		again, err := receipt.Sign(in.Statement, key)
		require.NoError(t, err)
		st, err := receipt.Verify(again, key.Public())
		require.NoError(t, err)
		want, err := json.Marshal(in.Statement)
		require.NoError(t, err)
		got, err := json.Marshal(st)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	})
}
