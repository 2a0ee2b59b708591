package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// beside is a medium on which something happens beside each step that changes entries,
// or makes them durable: before it is done, and after.
type beside struct {
	durable.FS
	happens func() // nil: nothing
	fails   map[string]error
}

func (b *beside) step(name string, do func() error) error {
	if err := b.fails[name]; err != nil {
		return err
	}
	happens := b.happens
	b.happens = nil // what happens takes steps of its own
	defer func() { b.happens = happens }()
	if happens != nil {
		happens()
	}
	err := do()
	if happens != nil {
		happens()
	}
	return err
}

func (b *beside) Rename(from, to string) error {
	return b.step("rename", func() error { return b.FS.Rename(from, to) })
}

func (b *beside) Remove(name string) error {
	return b.step("remove", func() error { return b.FS.Remove(name) })
}

func (b *beside) Mkdir(name string) error {
	return b.step("mkdir", func() error { return b.FS.Mkdir(name) })
}

func (b *beside) Open(name string, mode durable.Flag) (durable.File, error) {
	f, err := b.FS.Open(name, mode)
	return besideFile{f, b, name}, err
}

type besideFile struct {
	durable.File
	on   *beside
	name string
}

func (f besideFile) Sync() error { return f.on.step("sync "+f.name, f.File.Sync) }

// TestReadBesideAChange: what a reader sees while a change runs is not taken back by a
// power cut, though the change is not through.
func TestReadBesideAChange(t *testing.T) {
	ctx := t.Context()
	for name, change := range map[string]func(d *durable.Dir) error{
		"put":        func(d *durable.Dir) error { return d.Put(ctx, "a/1", []byte("new")) },
		"put anew":   func(d *durable.Dir) error { return d.Put(ctx, "b/1", []byte("new")) },
		"delete":     func(d *durable.Dir) error { return d.Delete(ctx, "a/1") },
		"remove all": func(d *durable.Dir) error { return d.RemoveAll(ctx, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			m := powercut.New()
			on := &beside{FS: m.FS()}
			d, err := durable.OpenFS(on, nil)
			require.NoError(t, err)
			require.NoError(t, d.Put(ctx, "a/1", []byte("old")))
			looks := map[string]func(d *durable.Dir) string{
				"get":     func(d *durable.Dir) string { v, err := d.Get(ctx, "a/1"); return told(t, v, err) },
				"get b":   func(d *durable.Dir) string { v, err := d.Get(ctx, "b/1"); return told(t, v, err) },
				"list":    func(d *durable.Dir) string { v, err := d.List(ctx, ""); return told(t, v, err) },
				"entries": func(d *durable.Dir) string { v, err := d.Entries(ctx, "a"); return told(t, v, err) },
			}
			looked := 0
			on.happens = func() {
				for what, look := range looks {
					seen := look(d)
					looked++
					for _, s := range m.Survivors() {
						after, err := durable.OpenFS(s.Machine.FS(), nil)
						require.NoError(t, err)
						require.Equal(t, seen, look(after), "%s; %s", what, s.Desc)
					}
				}
			}
			require.NoError(t, change(d))
			assert.Greater(t, looked, 8)
			syncs := d.Stats().Syncs
			looks["get"](d)
			assert.Equal(t, syncs, d.Stats().Syncs, "no doubt is left")
		})
	}
}

func told[V string | []byte | []string](t *testing.T, v V, err error) string {
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	out := ""
	switch v := any(v).(type) {
	case []byte:
		out = string(v)
	case []string:
		for _, s := range v {
			out += s + " "
		}
	}
	return out
}

// TestDoubtIsLocal: where a sync failed nothing is told until one works; elsewhere all
// goes on, and Health says so.
func TestDoubtIsLocal(t *testing.T) {
	ctx := t.Context()
	on := &beside{FS: powercut.New().FS()}
	d, err := durable.OpenFS(on, nil)
	require.NoError(t, err)
	for _, name := range []string{"a/1", "b/1", "b/c/1"} {
		require.NoError(t, d.Put(ctx, name, []byte("old")))
	}
	require.NoError(t, d.Health(ctx))
	get := func(name string) error { _, err := d.Get(ctx, name); return err }
	list := func(prefix string) error { _, err := d.List(ctx, prefix); return err }
	broken := errors.New("the medium is broken")
	on.fails = map[string]error{"sync b": broken}
	require.ErrorIs(t, d.Put(ctx, "b/1", []byte("new")), broken)

	for _, err := range []error{get("b/1"), get("b/c/1"), list(""), list("b/"), list("b/c/"), d.Health(ctx)} {
		require.ErrorIs(t, err, broken)
	}
	require.NoError(t, get("a/1"))
	require.NoError(t, list("a/"))
	on.fails = nil
	require.NoError(t, d.Health(ctx), "which tries")
	require.NoError(t, get("b/1"))

	// What had no effect leaves no doubt: a full medium, one that is read-only.
	for _, why := range []error{durable.ErrFull, fs.ErrPermission} {
		on.fails = map[string]error{"rename": why, "remove": why, "sync a": broken}
		require.ErrorIs(t, d.Put(ctx, "a/1", []byte("new")), why)
		require.ErrorIs(t, d.Delete(ctx, "a/1"), why)
		require.NoError(t, get("a/1"))
	}
	on.fails = map[string]error{"rename": broken, "sync a": broken}
	require.ErrorIs(t, d.Put(ctx, "a/1", []byte("new")), broken)
	require.ErrorIs(t, get("a/1"), broken, "nobody knows what it did")
}

// noEmptyDir: a directory without values takes its name from a value.
func noEmptyDir(m *powercut.Machine, dir string) error {
	infos, err := m.FS().List(dir)
	if err == nil && len(infos) == 0 {
		err = fmt.Errorf("%s is empty", dir)
	}
	for _, in := range infos {
		if in.Dir && err == nil {
			err = noEmptyDir(m, path.Join(dir, in.Name))
		}
	}
	return err
}

// An empty directory that cannot be removed, as a mount point, keeps nothing from opening.
func TestEmptyDirectoryStays(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	_, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, m.FS().Mkdir("cache"))
	m.Settle()
	on := &beside{FS: m.FS(), fails: map[string]error{"remove": errors.New("busy")}}
	d, err := durable.OpenFS(on, nil)
	require.NoError(t, err)
	require.NoError(t, d.Put(ctx, "cache/a", []byte("value")))
	got, err := d.Get(ctx, "cache/a")
	require.NoError(t, err)
	assert.Equal(t, "value", string(got))
}
