package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// write makes the file called name, in two writes.
func write(ctx context.Context, d *durable.Dir, name, content string) error {
	w, err := d.CreateFile(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	half := len(content) / 2
	for _, part := range []string{content[:half], content[half:]} {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

func read(ctx context.Context, d *durable.Dir, name string) (string, error) {
	r, err := d.OpenFile(ctx, name)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	return string(content), errors.Join(err, r.Close())
}

// filed tells all values and files.
func filed(ctx context.Context, m *powercut.Machine) (string, error) {
	text, err := describe(ctx, m)
	if err != nil {
		return "", err
	}
	err = with(m, func(d *durable.Dir) error {
		names, err := d.Files(ctx, "")
		for _, name := range names {
			content, rerr := read(ctx, d, name)
			text, err = fmt.Sprintf("%s; file %s=%q", text, name, content), errors.Join(err, rerr)
		}
		return err
	})
	return text, err
}

func fileOps() []powercut.Op {
	do := func(f func(ctx context.Context, d *durable.Dir) error) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { return f(ctx, d) })
		}
	}
	old := do(func(ctx context.Context, d *durable.Dir) error {
		return errors.Join(write(ctx, d, "a/film", "the old film"), d.Put(ctx, "a/film", []byte("a value")))
	})
	return []powercut.Op{{
		Name: "durable.file", Methods: []string{"Dir.CreateFile", "FileWriter.Write", "FileWriter.Sync", "FileWriter.Commit"},
		Do:    do(func(ctx context.Context, d *durable.Dir) error { return write(ctx, d, "a/b/film", "a new film") }),
		State: filed,
		Legal: onlyMore,
	}, {
		Name: "durable.file-again", Methods: []string{"FileWriter.Commit"}, Before: old,
		Do:    do(func(ctx context.Context, d *durable.Dir) error { return write(ctx, d, "a/film", "another film") }),
		State: filed,
	}, {
		Name: "durable.file-remove", Methods: []string{"Dir.RemoveFile"}, Before: old,
		Do: do(func(ctx context.Context, d *durable.Dir) error {
			if err := d.RemoveFile(ctx, "a/film"); err != nil {
				return err
			}
			return d.Put(ctx, "a/after", nil) // a removal alone syncs no file
		}),
		State: filed,
		Legal: func(_, _, got string) error {
			if got != `format=2 a/film="a value"/7` {
				return errors.New("no state on the way")
			}
			return nil
		},
	}, {
		Name: "durable.file-abort", Methods: []string{"FileWriter.Abort"}, Before: old,
		Do: do(func(ctx context.Context, d *durable.Dir) error {
			w, err := d.CreateFile(ctx, "a/film")
			if err != nil {
				return err
			}
			_, err = io.WriteString(w, "half a film")
			if err = errors.Join(err, w.Abort()); err != nil {
				return err
			}
			return d.Put(ctx, "a/after", nil)
		}),
		State: filed,
	}}
}

func TestFile(t *testing.T) {
	ctx := t.Context()
	path := t.TempDir()
	d, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	_, err = d.OpenFile(ctx, "a/film")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.CreateFile(ctx, "A")
	require.ErrorIs(t, err, fs.ErrInvalid)
	film := bytes.Repeat([]byte("frame "), 1<<20)
	w, err := d.CreateFile(ctx, "a/film")
	require.NoError(t, err)
	_, err = d.CreateFile(ctx, "a/film")
	require.ErrorIs(t, err, durable.ErrInUse)
	_, err = w.Write(film)
	require.NoError(t, err)
	assert.Equal(t, int64(len(film)), w.Size())
	_, err = d.OpenFile(ctx, "a/film")
	require.ErrorIs(t, err, fs.ErrNotExist, "not yet")
	require.NoError(t, w.Commit(ctx))
	require.ErrorIs(t, w.Commit(ctx), fs.ErrClosed)
	require.NoError(t, w.Abort(), "does nothing")
	_, err = w.Write(film)
	require.ErrorIs(t, err, fs.ErrClosed)

	content, err := read(ctx, d, "a/film")
	require.NoError(t, err)
	assert.True(t, content == string(film))
	names, err := d.Files(ctx, "a/")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/film"}, names)
	values, err := d.List(ctx, "")
	require.NoError(t, err)
	assert.Empty(t, values, "a file is no value")
	all, err := d.Entries(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, []string{"film"}, all)

	old, err := d.OpenFile(ctx, "a/film")
	require.NoError(t, err)
	require.NoError(t, write(ctx, d, "a/film", "new"))
	first := make([]byte, 5)
	_, err = old.ReadAt(first, 0)
	require.NoError(t, err)
	assert.Equal(t, "frame", string(first), "as it was when it was opened")
	_, err = old.ReadAt(first, old.Size()-2)
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, old.Close())

	require.NoError(t, d.RemoveFile(ctx, "a/film"))
	require.NoError(t, d.RemoveFile(ctx, "a/film"), "nor a second time")
	w, err = d.CreateFile(ctx, "b/c/film")
	require.NoError(t, err)
	require.NoError(t, w.Abort())
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, e := range entries {
		assert.Equal(t, byte('.'), e.Name()[0], "nothing but the directory's own is left: %s", e.Name())
	}
	require.NoError(t, d.Close())
}

