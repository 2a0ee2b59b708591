package durable_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// bytesOf returns what a Put leaves on the medium.
func bytesOf(f *testing.F, name string, do func(d *durable.Dir) error) []byte {
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(f, err)
	require.NoError(f, do(d))
	data, ok := m.Files()[name]
	require.True(f, ok, name)
	return data
}

// plant makes a directory in which the file called name has the given bytes.
func plant(t *testing.T, name string, data []byte) *powercut.Machine {
	t.Helper()
	m := powercut.New()
	require.NoError(t, with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(t.Context(), "log", nil)
		require.NoError(t, err)
		return errors.Join(l.Close(), d.Put(t.Context(), "value", nil))
	}))
	f, err := m.FS().Open(name, durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt(data, 0)
	require.NoError(t, err)
	return m
}

// A value's file that is accepted is the one that Put writes for its value.
func FuzzRecord(f *testing.F) {
	ctx := context.Background()
	f.Add(bytesOf(f, "value", func(d *durable.Dir) error { return d.Put(ctx, "value", []byte("seed")) }))
	f.Add(bytesOf(f, "value", func(d *durable.Dir) error { return d.Put(ctx, "value", nil) }))
	f.Add([]byte("bdv\x01\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := plant(t, "value", raw)
		require.NoError(t, with(m, func(d *durable.Dir) error {
			value, err := d.Get(ctx, "value")
			if err != nil {
				assert.True(t, errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat), "%v", err)
				return nil
			}
			require.NoError(t, d.Put(ctx, "value", value))
			written := m.Files()["value"]
			assert.True(t, bytes.HasPrefix(raw, written), "padding at most")
			return nil
		}))
	})
}

// A segment file that is accepted gives its records again after a restart.
func FuzzSegment(f *testing.F) {
	ctx := context.Background()
	f.Add(bytesOf(f, "log+log/0000000000000001", func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "log", nil)
		require.NoError(f, err)
		return errors.Join(appendSync(ctx, l, "one", "two"), appendSync(ctx, l, "three"), l.Close())
	}))
	f.Add([]byte("bdl\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := plant(t, "log+log/0000000000000001", raw)
		first, err := logState(ctx, m)
		if err != nil {
			assert.True(t, errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat), "%v", err)
			return
		}
		again, err := logState(ctx, m)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	})
}

func FuzzFormat(f *testing.F) {
	f.Add(bytesOf(f, ".format", func(*durable.Dir) error { return nil }))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := durable.OpenFS(plant(t, ".format", raw).FS(), nil)
		if err != nil {
			assert.True(t, errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat), "%v", err)
			return
		}
		assert.Equal(t, 1, d.Format())
	})
}

func FuzzValidName(f *testing.F) {
	for _, s := range []string{"a/b", "..", "a+log", ".hold", "a//b", "a~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if err := durable.ValidName(name); err != nil {
			require.ErrorIs(t, err, fs.ErrInvalid)
			return
		}
		assert.True(t, fs.ValidPath(name))
		assert.NotContains(t, name, "+")
		assert.NotContains(t, name, "!")
		assert.NotEqual(t, byte('.'), name[0])
	})
}
