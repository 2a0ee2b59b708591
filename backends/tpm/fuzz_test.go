package tpm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
)

// FuzzBlob: a sealed blob that is taken is encoded to the same bytes.
func FuzzBlob(f *testing.F) {
	for _, kind := range []byte{1, 2, 3, 4} {
		raw := append([]byte("btpm\x01"), kind)
		raw = append(raw, 0, 0, 0, 0, 0, 0, 0, 1-kind/2%2, 0, 0, 0, kind&4/4)
		f.Add(append(raw, 0, 1, 'p', 0, 1, 's'))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { same(t, raw, tpm.ReencodeBlob) })
}

// FuzzApproval is the same for approvals.
func FuzzApproval(f *testing.F) {
	f.Add(append([]byte("btpa\x01\x00\x00\x08\x00"), make([]byte, 96)...))
	f.Add([]byte("btpa\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) { same(t, raw, tpm.ReencodeApproval) })
}

func same(t *testing.T, raw []byte, reencode func([]byte) ([]byte, error)) {
	again, err := reencode(raw)
	if err == nil {
		require.Equal(t, raw, again)
	}
}
