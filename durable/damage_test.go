package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// delivering runs o until the test ends and returns what is delivered.
func delivering(t *testing.T, o *durable.Outbox) *[]uint64 {
	t.Helper()
	var got []uint64
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- o.Run(ctx, func(_ context.Context, id uint64, _ []byte) error { got = append(got, id); return nil })
	}()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	synctest.Wait()
	return &got
}

func addAll(t *testing.T, o *durable.Outbox, n, size int) {
	t.Helper()
	for i := range n {
		_, err := o.Add(t.Context(), fmt.Appendf(nil, "%-*d", size, i+1))
		require.NoError(t, err)
	}
}

func ids(from, to uint64) (all []uint64) {
	for ; from <= to; from++ {
		all = append(all, from)
	}
	return all
}

// Behind damage in the growing segment nothing can be read: what comes goes elsewhere.
func TestOutboxLeavesADamagedGrowingSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := openMem(t)
		o := openOutbox(t, d, nil)
		addAll(t, o, 3, 20)
		require.NoError(t, damage(m, filesOf(m, "box+log/0")[0], 30))
		got := delivering(t, o)
		assert.Empty(t, *got)
		assert.Equal(t, 3, o.Stats().Damaged, "messages")
		addAll(t, o, 50, 20)
		synctest.Wait()
		assert.Equal(t, ids(4, 53), *got)
		assert.Zero(t, o.Pending())
	})
}

func TestOutboxDeliversWhatLiesBeforeDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := openMem(t)
		o := openOutbox(t, d, nil)
		addAll(t, o, 10, 20)
		name := filesOf(m, "box+log/0")[0]
		at := bytes.Index(m.Files()[name], fmt.Appendf(nil, "%-20d", 8))
		require.Positive(t, at)
		require.NoError(t, damage(m, name, int64(at)))
		got := delivering(t, o)
		assert.Equal(t, ids(1, 7), *got)
		addAll(t, o, 20, 20)
		synctest.Wait()
		assert.Equal(t, append(ids(1, 7), ids(11, 30)...), *got)
		assert.Equal(t, 3, o.Stats().Damaged)
	})
}

// A message that waits for its Sync while the segment is left is moved, also when
// there is no space for the next segment at first.
func TestOutboxMovesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := openMem(t)
		o := openOutbox(t, d, nil)
		addAll(t, o, 3, 20)
		require.NoError(t, damage(m, filesOf(m, "box+log/0")[0], 30))
		m.SetCapacity(1)
		_, err := o.Add(t.Context(), []byte("waits"))
		require.ErrorIs(t, err, durable.ErrFull)
		got := delivering(t, o)
		_, err = o.Add(t.Context(), []byte("refused"))
		require.ErrorIs(t, err, durable.ErrFull)
		m.SetCapacity(0)
		addAll(t, o, 1, 20)
		synctest.Wait()
		assert.Equal(t, ids(4, 5), *got)
	})
}

// Damage in the last segment takes none of the messages in those before.
func TestSalvageKeepsSoundSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := &durable.OutboxOptions{Limit: 30, Log: durable.LogOptions{SegmentSize: 4096}}
		d, m := openMem(t)
		o := openOutbox(t, d, opts)
		addAll(t, o, 20, 1000)
		require.NoError(t, o.Close())
		files := filesOf(m, "box+log/0")
		require.Len(t, files, 7, "of 3 messages, the last of 2")
		require.NoError(t, damage(m, files[6], 40))
		for i := range 3 { // also when the device starts again before it delivers
			o = openOutbox(t, d, opts)
			assert.Equal(t, 20+i, o.Pending())
			addAll(t, o, 1, 1000)
			require.NoError(t, o.Close())
		}
		require.NoError(t, damage(m, last(filesOf(m, "box+log/0")), 40)) // once more
		o = openOutbox(t, d, opts)
		assert.Zero(t, o.Stats().Overflowed)
		addAll(t, o, 1, 1000)
		got := delivering(t, o)
		require.Len(t, *got, 19, "the two damaged segments held 2 and 3")
		assert.Equal(t, append(ids(1, 18), o.Last()), *got)
		assert.Equal(t, 5, o.Stats().Damaged)
		assert.Zero(t, o.Pending())
	})
}

