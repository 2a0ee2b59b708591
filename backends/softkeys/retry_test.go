package softkeys_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// After an Advance that failed, at whichever step, nothing is sealed that a power cut
// makes unreadable: what the medium then holds may be the new generation, without the
// keys of the old one.
func TestSealAfterFailedAdvance(t *testing.T) {
	sealed := 0
	for step := range 100 {
		m := powercut.New()
		keys, err := openKeys(t.Context(), m)
		require.NoError(t, err)
		_, err = keys.Seal(t.Context(), []byte("first"))
		require.NoError(t, err)
		m.Settle()
		m.Fail(step, powercut.Fail)
		if keys.Advance(t.Context(), 1) == nil {
			require.Positive(t, sealed)
			return // all steps played
		}
		m.Fail(0, powercut.NoFault)
		blob, err := keys.Seal(t.Context(), []byte("second"))
		if err != nil {
			continue
		}
		sealed++
		for _, s := range m.Survivors() {
			after, err := openKeys(t.Context(), s.Machine)
			require.NoError(t, err)
			_, err = after.Unseal(t.Context(), blob)
			require.NoError(t, err, fmt.Sprint("step ", step, ", ", s.Desc))
		}
	}
	t.Fatal("Advance does not end")
}
