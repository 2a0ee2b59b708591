package durable_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func TestFormats(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	open := func(format int) (*durable.Dir, error) {
		return durable.OpenFS(m.FS(), &durable.Options{Format: format})
	}
	d, err := open(1)
	require.NoError(t, err)
	assert.Equal(t, 1, d.Format())
	_, err = open(3)
	require.ErrorIs(t, err, durable.ErrFormat)
	d, err = open(2)
	require.NoError(t, err)
	assert.Equal(t, 1, d.Format(), "until committed")
	require.ErrorIs(t, d.Commit(ctx, 3), fs.ErrInvalid)
	require.ErrorIs(t, d.Commit(ctx, 0), fs.ErrInvalid)
	require.NoError(t, d.Commit(ctx, 2))
	require.NoError(t, d.Commit(ctx, 2))
	assert.Equal(t, 2, d.Format())
	_, err = open(1)
	require.ErrorIs(t, err, durable.ErrFormat)
	assert.ErrorContains(t, err, "start the release that wrote it")
	require.NoError(t, d.Put(ctx, "a", nil))
	require.NoError(t, m.FS().Remove(".format"))
	_, err = open(2)
	require.ErrorIs(t, err, durable.ErrCorrupt)
}

func TestHold(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, d.Put(ctx, "a", []byte("1")))
	l, err := d.OpenLog(ctx, "log", nil)
	require.NoError(t, err)
	_, err = l.Append(ctx, []byte("before"))
	require.NoError(t, err)
	h, err := d.Hold(ctx, "factory reset")
	require.NoError(t, err)
	_, err = d.Hold(ctx, strings.Repeat("x", 300))
	require.ErrorIs(t, err, fs.ErrInvalid)

	check := func(d *durable.Dir, h *durable.Hold) {
		assert.Equal(t, "factory reset", h.Reason())
		_, err = d.Get(ctx, "a")
		require.ErrorIs(t, err, durable.ErrHeld)
		require.ErrorIs(t, d.Put(ctx, "a", nil), durable.ErrHeld)
		require.ErrorIs(t, d.Delete(ctx, "a"), durable.ErrHeld)
		_, err = d.List(ctx, "")
		require.ErrorIs(t, err, durable.ErrHeld)
		_, err = d.OpenLog(ctx, "log2", nil)
		require.ErrorIs(t, err, durable.ErrHeld)
		require.ErrorIs(t, d.Reserve(ctx, "a", 10), durable.ErrHeld)
		require.ErrorIs(t, d.Health(ctx), durable.ErrHeld)
		require.NoError(t, h.Store().Put(ctx, "a", []byte("2")))
	}
	check(d, h)
	require.ErrorIs(t, l.Sync(ctx), durable.ErrHeld, "opened before")
	_, err = l.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, durable.ErrHeld)

	restarted, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NotNil(t, restarted.Held())
	check(restarted, restarted.Held())
	log, err := durable.OpenLog(ctx, restarted.Held().Store(), "log2", nil)
	require.NoError(t, err)
	require.NoError(t, appendSync(ctx, log, "while held"))
	require.NoError(t, restarted.Held().Release(ctx))
	assert.Nil(t, restarted.Held())
	got, err := restarted.Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, "2", string(got))
}

// The mark can only close the directory: whatever bytes it has, it holds.
func TestForgedHoldOnlyCloses(t *testing.T) {
	for _, bytes := range []string{"", "x", "bdv\x01", strings.Repeat("\x00", 100)} {
		_, m := openMem(t)
		f, err := m.FS().Open(".hold", durable.Create)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(bytes), 0)
		require.NoError(t, err)
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		require.NotNil(t, d.Held())
		assert.Equal(t, "reason unreadable", d.Held().Reason())
	}
}

// What a Hold gave does not work on the next one, neither values nor logs.
func TestStoreOfAReleasedHold(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	first, err := d.Hold(ctx, "first")
	require.NoError(t, err)
	s := first.Store()
	l, err := durable.OpenLog(ctx, s, "log", nil)
	require.NoError(t, err)
	require.NoError(t, first.Release(ctx))
	require.NoError(t, s.Put(ctx, "x", nil), "no hold")
	second, err := d.Hold(ctx, "second")
	require.NoError(t, err)
	require.ErrorIs(t, s.Put(ctx, "x", nil), durable.ErrHeld)
	_, err = s.Get(ctx, "x")
	require.ErrorIs(t, err, durable.ErrHeld)
	_, err = l.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, durable.ErrHeld)
	_, err = durable.OpenLog(ctx, s, "other", nil)
	require.ErrorIs(t, err, durable.ErrHeld)
	require.ErrorIs(t, first.Release(ctx), durable.ErrHeld)
	require.NoError(t, second.Store().Put(ctx, "x", nil))
	require.NoError(t, second.Release(ctx))
	require.NoError(t, appendSync(ctx, l, "x"))
}

func TestNoReserveIsWrittenOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d, m := openMem(t)
		l := openLog(t, d, &durable.LogOptions{SegmentSize: 4096, Reserve: 5000})
		fill(m)
		_, err := l.AppendReserved(ctx, []byte("x"))
		require.NoError(t, err)
		m.SetCapacity(0)
		h, err := d.Hold(ctx, "reset")
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		before := m.Steps()
		_, err = l.Append(ctx, []byte("y"))
		require.ErrorIs(t, err, durable.ErrHeld)
		_, err = l.AppendReserved(ctx, []byte("y"))
		require.ErrorIs(t, err, durable.ErrHeld)
		assert.Equal(t, before, m.Steps())
		require.NoError(t, h.Release(ctx))
		require.NoError(t, appendSync(ctx, l, "y"))
	})
}