func last[T any](all []T) T { return all[len(all)-1] }

func TestDamagedOutboxLimit(t *testing.T) {
	d, m := openMem(t)
	opts := &durable.OutboxOptions{Limit: 5, Log: durable.LogOptions{SegmentSize: 4096}}
	o := openOutbox(t, d, opts)
	addAll(t, o, 5, 1000)
	require.NoError(t, o.Close())
	require.NoError(t, damage(m, last(filesOf(m, "box+log/0")), 40))
	o = openOutbox(t, d, opts)
	addAll(t, o, 4, 1000)
	assert.Equal(t, 5, o.Pending())
	assert.Equal(t, 4, o.Stats().Overflowed)
}

func TestDamagedOutboxOpensOnAFullMedium(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := openMem(t)
		o := openOutbox(t, d, nil)
		addAll(t, o, 10, 20)
		require.NoError(t, o.Close())
		require.NoError(t, damage(m, filesOf(m, "box+log/0")[0], 60))
		m.SetCapacity(1)
		for range 3 {
			o = openOutbox(t, d, nil)
			_, err := o.Add(t.Context(), []byte("m"))
			require.ErrorIs(t, err, durable.ErrFull)
			require.NoError(t, o.Close())
		}
		m.SetCapacity(0)
		o = openOutbox(t, d, nil)
		addAll(t, o, 1, 20)
		assert.Greater(t, o.Last(), uint64(10))
		got := delivering(t, o)
		assert.Equal(t, []uint64{1, o.Last()}, *got)
		assert.Equal(t, 9, o.Stats().Damaged)
	})
}

func TestOutboxCursorAheadOnAFullMedium(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	o := openOutbox(t, d, nil)
	addAll(t, o, 3, 20)
	require.NoError(t, errors.Join(o.Close(), d.Put(ctx, "box-cursor", []byte(`1 {"next":50}`))))
	m.SetCapacity(1)
	for range 2 {
		o = openOutbox(t, d, nil)
		assert.Equal(t, uint64(49), o.Last())
		require.NoError(t, o.Close())
	}
	m.SetCapacity(0)
	id, err := openOutbox(t, d, nil).Add(ctx, []byte("m"))
	require.NoError(t, err)
	assert.Equal(t, uint64(50), id)
}

// A log that could not begin on a full medium closes.
func TestLogBegunOnAFullMediumCloses(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	m.SetCapacity(1)
	l := openLog(t, d, nil)
	_, err := l.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, durable.ErrFull)
	require.NoError(t, l.Close())
	require.NoError(t, openOutbox(t, d, nil).Close())

	require.NoError(t, m.FS().Mkdir("unborn+log"))
	f, err := m.FS().Open("unborn+log/0000000000000007", durable.Create)
	require.NoError(t, errors.Join(err, f.Close()))
	for range 2 { // the only name says how far the numbers went
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		l, err := d.OpenLog(ctx, "unborn", nil)
		require.NoError(t, err)
		assert.Equal(t, uint64(7), l.Next())
		require.NoError(t, l.Close())
	}
}

// No failure of the medium makes the numbers of a bounded log begin again.
func TestNumbersGoOnAfterAFailedRoll(t *testing.T) {
	ctx := t.Context()
	for step := range 30 {
		d, m := openMem(t)
		l := openLog(t, d, bounded)
		require.NoError(t, appendSync(ctx, l, numbered(1)))
		m.Fail(step, powercut.Fail)
		l.Append(ctx, make([]byte, 2000))
		l.Append(ctx, make([]byte, 2000))
		m.Settle()
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, openLog(t, d, bounded).Next(), uint64(2), "step %d", step)
	}
}
