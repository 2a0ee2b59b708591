package protect_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
)

// Erasure gives back the space of values, logs and reserves: at once, or at the
// next start where a log was still open.
func TestEraseGivesTheSpaceBack(t *testing.T) {
	for name, closed := range map[string]bool{"log closed": true, "log open": false} {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			m, v := device(t, token, few())
			v.Guard(allow{})
			bob := len(m.Files())
			carol, err := v.Subject(ctx, "carol")
			require.NoError(t, err)
			require.NoError(t, carol.Put(ctx, "letter", []byte("of carol")))
			require.NoError(t, durable.Reserve(ctx, carol, "journal", 100))
			diary, err := durable.OpenLog(ctx, carol, "diary", nil)
			require.NoError(t, err)
			if closed {
				require.NoError(t, diary.Close())
			}
			require.Greater(t, len(m.Files()), bob+3)
			_, err = v.Erase(ctx, "carol")
			require.NoError(t, err)
			if !closed {
				assert.NotZero(t, v.Stats().FilesLeft, "told, and unreadable")
				_, err = open(ctx, m, token, few())
				require.NoError(t, err)
			}
			for file := range m.Files() {
				assert.False(t, strings.Contains(file, "+log/"), file)
			}
			assert.LessOrEqual(t, len(m.Files()), bob)
		})
	}
}