// What is being written when its name is removed with all the rest does not come back,
// nor under a hold.
func TestFileThatIsRemovedWhileWritten(t *testing.T) {
	ctx := t.Context()
	d, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	for name, store := range map[string]func() (durable.Store, func()){
		"open": func() (durable.Store, func()) { return d, func() {} },
		"held": func() (durable.Store, func()) {
			h, err := d.Hold(ctx, "reset")
			require.NoError(t, err)
			return h.Store(), func() { require.NoError(t, h.Release(ctx)) }
		},
	} {
		for _, removed := range []string{"a", "a/film"} {
			w, err := d.CreateFile(ctx, "a/film")
			require.NoError(t, err)
			_, err = io.WriteString(w, "of a person")
			require.NoError(t, err)
			s, release := store()
			if name == "held" {
				_, err = io.WriteString(w, "of a person")
				require.ErrorIs(t, err, durable.ErrHeld)
			}
			require.NoError(t, durable.RemoveAll(ctx, s, removed))
			left, err := durable.Entries(ctx, s, "")
			require.NoError(t, err)
			assert.Empty(t, left)
			release()
			_, err = io.WriteString(w, "of a person")
			require.ErrorIs(t, err, fs.ErrNotExist)
			again, err := d.CreateFile(ctx, "a/film")
			require.NoError(t, err, "the name is free")
			require.ErrorIs(t, w.Commit(ctx), fs.ErrNotExist)
			_, err = io.WriteString(again, "of another")
			require.NoError(t, err)
			require.NoError(t, again.Commit(ctx))
			require.NoError(t, d.RemoveFile(ctx, "a/film"))
		}
	}
}

// On a full medium a file is given up, and what was there is there.
func TestFileOnFullMedium(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, write(ctx, d, "film", "old"))
	for step := range 3 {
		m.Fail(step, powercut.Full)
		require.ErrorIs(t, write(ctx, d, "film", "another"), durable.ErrFull)
		m.Fail(0, powercut.NoFault)
		content, err := read(ctx, d, "film")
		require.NoError(t, err)
		require.Equal(t, "old", content)
	}
	require.NoError(t, write(ctx, d, "film", "another"))
}

// Usage counts values and files, whole and half, and neither logs nor reserves.
func TestUsage(t *testing.T) {
	ctx := t.Context()
	d, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	require.NoError(t, d.Put(ctx, "a/b/value", make([]byte, 1000)))
	require.NoError(t, write(ctx, d, "a/film", string(make([]byte, 2000))))
	w, err := d.CreateFile(ctx, "a/another")
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 300))
	require.NoError(t, err)
	require.NoError(t, d.Reserve(ctx, "a/journal", 5000))
	require.NoError(t, d.Put(ctx, "c", make([]byte, 1000)))
	n, err := d.Usage(ctx, "a/")
	require.NoError(t, err)
	assert.Equal(t, int64(1000+12+2000+300), n)
	n, err = d.Usage(ctx, "nothing/")
	require.NoError(t, err)
	assert.Zero(t, n)
	require.NoError(t, w.Abort())
}
