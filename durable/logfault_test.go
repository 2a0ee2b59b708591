package durable_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Sectors of one write reach the medium in any order: a hole at the beginning of
// the last batch is an interrupted write.
func TestLogSectorsOutOfOrder(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	l := openLog(t, d, nil)
	require.NoError(t, appendSync(ctx, l, "acknowledged"))
	name := segmentFiles(m)[0]
	end := int64(len(m.Files()[name]))
	require.NoError(t, appendSync(ctx, l, strings.Repeat("x", 3000), strings.Repeat("y", 3000)))
	overwrite(t, m, name, end, make([]byte, 512))
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"1:acknowledged"}, collect(t, openLog(t, d, nil), 0))
}

func TestDamagedLogCanBeRemoved(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	l := openLog(t, d, nil)
	require.NoError(t, errors.Join(appendSync(ctx, l, "one"), appendSync(ctx, l, "two"), l.Close()))
	overwrite(t, m, segmentFiles(m)[0], 20, []byte{0xff})
	_, err := d.OpenLog(ctx, "log", nil)
	require.ErrorIs(t, err, durable.ErrCorrupt)
	require.NoError(t, d.RemoveAll(ctx, "log"))
	assert.Equal(t, uint64(1), openLog(t, d, nil).Next())
}

// A forged tail costs no time.
func TestLogTailIsSearchedInOnePass(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, appendSync(ctx, openLog(t, d, nil), "one"))
	name := segmentFiles(m)[0]
	junk := bytes.Repeat(binary.BigEndian.AppendUint32(nil, 1<<19), 1<<18)
	overwrite(t, m, name, int64(len(m.Files()[name])), junk)
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	assert.Equal(t, uint64(2), openLog(t, d, nil).Next())
}

// A segment that could not be begun on a full medium is no reason not to open.
func TestLogOpensAfterAFailedRoll(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	opts := &durable.LogOptions{SegmentSize: 4096}
	l := openLog(t, d, opts)
	require.NoError(t, appendSync(ctx, l, strings.Repeat("a", 2000)))
	require.NoError(t, appendSync(ctx, l, strings.Repeat("b", 1900)))
	fill(m)
	require.ErrorIs(t, appendSync(ctx, l, strings.Repeat("c", 1900)), durable.ErrFull)
	for range 2 {
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		l := openLog(t, d, opts)
		assert.Len(t, collect(t, l, 0), 2)
		require.ErrorIs(t, appendSync(ctx, l, strings.Repeat("c", 1900)), durable.ErrFull)
	}
	m.SetCapacity(0)
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, appendSync(ctx, openLog(t, d, opts), strings.Repeat("c", 1900)))
}

// A new log on a full medium opens, and begins when there is space.
func TestLogOpensOnAFullMedium(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, d.Put(ctx, "x", nil))
	fill(m)
	l := openLog(t, d, nil)
	require.ErrorIs(t, appendSync(ctx, l, "a"), durable.ErrFull)
	m.SetCapacity(0)
	require.NoError(t, appendSync(ctx, l, "a"))
	require.NoError(t, l.Close())
}

// The reserve takes its records wherever the segment stands and whatever waits.
func TestAppendReserved(t *testing.T) {
	ctx := t.Context()
	for before := range 60 {
		m := powercut.New()
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		l := openLog(t, d, &durable.LogOptions{SegmentSize: 4096, Reserve: 256 * 100})
		for range before {
			require.NoError(t, appendSync(ctx, l, strings.Repeat("o", 90)))
		}
		fill(m)
		_, err = l.AppendReserved(ctx, []byte("erased"))
		require.NoError(t, err, "after %d records", before)
	}
	d, m := openMem(t)
	l := openLog(t, d, &durable.LogOptions{Reserve: 256 * 100})
	fill(m)
	for range 1000 { // ordinary records wait for space
		if _, err := l.Append(ctx, make([]byte, 200)); err != nil {
			break
		}
	}
	for i := range 256 {
		_, err := l.AppendReserved(ctx, make([]byte, 90))
		require.NoError(t, err, "record %d", i)
	}
	_, err := l.Append(ctx, []byte("ordinary"))
	require.ErrorIs(t, err, durable.ErrFull, "the reserve is not for everything")
}

