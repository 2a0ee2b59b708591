package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func openLog(t *testing.T, d *durable.Dir, opts *durable.LogOptions) *durable.Log {
	t.Helper()
	l, err := d.OpenLog(t.Context(), "log", opts)
	require.NoError(t, err)
	return l
}

func collect(t *testing.T, l *durable.Log, from uint64) (all []string) {
	t.Helper()
	for r, err := range l.Records(t.Context(), from) {
		require.NoError(t, err)
		all = append(all, fmt.Sprintf("%d:%s", r.Seq, r.Data))
	}
	return all
}

func TestLogKeepsOrderOverSegments(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	l := openLog(t, d, &durable.LogOptions{SegmentSize: 4096, Buffer: 100})
	var want []string
	for i := range 1000 {
		text := fmt.Sprintf("record %d", i)
		seq, err := l.Append(ctx, []byte(text))
		require.NoError(t, err)
		assert.Equal(t, uint64(i+1), seq)
		want = append(want, fmt.Sprintf("%d:%s", seq, text))
	}
	require.NoError(t, l.Sync(ctx))
	assert.Equal(t, want, collect(t, l, 0))
	assert.Equal(t, want[499:], collect(t, l, 500))
	require.NoError(t, l.Trim(ctx, 500))
	assert.LessOrEqual(t, l.First(), uint64(500))
	assert.Greater(t, l.First(), uint64(300))
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err := l.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, fs.ErrClosed)

	l = openLog(t, d, &durable.LogOptions{SegmentSize: 4096})
	assert.Equal(t, want[499:], collect(t, l, 500))
	assert.Equal(t, uint64(1001), l.Next())
}

func TestLogReadsOnlyWhatIsDurable(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	l := openLog(t, d, nil)
	steps := m.Steps()
	_, err := l.Append(ctx, []byte("waits"))
	require.NoError(t, err)
	assert.Equal(t, steps, m.Steps(), "no I/O before Sync")
	assert.Empty(t, collect(t, l, 0))
	require.NoError(t, l.Sync(ctx))
	require.NoError(t, l.Sync(ctx))
	assert.Equal(t, []string{"1:waits"}, collect(t, l, 0))
	assert.Equal(t, 1, l.Stats().Syncs)
}

func TestLogRefuses(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	for _, o := range []durable.LogOptions{{SegmentSize: 1}, {SegmentSize: 1 << 30}, {MaxSegments: -1}} {
		_, err := d.OpenLog(ctx, "log", &o)
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	l := openLog(t, d, nil)
	_, err := l.Append(ctx, nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = l.Append(ctx, make([]byte, 64<<10+1))
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = d.OpenLog(ctx, "log", nil)
	require.ErrorIs(t, err, durable.ErrInUse, "one writer")
	require.NoError(t, l.Close())
}

func TestLogDropsOldest(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	l := openLog(t, d, &durable.LogOptions{SegmentSize: 4096, MaxSegments: 2})
	for range 40 {
		_, err := l.Append(ctx, bytes.Repeat([]byte{1}, 1000))
		require.NoError(t, err)
	}
	require.NoError(t, l.Sync(ctx))
	first := l.First()
	assert.Greater(t, first, uint64(30))
	assert.Equal(t, first-1, l.Stats().Dropped)
	assert.Len(t, collect(t, l, 0), int(41-first))
}

type xor struct{ fail bool }

func (x xor) Seal(seq uint64, p []byte) ([]byte, error) {
	if x.fail {
		return nil, errors.New("key gone")
	}
	return append([]byte{byte(seq)}, flip(p)...), nil
}

func (x xor) Open(seq uint64, p []byte) ([]byte, error) {
	if p[0] != byte(seq) {
		return nil, errors.New("other record")
	}
	return flip(p[1:]), nil
}

func flip(p []byte) []byte {
	q := bytes.Clone(p)
	for i := range q {
		q[i] ^= 0x55
	}
	return q
}

func TestLogCodec(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	l := openLog(t, d, &durable.LogOptions{Codec: xor{}})
	require.NoError(t, appendSync(ctx, l, "plaintext", "more"))
	assert.Equal(t, []string{"1:plaintext", "2:more"}, collect(t, l, 0))
	for name, data := range m.Files() {
		assert.NotContains(t, string(data), "plaintext", name)
	}
	require.NoError(t, l.Close())
	l = openLog(t, d, &durable.LogOptions{Codec: xor{fail: true}})
	_, err := l.Append(ctx, []byte("x"))
	require.ErrorContains(t, err, "key gone")
	assert.Equal(t, uint64(3), l.Next())
}

// Damage in the middle is told; what was there before it stays readable.
func TestLogDamage(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	require.NoError(t, with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "log", &durable.LogOptions{SegmentSize: 4096})
		require.NoError(t, err)
		return errors.Join(appendSync(ctx, l, strings.Repeat("a", 2040), strings.Repeat("b", 2040), strings.Repeat("c", 2040)), l.Close())
	}))
	names := segmentFiles(m)
	require.Len(t, names, 3)

	t.Run("old segment", func(t *testing.T) {
		c := m.Clone()
		overwrite(t, c, names[0], 500, []byte("damage"))
		_, err := logState(ctx, c)
		require.ErrorIs(t, err, durable.ErrCorrupt)
	})
	t.Run("missing segment", func(t *testing.T) {
		c := m.Clone()
		require.NoError(t, c.FS().Remove(names[1]))
		_, err := logState(ctx, c)
		require.ErrorIs(t, err, durable.ErrCorrupt)
	})
	t.Run("missing oldest segment", func(t *testing.T) {
		c := m.Clone()
		require.NoError(t, c.FS().Remove(names[0]))
		state, err := logState(ctx, c)
		require.NoError(t, err, "an older part may have been trimmed")
		assert.Equal(t, "first=2 next=4 2:bbbbbbbb/2040 3:cccccccc/2040", state)
	})
	t.Run("zeros behind the end are no records", func(t *testing.T) {
		c := m.Clone()
		overwrite(t, c, names[2], int64(len(m.Files()[names[2]])), make([]byte, 300))
		state, err := logState(ctx, c)
		require.NoError(t, err)
		assert.Contains(t, state, "next=4")
	})
}

func segmentFiles(m *powercut.Machine) []string { return filesOf(m, "log+log/0") }

func filesOf(m *powercut.Machine, prefix string) (names []string) {
	for name := range m.Files() {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func overwrite(t *testing.T, m *powercut.Machine, name string, off int64, data []byte) {
	t.Helper()
	f, err := m.FS().Open(name, durable.ReadWrite)
	require.NoError(t, err)
	_, err = f.WriteAt(data, off)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
}

func TestLogConcurrent(t *testing.T) {
	d, _ := openDir(t)
	l := openLog(t, d, &durable.LogOptions{SegmentSize: 8192, Buffer: 1000})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				seq, err := l.Append(context.Background(), fmt.Appendf(nil, "%d/%d", w, i))
				assert.NoError(t, err)
				if i%10 == 0 {
					assert.NoError(t, l.Sync(context.Background()))
					for r, err := range l.Records(context.Background(), seq) {
						assert.NoError(t, err)
						assert.Equal(t, seq, r.Seq)
						break
					}
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, l.Sync(t.Context()))
	assert.Len(t, collect(t, l, 0), 800)
	require.NoError(t, l.Close())
	l = openLog(t, d, nil)
	assert.Len(t, collect(t, l, 0), 800)
}
