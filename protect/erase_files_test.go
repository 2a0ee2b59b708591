package protect_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// Erasure gives back the space of values, logs and reserves: at once, or where a log
// was still open at the next erasure, compartment or start.
func TestEraseGivesTheSpaceBack(t *testing.T) {
	for name, next := range map[string]func(context.Context, *powercut.Machine, *protect.Vault) error{
		"at once": nil,
		"at the next start": func(ctx context.Context, m *powercut.Machine, _ *protect.Vault) error {
			_, err := open(ctx, m, token, few())
			return err
		},
		"at the next erasure": func(ctx context.Context, _ *powercut.Machine, v *protect.Vault) error {
			_, err := v.Erase(ctx, "nobody")
			return err
		},
		"with a new compartment": func(ctx context.Context, _ *powercut.Machine, v *protect.Vault) error {
			_, err := v.Subject(ctx, "dave")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			m, v := device(t, token, few())
			v.Guard(allow{})
			bob := len(withoutIndexes(m))
			carol, err := v.Subject(ctx, "carol")
			require.NoError(t, err)
			require.NoError(t, carol.Put(ctx, "letter", []byte("of carol")))
			require.NoError(t, durable.Reserve(ctx, carol, "journal", 100))
			diary, err := durable.OpenLog(ctx, carol, "diary", nil)
			require.NoError(t, err)
			if next == nil {
				require.NoError(t, diary.Close())
			}
			require.Greater(t, len(withoutIndexes(m)), bob+3)
			_, err = v.Erase(ctx, "carol")
			require.NoError(t, err)
			if next != nil {
				assert.EqualValues(t, 1, v.Stats().FilesLeft, "told, and unreadable")
				_, err = v.Erase(ctx, "nobody")
				require.NoError(t, err)
				assert.EqualValues(t, 1, v.Stats().FilesLeft, "it is still open")
				require.NoError(t, diary.Close())
				require.NoError(t, next(ctx, m, v))
			}
			for file := range m.Files() {
				assert.False(t, strings.Contains(file, "+log/"), file)
			}
			assert.LessOrEqual(t, len(withoutIndexes(m)), bob)
		})
	}
}

// A large compartment is erased at once, and its space given back by Run.
func TestLargeCompartmentIsRemovedAside(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	running, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- v.Run(running) }()
	c, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	require.NoError(t, record(ctx, c, "film", recording(5<<20), 1<<20))
	prefix := prefixOf(v, "alice")
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	_, err = c.OpenStream(ctx, "film")
	require.ErrorIs(t, err, protect.ErrMissing)
	require.Eventually(t, func() bool { return v.Stats().FilesLeft == 0 }, time.Minute, time.Millisecond)
	for name := range m.Files() {
		assert.NotContains(t, name, prefix)
	}
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
}
