package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func openMem(t *testing.T) (*durable.Dir, *powercut.Machine) {
	t.Helper()
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	return d, m
}

func openDir(t *testing.T) (*durable.Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a", "state")
	d, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d, path
}

// The rules of Store hold on the operating system's files and on the machine.
func TestStoreRules(t *testing.T) {
	mem, _ := openMem(t)
	dir, _ := openDir(t)
	other, _ := openMem(t)
	for name, s := range map[string]durable.Store{"mem": mem, "os": dir, "sub": durable.Sub(other, "part/of")} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			_, err := s.Get(ctx, "a/b")
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.NoError(t, s.Delete(ctx, "a/b"))

			value := []byte("one")
			require.NoError(t, s.Put(ctx, "a/b", value))
			require.NoError(t, s.Put(ctx, "a/c", nil))
			require.NoError(t, s.Put(ctx, "d", bytes.Repeat([]byte{7}, durable.MaxValue)))
			value[0] = 'X'
			got, err := s.Get(ctx, "a/b")
			require.NoError(t, err)
			assert.Equal(t, "one", string(got))
			got[0] = 'Y'
			got, err = s.Get(ctx, "a/b")
			require.NoError(t, err)
			assert.Equal(t, "one", string(got))

			names, err := s.List(ctx, "")
			require.NoError(t, err)
			assert.Equal(t, []string{"a/b", "a/c", "d"}, names)
			names, err = s.List(ctx, "a/c")
			require.NoError(t, err)
			assert.Equal(t, []string{"a/c"}, names)
			names, err = s.List(ctx, "nothing/")
			require.NoError(t, err)
			assert.Empty(t, names)

			require.NoError(t, s.Delete(ctx, "a/b"))
			require.NoError(t, s.Delete(ctx, "a/c"))
			_, err = s.Get(ctx, "a")
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.NoError(t, s.Put(ctx, "a", []byte("the directory is gone")))
		})
	}
}

func TestBadNamesAndSizes(t *testing.T) {
	d, _ := openMem(t)
	ctx := t.Context()
	for _, name := range []string{"", "/", "a/", "/a", "a//b", ".", "..", "../a", ".hold", "a/.b", "A", "a b", "a+log", "a!0", "a~", "ä", "a\x00", strings.Repeat("a", durable.MaxName+1)} {
		require.ErrorIs(t, d.Put(ctx, name, nil), fs.ErrInvalid, "%q", name)
		_, err := d.Get(ctx, name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		require.ErrorIs(t, d.Delete(ctx, name), fs.ErrInvalid, "%q", name)
	}
	require.ErrorIs(t, d.Put(ctx, "a", make([]byte, durable.MaxValue+1)), fs.ErrInvalid)
	require.NoError(t, d.Put(ctx, "a/b", nil))
	require.ErrorIs(t, d.Put(ctx, "a", nil), fs.ErrInvalid, "names below it are in use")
	names, err := d.List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/b"}, names)
}

func TestCancelledContext(t *testing.T) {
	d, m := openMem(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	steps := m.Steps()
	require.ErrorIs(t, d.Put(ctx, "a", nil), context.Canceled)
	_, err := d.Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, steps, m.Steps())
}

// Every single bit of the directory flipped in turn: damage is told, nothing that
// was acknowledged changes or disappears without an error, nothing panics.
func TestEveryBitFlipped(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	require.NoError(t, with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "log", nil)
		require.NoError(t, err)
		return errors.Join(d.Put(ctx, "a/b", []byte("value")), d.Reserve(ctx, "c", 20), d.Put(ctx, "c", []byte("journal")),
			appendSync(ctx, l, "one", "two"), appendSync(ctx, l, "three"), l.Close())
	}))
	flips, told := 0, 0
	powercut.Flip(m, nil, func(m *powercut.Machine, where string) {
		flips++
		content := func() (string, error) {
			state, err := describe(ctx, m)
			if err != nil {
				return "", err
			}
			records, err := logState(ctx, m)
			return state + records, err
		}
		got, err := content()
		if err != nil {
			told++
			assert.True(t, errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat), "%s: %v", where, err)
			return
		}
		assert.Equal(t, `format=2 a/b="value"/5 c="journal"/7first=1 next=4 1:one/3 2:two/3 3:three/5`, got, where)
	})
	t.Logf("flips=%d told=%d", flips, told)
	assert.Greater(t, told, 100)
}

