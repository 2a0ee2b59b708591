package protect_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// exchange writes a file of a disk while the device runs.
func exchange(t *testing.T, m *powercut.Machine, name string, raw []byte) {
	f, err := m.FS().Open(name, durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt(raw, 0)
	require.NoError(t, errors.Join(err, f.Sync(), f.Close()))
}

// fileOf returns the only file of a compartment that a change made or changed.
func fileOf(t *testing.T, before, after map[string][]byte) (file string) {
	for name, raw := range after {
		if string(before[name]) != string(raw) && strings.HasPrefix(name, "vault/") && !strings.HasPrefix(name, "vault/index/") && !strings.Contains(name, "table") {
			require.Empty(t, file)
			file = name
		}
	}
	require.NotEmpty(t, file)
	return file
}

// While the device runs it knows what it wrote: what was replaced or removed since the
// anchor is not believed again, and neither is it after an anchor.
func TestLiveExchange(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "first/change", nil))
	before := m.Files()
	require.NoError(t, c.Put(ctx, "a", []byte("one")))
	one := m.Files()
	file := fileOf(t, before, one)
	require.NoError(t, c.Put(ctx, "a", []byte("two")))
	for range 2 {
		exchange(t, m, file, one[file])
		_, err := c.Get(ctx, "a")
		require.ErrorIs(t, err, protect.ErrRollback)
		require.NoError(t, c.Delete(ctx, "a"))
		exchange(t, m, file, one[file])
		_, err = c.Get(ctx, "a")
		require.True(t, notThere(err) || errors.Is(err, protect.ErrForeign), "%v", err)
		require.NoError(t, c.Put(ctx, "a", []byte("three")))
		require.NoError(t, v.Anchor(ctx))
	}
}

// A stream that was being written at an anchor is believed until the next one says
// whether it is there.
func TestPendingEndsWithTheNextAnchor(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write([]byte("the new film"))
	require.NoError(t, err)
	require.NoError(t, v.Anchor(ctx))
	before := m.Files()
	require.NoError(t, w.Close())
	m.Settle()
	after := m.Files()
	file := fileOf(t, map[string][]byte{}, only(after, "+file"))
	old := fileOf(t, map[string][]byte{}, only(before, "+file"))
	require.Equal(t, old, file)

	putBack(t, m, file, before[old])
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	film, err := readStream(ctx, settingsOf(t, v), "film")
	require.NoError(t, err, "changes since the anchor can be undone")
	require.Equal(t, "the old film", string(film))
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", nil))
	require.NoError(t, v.Anchor(ctx))
	m.Settle()
	putBack(t, m, file, after[file])
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	_, err = readStream(ctx, settingsOf(t, v), "film")
	require.ErrorIs(t, err, protect.ErrForeign)
}

// only returns the files whose names end in suffix.
func only(files map[string][]byte, suffix string) map[string][]byte {
	out := map[string][]byte{}
	for name, raw := range files {
		if strings.HasSuffix(name, suffix) {
			out[name] = raw
		}
	}
	return out
}

// The first change after a hold anchors what the hold had kept from it.
func TestFirstChangeAfterAHold(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	before := m.Files()
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("one")))
	m.Settle()
	one := m.Files()
	file := fileOf(t, before, one)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("two")))
	m.Settle()

	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	v, err = protect.Open(ctx, dir, protecttest.NewToken(m), few())
	require.NoError(t, err)
	h, err := dir.Hold(ctx, "reset")
	require.NoError(t, err)
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	require.NoError(t, floor.Put(ctx, "journal", nil))
	require.NoError(t, h.Release(ctx))
	anchors := v.Stats().Anchors
	for range 3 {
		require.NoError(t, settingsOf(t, v).Put(ctx, "b", nil))
	}
	assert.EqualValues(t, 1, v.Stats().Anchors-anchors)
	m.Settle()
	putBack(t, m, file, one[file])
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	_, err = settingsOf(t, v).Get(ctx, "a")
	require.ErrorIs(t, err, protect.ErrRollback)
}

// A compartment that cannot be anchored does not wear the counter out: what does not change
// is stepped for once.
func TestWearOfABadSector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, v := device(t, token, few())
		before := m.Files()
		require.NoError(t, settingsOf(t, v).Put(t.Context(), "a", []byte("since the anchor")))
		m.Settle()
		dir, err := durable.OpenFS(&badSector{FS: m.FS(), file: fileOf(t, before, m.Files())}, nil)
		require.NoError(t, err)
		count := protecttest.NewToken(m)
		v, err = protect.Open(t.Context(), dir, count, few())
		require.NoError(t, err)
		require.NoError(t, settingsOf(t, v).Put(t.Context(), "other", []byte("one change")))
		first, err := count.Value(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour+time.Minute)
		defer cancel()
		require.ErrorIs(t, v.Run(ctx), context.DeadlineExceeded)
		last, err := count.Value(t.Context())
		require.NoError(t, err)
		assert.LessOrEqual(t, last-first, uint64(2))
		require.ErrorContains(t, v.Health(t.Context()), "cannot be read")
	})
}
