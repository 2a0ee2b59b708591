package abslot_test

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

var none update.Component

// TestLife: a trial that is confirmed, one that is given up, one that hangs.
func TestLife(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	require.Equal(t, "runs a, b bad", stateOf(t, d))
	require.NoError(t, install(ctx, d, newImage))
	require.Equal(t, "runs a, b bad", stateOf(t, d))
	require.NoError(t, d.Activate(ctx, none, 3))
	require.Equal(t, "runs a, b trial 3 next", stateOf(t, d))

	d = restart(t, d.m)
	require.Equal(t, "runs b on trial, a good", stateOf(t, d))
	require.NoError(t, d.Confirm(ctx, none))
	require.Equal(t, "runs b, a good", stateOf(t, restart(t, d.m)))

	require.NoError(t, install(ctx, d, "release 1.2"))
	require.Equal(t, "runs b, a bad", stateOf(t, d))
	require.NoError(t, d.Activate(ctx, none, 3))
	d = restart(t, d.m)
	require.Equal(t, "runs a on trial, b good", stateOf(t, d))
	require.NoError(t, d.Rollback(ctx, none))
	require.Equal(t, "runs a on trial, b good next", stateOf(t, d))
	require.NoError(t, d.Rollback(ctx, none), "again")
	d = restart(t, d.m)
	require.Equal(t, "runs b, a bad", stateOf(t, d))
	require.NoError(t, d.Rollback(ctx, none), "again, after the restart")
	require.Equal(t, "runs b, a bad", stateOf(t, d))

	require.NoError(t, d.Activate(ctx, none, 2))
	d = restart(t, restart(t, d.m).m)
	require.Equal(t, "runs a on trial, b good next", stateOf(t, d), "the last try")
	d = restart(t, d.m)
	require.Equal(t, "runs b, a bad", stateOf(t, d), "it hung twice")
}

// TestLeastHarm: what would leave nothing that starts is refused.
func TestLeastHarm(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	require.NoError(t, install(ctx, d, newImage))
	require.NoError(t, d.Activate(ctx, none, 2))
	d = restart(t, d.m)
	before := d.m.Files()
	_, err := d.Prepare(ctx, none, 10, 0)
	require.ErrorIs(t, err, update.ErrBusy)
	require.NoError(t, d.Activate(ctx, none, 2), "it was started: nothing to do")
	require.Equal(t, before, d.m.Files())

	env, err := uboot.New(d.m.FS(), envConfig(), "b")
	require.NoError(t, err)
	require.NoError(t, env.SetBad(ctx, "a"))
	require.ErrorIs(t, d.Rollback(ctx, none), abslot.ErrNoReturn)
	require.Equal(t, "runs b on trial, a bad", stateOf(t, d))
}

// TestConfirmedGoesBack: a component whose release failed elsewhere.
func TestConfirmedGoesBack(t *testing.T) {
	ctx, d := t.Context(), newDevice(t)
	require.NoError(t, install(ctx, d, newImage))
	require.NoError(t, d.Activate(ctx, none, 2))
	d = restart(t, d.m)
	require.NoError(t, d.Confirm(ctx, none))
	for range 2 {
		require.NoError(t, d.Rollback(ctx, none))
		require.Equal(t, "runs b, a good next", stateOf(t, d))
	}
	require.Equal(t, "runs a, b good", stateOf(t, restart(t, d.m)))
}

func TestRefused(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	require.NoError(t, factory(ctx, m))
	env, err := uboot.New(m.FS(), envConfig(), "a")
	require.NoError(t, err)
	a, b := slots()[0], slots()[1]
	for name, s := range map[string][2]abslot.Slot{
		"no name": {{File: "x"}, b}, "no file": {{Name: "a"}, b}, "out of the tree": {{Name: "a", File: "/x"}, b}, "the tree": {{Name: "a", File: "."}, b},
		"one name": {a, {Name: "a", File: "x"}}, "one file": {a, {Name: "b", File: a.File}},
	} {
		_, err := abslot.New(m.FS(), env, s, nil)
		assert.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	for _, s := range [][2]abslot.Slot{{a, {Name: "c", File: "c"}}, {{Name: "c", File: "c"}, b}} {
		in, err := abslot.New(m.FS(), env, s, nil)
		require.NoError(t, err)
		_, err = in.Inventory(ctx)
		assert.ErrorIs(t, err, fs.ErrNotExist, "a slot that the boot loader does not know")
		_, err = in.Prepare(ctx, none, 1, 0)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorIs(t, in.Activate(ctx, none, 1), fs.ErrNotExist)
	}
	d, err := running(m, "a")
	require.NoError(t, err)
	for _, c := range [][2]int64{{0, 0}, {-1, 0}, {update.MaxImage + 1, 0}, {5, -1}, {5, 6}} {
		_, err := d.Prepare(ctx, none, c[0], c[1])
		assert.ErrorIs(t, err, fs.ErrInvalid, "%v", c)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err = d.Prepare(done, none, 5, 0)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = d.Inventory(done)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestDevices: the length of a block device is what it is.
func TestDevices(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	for _, name := range []string{"slot-a", "slot-b"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), make([]byte, 4096), 0o600))
	}
	raw, err := durable.OpenRaw(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	require.NoError(t, uboot.Create(ctx, raw, envConfig(), "a", nil))
	env, err := uboot.New(raw, envConfig(), "a")
	require.NoError(t, err)
	in, err := abslot.New(raw, env, slots(), &abslot.Options{Devices: true})
	require.NoError(t, err)

	_, err = in.Prepare(ctx, none, 4097, 0)
	require.ErrorIs(t, err, durable.ErrFull)
	require.NoError(t, install(ctx, in, newImage))
	got, err := os.ReadFile(filepath.Join(dir, "slot-b"))
	require.NoError(t, err)
	require.Len(t, got, 4096)
	require.Equal(t, newImage, string(got[:len(newImage)]))

	require.NoError(t, os.Remove(filepath.Join(dir, "slot-b")))
	_, err = in.Prepare(ctx, none, 1, 0)
	require.ErrorIs(t, err, fs.ErrNotExist, "a device is not made")
}

// TestFilesAreAsLong: a slot that is a file has the bytes of the image, and no more.
func TestFilesAreAsLong(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	raw, err := durable.OpenRaw(dir, &durable.RawOptions{Executable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	require.NoError(t, uboot.Create(ctx, raw, envConfig(), "a", nil))
	env, err := uboot.New(raw, envConfig(), "a")
	require.NoError(t, err)
	in, err := abslot.New(raw, env, slots(), nil)
	require.NoError(t, err)
	for _, image := range []string{"a first, long image", "short", "longer again"} {
		require.NoError(t, install(ctx, in, image))
		got, err := os.ReadFile(filepath.Join(dir, "slot-b"))
		require.NoError(t, err)
		require.Equal(t, image, string(got))
	}
	_, err = os.Stat(filepath.Join(dir, "slot-a"))
	require.ErrorIs(t, err, fs.ErrNotExist, "the running slot is not touched")
}

func readAll(t testing.TB, r io.ReadCloser) (string, error) {
	got, err := io.ReadAll(r)
	require.NoError(t, r.Close())
	return string(got), err
}
