package eventlog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckpointsAreOfOneLog: a key that signs for two logs does not make them one.
func TestCheckpointsAreOfOneLog(t *testing.T) {
	v := &verifier{sum: Summary{First: 2}}
	require.NoError(t, v.origin(&Checkpoint{Origin: "gateway-7"}, 5))
	require.NoError(t, v.origin(&Checkpoint{Origin: "gateway-7"}, 9))
	require.ErrorIs(t, v.origin(&Checkpoint{Origin: "gateway-8"}, 12), ErrTampered)
}
