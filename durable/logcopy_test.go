package durable_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// TestLogCopy shows that a copy has the numbers and the segments of the log: both bound
// how much of it is dropped at once.
func TestLogCopy(t *testing.T) {
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	from := openLog(t, d, &durable.LogOptions{SegmentSize: 4 << 10, Codec: xor{}})
	for i := range 400 {
		_, err := from.Append(t.Context(), fmt.Appendf(nil, "record %d of forty bytes or so, more or less", i+1))
		require.NoError(t, err)
	}
	require.NoError(t, from.Sync(t.Context()))
	require.NoError(t, from.Trim(t.Context(), 100))
	require.Greater(t, from.First(), uint64(1))

	require.NoError(t, from.CopyTo(t.Context(), "copy/of/log", nil))
	require.ErrorIs(t, from.CopyTo(t.Context(), "copy/of/log", nil), fs.ErrExist)

	names, err := d.LogNames(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"copy/of/log", "log"}, names)
	names, err = d.LogNames(t.Context(), "copy/")
	require.NoError(t, err)
	require.Equal(t, []string{"copy/of/log"}, names)

	to, err := d.OpenLog(t.Context(), "copy/of/log", &durable.LogOptions{SegmentSize: 4 << 10})
	require.NoError(t, err)
	require.Equal(t, from.First(), to.First())
	require.Equal(t, from.Next(), to.Next())
	require.Equal(t, collect(t, from, 1), collect(t, to, 1))
	before, after := filesOf(m, "log+log/0"), filesOf(m, "copy/of/log+log/0")
	require.Len(t, after, len(before))
	for i := range before {
		require.Equal(t, before[i][len("log+log/"):], after[i][len("copy/of/log+log/"):])
	}
	_, err = to.Append(t.Context(), []byte("goes on"))
	require.NoError(t, err)
	require.NoError(t, to.Close())
}

// TestLogCopyOfDamage shows that a record that cannot be read is not left out.
func TestLogCopyOfDamage(t *testing.T) {
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	from := openLog(t, d, &durable.LogOptions{SegmentSize: 4 << 10})
	for range 300 {
		_, err := from.Append(t.Context(), []byte("record of forty bytes or so, more or less"))
		require.NoError(t, err)
	}
	require.NoError(t, from.Sync(t.Context()))
	overwrite(t, m, segmentFiles(m)[0], 1000, []byte("damage"))
	require.ErrorIs(t, from.CopyTo(t.Context(), "copy", nil), durable.ErrCorrupt)
}
