package abslot_test

import (
	"context"
	"io"
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func prepare(t testing.TB, d *device, size, resume int64) update.Sink {
	sink, err := d.Prepare(t.Context(), none, size, resume)
	require.NoError(t, err)
	return sink
}

func TestBounds(t *testing.T) {
	sink := prepare(t, newDevice(t), 10, 0)
	for _, c := range []struct {
		off int64
		n   int
	}{{-1, 1}, {0, 11}, {10, 1}, {11, 0}, {9, 2}, {math.MaxInt64, 1}, {math.MinInt64, 1}} {
		n, err := sink.WriteAt(make([]byte, c.n), c.off)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%+v", c)
		assert.Zero(t, n)
	}
	n, err := sink.WriteAt(make([]byte, 1), 9)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, err = sink.WriteAt(nil, 10)
	assert.NoError(t, err)
}

// TestEnds: what cannot be part of the installation any more does not write.
func TestEnds(t *testing.T) {
	ctx := t.Context()
	for name, end := range map[string]func(*device, update.Sink) error{
		"Close":    func(_ *device, s update.Sink) error { return s.Close() },
		"Prepare":  func(d *device, _ update.Sink) error { _, err := d.Prepare(ctx, none, 5, 0); return err },
		"Activate": func(d *device, _ update.Sink) error { return d.Activate(ctx, none, 1) },
		"Rollback": func(d *device, _ update.Sink) error { return d.Rollback(ctx, none) },
		"Confirm":  func(d *device, _ update.Sink) error { return d.Confirm(ctx, none) },
	} {
		d := newDevice(t)
		sink := prepare(t, d, 10, 0)
		require.NoError(t, end(d, sink))
		_, err := sink.WriteAt([]byte("x"), 0)
		assert.ErrorIs(t, err, fs.ErrClosed, name)
		assert.ErrorIs(t, sink.Sync(ctx), fs.ErrClosed, name)
		_, err = sink.Readback(ctx)
		assert.ErrorIs(t, err, fs.ErrClosed, name)
		assert.NoError(t, sink.Close(), name)
	}
}

// TestFailedSync: after it a Sync that succeeds would promise what is not so.
func TestFailedSync(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	sink := prepare(t, d, 10, 0)
	_, err := sink.WriteAt([]byte("01234"), 0)
	require.NoError(t, err)
	require.NoError(t, sink.Sync(ctx))
	_, err = sink.WriteAt([]byte("56789"), 5)
	require.NoError(t, err)
	d.m.Fail(0, powercut.Fail)
	require.ErrorIs(t, sink.Sync(ctx), powercut.ErrIO)
	require.Error(t, sink.Sync(ctx), "the bytes are lost, and this would say they are not")
	_, err = sink.WriteAt([]byte("56789"), 5)
	require.Error(t, err)
	require.NoError(t, sink.Close())

	sink = prepare(t, d, 10, 5)
	_, err = sink.WriteAt([]byte("56789"), 5)
	require.NoError(t, err)
	require.NoError(t, sink.Sync(ctx))
	d = restart(t, d.m)
	require.NoError(t, verify(ctx, prepare(t, d, 10, 10), "0123456789"))
}

func TestReadback(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	sink := prepare(t, d, 10, 0)
	_, err := sink.WriteAt([]byte("0123456789"), 0)
	require.NoError(t, err)
	require.NoError(t, sink.Sync(ctx))
	limit, cancel := context.WithCancel(ctx)
	r, err := sink.Readback(limit)
	require.NoError(t, err)
	n, err := r.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	cancel()
	_, err = readAll(t, r)
	require.ErrorIs(t, err, context.Canceled)
	_, err = sink.Readback(limit)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, sink.Sync(limit), context.Canceled)

	r, err = sink.Readback(ctx)
	require.NoError(t, err)
	f, err := d.m.FS().Open("slot-b", durable.ReadWrite)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(4))
	got, err := readAll(t, r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the medium lost the rest")
	require.Equal(t, "0123", got)

	require.NoError(t, d.m.FS().Remove("slot-b"))
	_, err = sink.Readback(ctx)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestFull: the medium has no room for the image.
func TestFull(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	d.m.SetCapacity(3000)
	sink := prepare(t, d, 4000, 0)
	_, err := sink.WriteAt(make([]byte, 4000), 0)
	require.ErrorIs(t, err, durable.ErrFull)
	require.NoError(t, sink.Close())
	require.Equal(t, "runs a, b bad", stateOf(t, d))
	require.NoError(t, install(ctx, d, newImage))
}

// forgetful counts how often the system is asked to forget a file.
type forgetful struct {
	durable.FS
	asked *int
}

func (f forgetful) Open(name string, flag durable.Flag) (durable.File, error) {
	file, err := f.FS.Open(name, flag)
	return forgetfulFile{file, f.asked}, err
}

type forgetfulFile struct {
	durable.File
	asked *int
}

func (f forgetfulFile) DropCache() error { *f.asked++; return nil }

// TestFromTheMedium: each Readback asks the system to forget the slot first.
func TestFromTheMedium(t *testing.T) {
	ctx, d, asked := t.Context(), newDevice(t), 0
	env, err := uboot.New(d.m.FS(), envConfig(), "a")
	require.NoError(t, err)
	in, err := abslot.New(forgetful{d.m.FS(), &asked}, env, slots(), nil)
	require.NoError(t, err)
	sink, err := in.Prepare(ctx, none, 4, 0)
	require.NoError(t, err)
	_, err = sink.WriteAt([]byte("1234"), 0)
	require.NoError(t, err)
	require.NoError(t, sink.Sync(ctx))
	for i := range 3 {
		require.NoError(t, verify(ctx, sink, "1234"))
		require.Equal(t, i+1, asked)
	}
}