func TestOutboxLimitHoldsOnTheMedium(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	opts := &durable.OutboxOptions{Limit: 10}
	o := openOutbox(t, d, opts)
	for range 1000 {
		_, err := o.Add(ctx, make([]byte, 1000))
		require.NoError(t, err)
	}
	size := 0
	for _, data := range m.Files() {
		size += len(data)
	}
	assert.Less(t, size, 200<<10)
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	assert.LessOrEqual(t, openOutbox(t, d, opts).Pending(), 10)
}

// On a full medium delivery goes on, and frees what it delivered.
func TestOutboxOnAFullMedium(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := openMem(t)
		o := openOutbox(t, d, &durable.OutboxOptions{Log: durable.LogOptions{SegmentSize: 4096}})
		for range 60 {
			_, err := o.Add(t.Context(), make([]byte, 1000))
			require.NoError(t, err)
		}
		fill(m)
		ctx, cancel := context.WithCancel(t.Context())
		delivered := map[uint64]int{}
		go o.Run(ctx, func(_ context.Context, id uint64, _ []byte) error { delivered[id]++; return nil })
		synctest.Wait()
		cancel()
		synctest.Wait()
		assert.Len(t, delivered, 60)
		assert.Equal(t, 1, delivered[1])
		_, err := o.Add(t.Context(), make([]byte, 1000))
		require.NoError(t, err)
	})
}

// Damage is no reason not to open an outbox: it is counted, and no id comes again.
func TestOutboxGoesOnAfterDamage(t *testing.T) {
	small := &durable.OutboxOptions{Batch: 1, Log: durable.LogOptions{SegmentSize: 4096}}
	for name, hurt := range map[string]func(t *testing.T, m *powercut.Machine, files []string){
		"first segment": func(t *testing.T, m *powercut.Machine, files []string) { overwrite(t, m, files[0], 30, []byte{0xff}) },
		"last segment": func(t *testing.T, m *powercut.Machine, files []string) {
			overwrite(t, m, files[len(files)-1], 30, []byte{0xff})
		},
		"last segment gone": func(t *testing.T, m *powercut.Machine, files []string) {
			require.NoError(t, m.FS().Remove(files[len(files)-1]))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := openMem(t)
				o := openOutbox(t, d, small)
				for range 9 {
					_, err := o.Add(t.Context(), make([]byte, 1500))
					require.NoError(t, err)
				}
				require.NoError(t, o.Close())
				files := filesOf(m, "box+log/0")
				require.Greater(t, len(files), 2)
				hurt(t, m, files)
				d, err := durable.OpenFS(m.FS(), nil)
				require.NoError(t, err)
				o = openOutbox(t, d, small)
				id, err := o.Add(t.Context(), []byte("after"))
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				var last uint64
				go o.Run(ctx, func(_ context.Context, id uint64, _ []byte) error { last = id; return nil })
				synctest.Wait()
				cancel()
				synctest.Wait()
				assert.Equal(t, id, last)
				if name != "last segment gone" { // nothing tells that there was one
					assert.NotZero(t, o.Stats().Damaged)
					assert.Greater(t, id, uint64(9))
				}
			})
		})
	}
}

func TestOutboxCursorAheadOfItsLog(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, d.Put(ctx, "box-cursor", []byte(`1 {"next":50}`)))
	o := openOutbox(t, d, nil)
	assert.Equal(t, 1, o.Stats().Damaged)
	id, err := o.Add(ctx, []byte("m"))
	require.NoError(t, err)
	assert.Equal(t, uint64(50), id)
	require.NoError(t, o.Close())
	d, err = durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	assert.Equal(t, 1, openOutbox(t, d, nil).Pending())
}
