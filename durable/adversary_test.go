package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// A value stays what it is when somebody puts another below its name.
func TestPutBelowAValueHidesNothing(t *testing.T) {
	mem, _ := openMem(t)
	dir, _ := openDir(t)
	for name, d := range map[string]*durable.Dir{"mem": mem, "os": dir} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			require.NoError(t, d.Put(ctx, "a", []byte("acknowledged")))
			_, err := d.Get(ctx, "a/b")
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.NoError(t, d.Delete(ctx, "a/b"))
			require.ErrorIs(t, d.Put(ctx, "a/b", nil), fs.ErrInvalid)
			_, err = d.OpenLog(ctx, "a/log", nil)
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.ErrorIs(t, d.Reserve(ctx, "a/r", 1), fs.ErrInvalid)
			got, err := d.Get(ctx, "a")
			require.NoError(t, err)
			assert.Equal(t, "acknowledged", string(got))
			require.NoError(t, d.Put(ctx, "a", []byte("new")))
			require.NoError(t, d.Delete(ctx, "a"))
			require.NoError(t, d.Put(ctx, "a/b", nil))
		})
	}
}

// A directory that is not a device's, or a newer release's, is left as it is.
func TestForeignDirectoryIsNotTouched(t *testing.T) {
	path := t.TempDir()
	backup := filepath.Join(path, "docs", "thesis.txt~")
	require.NoError(t, os.MkdirAll(filepath.Dir(backup), 0o700))
	require.NoError(t, os.WriteFile(backup, []byte("backup"), 0o600))
	_, err := durable.OpenDir(path, nil)
	require.ErrorIs(t, err, durable.ErrCorrupt)
	assert.ErrorContains(t, err, "not a device's directory")
	assert.FileExists(t, backup)

	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), &durable.Options{Format: 5})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	before := m.Steps()
	_, err = durable.OpenFS(m.FS(), nil)
	require.ErrorIs(t, err, durable.ErrFormat)
	assert.Equal(t, before, m.Steps())
}

// A fresh partition has entries of its own, and others may leave files.
func TestForeignEntries(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(path, "lost+found"), 0o000))
	d, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	require.NoError(t, d.Put(t.Context(), "mine", nil))
	require.NoError(t, os.WriteFile(filepath.Join(path, "Customer.db"), nil, 0o600))
	entries, err := d.Entries(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, []string{"Customer.db", "lost+found", "mine"}, entries, "an inventory sees them")
	names, err := d.List(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, []string{"mine"}, names)
	require.NoError(t, d.Close())
	d, err = durable.OpenDir(path, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestHoldsDoNotNest(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	reset, err := d.Hold(ctx, "reset")
	require.NoError(t, err)
	_, err = d.Hold(ctx, "erase")
	require.ErrorIs(t, err, durable.ErrHeld)
	require.NoError(t, durable.RemoveAll(ctx, reset.Store(), "anything"))
	require.NoError(t, reset.Release(ctx))
	second, err := d.Hold(ctx, "second")
	require.NoError(t, err)
	require.ErrorIs(t, reset.Release(ctx), durable.ErrHeld, "an old handle")
	assert.Same(t, second, d.Held())
}

// Reset and confirmation work on a full medium (PROTOCOLS 8).
func TestHoldAndCommitOnAFullMedium(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, d.Put(ctx, "a", nil))
	require.NoError(t, d.Close())
	fill(m)
	d, err = durable.OpenFS(m.FS(), &durable.Options{Format: 2})
	require.NoError(t, err)
	require.NoError(t, d.Commit(ctx, 2))
	for range 5 {
		h, err := d.Hold(ctx, "reset")
		require.NoError(t, err)
		require.NoError(t, h.Release(ctx))
	}
	_, err = d.Get(ctx, "a")
	require.NoError(t, err)
}

// A file that calls itself a reserve decides no allocation.
func TestHugeSpareIsNoReserve(t *testing.T) {
	d, path := openDir(t)
	require.NoError(t, d.Put(t.Context(), "a", nil))
	require.NoError(t, d.Close())
	f, err := os.Create(filepath.Join(path, "a!0"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(f.Truncate(1<<42), f.Close()))
	d, err = durable.OpenDir(path, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestSmallerReserveShrinksNothing(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, errors.Join(d.Reserve(ctx, "j", 1000), d.Reserve(ctx, "j", 10)))
	fill(m)
	require.NoError(t, d.Put(ctx, "j", make([]byte, 900)))
}

func TestDamagedFormatSaysWhatToDo(t *testing.T) {
	_, m := openMem(t)
	overwrite(t, m, ".format", 12, []byte("9"))
	_, err := durable.OpenFS(m.FS(), nil)
	require.ErrorIs(t, err, durable.ErrCorrupt)
	assert.ErrorContains(t, err, "put it back from an image of this directory, or reset the device")
}

func TestDowngradeIsCheckedToo(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	_, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	d, err := durable.OpenFS(m.FS(), &durable.Options{Format: 2})
	require.NoError(t, err)
	v := durable.NewValue[stateV2](d, "v", &durable.ValueOptions[stateV2]{
		Format:    2,
		Upgrade:   func(int, []byte) (stateV2, error) { return stateV2{}, errors.New("cannot read it") },
		Downgrade: func(stateV2) (int, any, error) { return 1, stateV1{"x"}, nil },
	})
	require.ErrorIs(t, v.Store(ctx, stateV2{First: "a"}), fs.ErrInvalid)
	_, err = v.Load(ctx)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestClockSurvivesNonsense(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	require.NoError(t, d.Put(ctx, "clock", []byte("junk")))
	c, err := durable.OpenClock(ctx, d, nil)
	require.NoError(t, err)
	require.ErrorIs(t, c.Health(ctx), durable.ErrCorrupt)
	require.ErrorIs(t, c.Learn(ctx, time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), durable.Authenticated), fs.ErrInvalid)
	require.NoError(t, c.Learn(ctx, time.Now(), durable.Authenticated))
	require.NoError(t, c.Health(ctx))
	assert.Equal(t, "unknown", durable.Quality(9).String())
}

// thief takes the space of the first spare as soon as it is free.
type thief struct {
	durable.FS
	m *powercut.Machine
}

func (f thief) Remove(name string) error {
	err := f.FS.Remove(name)
	if name == "journal!0" {
		fill(f.m)
	}
	return err
}

// On a copy-on-write medium, when another process takes what the first spare
// frees, the second is used.
func TestReserveUsesItsSecondSpare(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	m.SetCopyOnWrite(true)
	d, err := durable.OpenFS(thief{m.FS(), m}, nil)
	require.NoError(t, err)
	require.NoError(t, d.Reserve(ctx, "journal", 200))
	fill(m)
	require.ErrorIs(t, d.Put(ctx, "other", []byte("x")), durable.ErrFull)
	require.NoError(t, d.Put(ctx, "journal", []byte("erasing")))
	got, err := d.Get(ctx, "journal")
	require.NoError(t, err)
	assert.Equal(t, "erasing", string(got))
	assert.Equal(t, 1, d.Stats().ReservesUsed)
}