func TestInUseNamesThePid(t *testing.T) {
	if path := os.Getenv("DURABLE_TEST_OPEN"); path != "" {
		_, err := durable.OpenDir(path, nil)
		fmt.Printf("child: %v\n", err)
		return
	}
	d, path := openDir(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInUseNamesThePid$")
	cmd.Env = append(os.Environ(), "DURABLE_TEST_OPEN="+path)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "directory in use by process "+strconv.Itoa(os.Getpid()))

	_, err = durable.OpenDir(path, nil)
	require.ErrorIs(t, err, durable.ErrInUse)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.ErrorIs(t, d.Put(t.Context(), "a", nil), fs.ErrClosed)
	again, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestReadOnlyDirectory(t *testing.T) {
	d, path := openDir(t)
	require.NoError(t, d.Close())
	if os.Getuid() == 0 {
		// Root may write anywhere: a file in the place of the directory is what is left.
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := durable.OpenDir(file, nil)
		require.ErrorIs(t, err, fs.ErrInvalid)
		return
	}
	require.NoError(t, os.Chmod(path, 0o500))
	_, err := durable.OpenDir(path, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
}

func TestSymbolicLinksLeadNowhere(t *testing.T) {
	d, path := openDir(t)
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(path, "link")))
	_, err := d.Get(t.Context(), "link")
	require.Error(t, err)
	require.NoError(t, d.Put(t.Context(), "link", []byte("mine")))
	got, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "secret", string(got))
}

func TestFullMedium(t *testing.T) {
	ctx := t.Context()
	d, m := openMem(t)
	require.NoError(t, d.Put(ctx, "a", []byte("old")))
	require.NoError(t, d.Reserve(ctx, "journal", 1000))
	require.NoError(t, d.Reserve(ctx, "journal", 1000))
	fill(m)
	err := d.Put(ctx, "a", make([]byte, 5000))
	require.ErrorIs(t, err, durable.ErrFull)
	got, err := d.Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	require.ErrorIs(t, d.Put(ctx, "journal", make([]byte, 1001)), durable.ErrFull, "larger than its reserve")
	for i := range 50 {
		value := bytes.Repeat([]byte{byte(i)}, 1000)
		require.NoError(t, d.Put(ctx, "journal", value), "put %d", i)
		got, err := d.Get(ctx, "journal")
		require.NoError(t, err)
		require.Equal(t, value, got)
	}
	assert.Equal(t, 50, d.Stats().ReservesUsed)
	require.ErrorIs(t, d.Reserve(ctx, "x", 0), fs.ErrInvalid)
	require.ErrorIs(t, durable.Reserve(ctx, plain{d}, "x", 1), errors.ErrUnsupported)
}

// plain has no abilities beyond those of a Store.
type plain struct{ durable.Store }

func TestAbilitiesThroughSub(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	s := durable.Sub(durable.Sub(d, "a"), "b")
	l, err := durable.OpenLog(ctx, s, "log", nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, durable.Reserve(ctx, s, "v", 10))
	assert.Equal(t, 1, durable.FormatOf(s))
	entries, err := d.Entries(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, entries)
	_, err = durable.OpenLog(ctx, plain{d}, "log", nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestPutCostsTwoSyncs(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	require.NoError(t, d.Put(ctx, "a", nil))
	before := d.Stats().Syncs
	require.NoError(t, d.Put(ctx, "a", []byte("x")))
	assert.Equal(t, 2, d.Stats().Syncs-before)
	assert.NoError(t, d.Health(ctx))
}

func TestRemoveAll(t *testing.T) {
	ctx := t.Context()
	mem, m := openMem(t)
	dir, _ := openDir(t)
	for name, d := range map[string]*durable.Dir{"mem": mem, "os": dir} {
		t.Run(name, func(t *testing.T) {
			l, err := d.OpenLog(ctx, "a/b/log", nil)
			require.NoError(t, err)
			require.NoError(t, errors.Join(d.Put(ctx, "a/b/v", nil), d.Put(ctx, "a/c", nil), d.Reserve(ctx, "a/b/r", 10), d.Put(ctx, "z", nil)))
			s := durable.Sub(d, "a")
			entries, err := durable.Entries(ctx, s, "b")
			require.NoError(t, err)
			assert.Equal(t, []string{"log", "r", "v"}, entries)
			entries, err = durable.Entries(ctx, plain{d}, "a")
			require.NoError(t, err)
			assert.Equal(t, []string{"b", "c"}, entries)
			require.ErrorIs(t, durable.RemoveAll(ctx, s, "b"), durable.ErrInUse)
			require.NoError(t, l.Close())
			require.NoError(t, durable.RemoveAll(ctx, s, "b"))
			require.NoError(t, durable.RemoveAll(ctx, s, "b"))
			require.ErrorIs(t, d.RemoveAll(ctx, "../x"), fs.ErrInvalid)
			names, err := d.List(ctx, "")
			require.NoError(t, err)
			assert.Equal(t, []string{"a/c", "z"}, names)
			require.NoError(t, d.Put(ctx, "a/b", []byte("a value now")))
			require.NoError(t, durable.RemoveAll(ctx, plain{d}, "a"))
			entries, err = d.Entries(ctx, "")
			require.NoError(t, err)
			assert.Equal(t, []string{"z"}, entries)
			assert.NoError(t, d.Health(ctx))
		})
	}
	for name := range m.Files() {
		assert.True(t, name == "z" || name[0] == '.', name)
	}
}
