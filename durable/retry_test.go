package durable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// TestTrimAgainAfterAFailedSync: a Trim that finds its work done, since the one before
// failed after it, is not acknowledged before a power cut cannot undo it.
func TestTrimAgainAfterAFailedSync(t *testing.T) {
	ctx := t.Context()
	opts := &durable.LogOptions{SegmentSize: 4096}
	failed := 0
	for step := range 10 {
		m := powercut.New()
		l := filled(t, m, opts)
		m.Fail(step, powercut.Fail)
		err := l.Trim(ctx, l.Next())
		m.Fail(0, powercut.NoFault)
		if err == nil {
			continue
		}
		failed++
		require.NoError(t, l.Trim(ctx, l.Next()))
		for _, s := range m.Survivors() {
			dir, err := durable.OpenFS(s.Machine.FS(), nil)
			require.NoError(t, err)
			l, err := dir.OpenLog(ctx, "log", opts)
			require.NoError(t, err)
			require.GreaterOrEqual(t, l.First(), uint64(5), s.Desc)
		}
	}
	require.Greater(t, failed, 1)
}

// filled is a log of six records in three segments.
func filled(t *testing.T, m *powercut.Machine, opts *durable.LogOptions) *durable.Log {
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	l, err := dir.OpenLog(t.Context(), "log", opts)
	require.NoError(t, err)
	for range 6 {
		_, err := l.Append(t.Context(), make([]byte, 1500))
		require.NoError(t, err)
		require.NoError(t, l.Sync(t.Context()))
	}
	return l
}

// Two spares are there when Reserve says so: on a medium that fills up no start could
// make the second one.
func TestReserveAgainAfterFailedSync(t *testing.T) {
	for step := range 100 {
		m := powercut.New()
		require.NoError(t, with(m, func(d *durable.Dir) error { return d.Put(t.Context(), "journal", []byte("old")) }))
		d, err := durable.OpenFS(m.FS(), &durable.Options{Format: 2})
		require.NoError(t, err)
		m.Fail(step, powercut.Fail)
		if d.Reserve(t.Context(), "journal", 200) == nil {
			require.Greater(t, step, 5)
			return
		}
		require.NoError(t, d.Reserve(t.Context(), "journal", 200))
		for _, s := range m.Survivors() {
			require.Len(t, spares(s.Machine), 2, "step %d, %s", step, s.Desc)
		}
	}
}
