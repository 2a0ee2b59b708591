package integrity_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

func TestWhole(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	r := check(t, software(), manifest, expect())
	require.True(t, r.Whole(), r.Findings)
	require.NoError(t, r.Err())
	assert.Equal(t, 7, r.Entries)
	assert.Equal(t, 5, r.Hashed)
	assert.Equal(t, "1.4.2", r.Release.Version)

	_, disk := onDisk(t, software())
	require.True(t, check(t, disk, manifest, expect()).Whole())
	assert.Equal(t, manifest, write(t, disk, key("vendor"), release), "the medium makes no difference")
}

// TestFindings shows each kind of finding, for each way that leads to it, in memory.
func TestFindings(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	for name, c := range map[string]struct {
		edit func(fstest.MapFS)
		want []string
	}{
		"missing file":    {func(m fstest.MapFS) { delete(m, "bin/agent") }, []string{"missing bin/agent"}},
		"missing link":    {func(m fstest.MapFS) { delete(m, "lib/up") }, []string{"missing lib/up"}},
		"content":         {func(m fstest.MapFS) { m["bin/agent"].Data = []byte("\x7fELF agenT") }, []string{"changed bin/agent"}},
		"longer":          {func(m fstest.MapFS) { m["etc/empty"].Data = []byte("x") }, []string{"changed etc/empty"}},
		"shorter":         {func(m fstest.MapFS) { m["bin/agent"].Data = nil }, []string{"changed bin/agent"}},
		"executable":      {func(m fstest.MapFS) { m["lib/libz.so.1"].Mode = 0o744 }, []string{"changed lib/libz.so.1"}},
		"not executable":  {func(m fstest.MapFS) { m["bin/agent"].Mode = 0o644 }, []string{"changed bin/agent"}},
		"setuid":          {func(m fstest.MapFS) { m["bin/agent"].Mode |= fs.ModeSetuid }, []string{"changed bin/agent"}},
		"setgid":          {func(m fstest.MapFS) { m["bin/agent"].Mode |= fs.ModeSetgid }, []string{"changed bin/agent"}},
		"other mode bits": {func(m fstest.MapFS) { m["etc/empty"].Mode = 0o666 }, []string{}},
		"link elsewhere":  {func(m fstest.MapFS) { m["lib/up"].Data = []byte("../bin/su") }, []string{"changed lib/up"}},
		"link out":        {func(m fstest.MapFS) { m["lib/up"].Data = []byte("/bin/agent") }, []string{"changed lib/up"}},
		"link is file":    {func(m fstest.MapFS) { m["lib/up"].Mode = 0o644 }, []string{"changed lib/up"}},
		"file is link":    {func(m fstest.MapFS) { m["bin/su"] = &fstest.MapFile{Data: []byte("agent"), Mode: fs.ModeSymlink} }, []string{"changed bin/su"}},
		"file is pipe":    {func(m fstest.MapFS) { m["bin/su"].Mode = fs.ModeNamedPipe }, []string{"changed bin/su"}},
		"file is folder": {func(m fstest.MapFS) {
			m["bin/su/x"] = &fstest.MapFile{}
			delete(m, "bin/su")
		}, []string{"missing bin/su", "extra bin/su/x"}},
		"folder is link": {func(m fstest.MapFS) {
			delete(m, "bin/su")
			delete(m, "bin/agent")
			m["bin"] = &fstest.MapFile{Data: []byte("var"), Mode: fs.ModeSymlink}
		}, []string{"extra bin", "missing bin/agent", "missing bin/su"}},
		"extra file":   {func(m fstest.MapFS) { m["new"] = &fstest.MapFile{} }, []string{"extra new"}},
		"extra link":   {func(m fstest.MapFS) { m["loop"] = &fstest.MapFile{Data: []byte("loop"), Mode: fs.ModeSymlink} }, []string{"extra loop"}},
		"extra device": {func(m fstest.MapFS) { m["dev"] = &fstest.MapFile{Mode: fs.ModeDevice} }, []string{"extra dev"}},
		"extra socket": {func(m fstest.MapFS) { m["sock"] = &fstest.MapFile{Mode: fs.ModeSocket} }, []string{"extra sock"}},
		"too deep": {func(m fstest.MapFS) { m[strings.Repeat("d/", 520)+"f"] = &fstest.MapFile{} },
			[]string{"extra " + strings.Repeat("d/", 512) + "d"}},
		"excluded":      {func(m fstest.MapFS) { m["var/x"], m["b.manifest"] = &fstest.MapFile{}, &fstest.MapFile{} }, []string{}},
		"excluded gone": {func(m fstest.MapFS) { delete(m, "var/state/table") }, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := software()
			c.edit(tree)
			r := check(t, tree, manifest, expect())
			assert.Equal(t, c.want, found(r))
			assert.Equal(t, len(c.want) == 0, r.Whole())
			for _, f := range r.Findings {
				assert.True(t, f.Want != "" || f.Kind == integrity.Extra, f)
				assert.True(t, f.Got != "" || f.Kind == integrity.Missing, f)
			}
			if len(c.want) > 0 {
				require.ErrorIs(t, r.Err(), integrity.ErrAltered)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	for name, c := range map[string]struct {
		edit    func(*integrity.Expect)
		want    []string
		checked bool
	}{
		"older":   {func(x *integrity.Expect) { x.MinNumber = 8 }, []string{"older"}, true},
		"floor":   {func(x *integrity.Expect) { x.MinNumber = 0 }, []string{}, true},
		"product": {func(x *integrity.Expect) { x.Product = "camera" }, []string{"foreign"}, false},
		"version": {func(x *integrity.Expect) { x.Version = "1.4.3" }, []string{"foreign"}, false},
		"any":     {func(x *integrity.Expect) { x.Version, x.Product = "", "" }, []string{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := expect()
			c.edit(&x)
			r := check(t, software(), manifest, x)
			assert.Equal(t, c.want, found(r))
			assert.Equal(t, c.checked, r.Checked)
			assert.Equal(t, len(c.want) == 0, r.Whole())
		})
	}
	x, tree := expect(), software()
	x.MinNumber = 8
	delete(tree, "bin/su")
	assert.Equal(t, []string{"older", "missing bin/su"}, found(check(t, tree, manifest, x)), "files are checked all the same")
}

// TestOnDisk has what only a real file system has.
func TestOnDisk(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	t.Run("pipe is not opened", func(t *testing.T) {
		dir, disk := onDisk(t, software())
		require.NoError(t, os.Remove(filepath.Join(dir, "bin/su")))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "bin/su"), 0o600))
		assert.Equal(t, []string{"changed bin/su"}, found(check(t, disk, manifest, expect())))
	})
	t.Run("links out are not followed", func(t *testing.T) {
		dir, disk := onDisk(t, software())
		require.NoError(t, os.Rename(filepath.Join(dir, "bin"), filepath.Join(dir, "var/bin")))
		require.NoError(t, os.Symlink("var/bin", filepath.Join(dir, "bin")))
		require.NoError(t, os.Symlink("..", filepath.Join(dir, "lib/loop")))
		assert.Equal(t, []string{"extra bin", "missing bin/agent", "missing bin/su", "extra lib/loop"}, found(check(t, disk, manifest, expect())))
		assert.Equal(t, found(check(t, disk, manifest, expect())), found(check(t, os.DirFS(dir), manifest, expect())))
	})
	t.Run("name is not UTF-8", func(t *testing.T) {
		dir, disk := onDisk(t, software())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o600))
		assert.Equal(t, []string{"extra a\uFFFD"}, found(check(t, disk, manifest, expect())))
		err := integrity.WriteManifest(t.Context(), &strings.Builder{}, disk, key("vendor"), release)
		require.ErrorIs(t, err, integrity.ErrInvalid)
	})
}

// faulty fails at some names.
type faulty struct {
	fstest.MapFS
	open, read map[string]error
}

func (f faulty) Open(name string) (fs.File, error) {
	if err := f.open[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.MapFS.Open(name)
	if cause := f.read[name]; err == nil && cause != nil {
		return faultyFile{file, cause}, nil
	}
	return file, err
}

func (f faulty) ReadLink(name string) (string, error) {
	if err := f.open[name]; err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return f.MapFS.ReadLink(name)
}

type faultyFile struct {
	fs.File
	cause error
}

func (f faultyFile) Read([]byte) (int, error) {
	if (f.cause == nothing{}) {
		return 0, nil
	}
	return 0, f.cause
}

// ReadDir gives one name before it fails.
func (f faultyFile) ReadDir(int) ([]fs.DirEntry, error) {
	list, _ := f.File.(fs.ReadDirFile).ReadDir(1)
	return list, f.cause
}

func TestUnreadable(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	broken := errors.New("input/output error")
	all := []string{"unreadable .", "unreadable bin/agent", "unreadable bin/su", "unreadable etc/empty", "unreadable etc/name <&> é",
		"unreadable lib/libz.so", "unreadable lib/libz.so.1", "unreadable lib/up"}
	for name, c := range map[string]struct {
		open, read string
		want       []string
	}{
		"open":           {"bin/agent", "", []string{"unreadable bin/agent"}},
		"read":           {"", "bin/agent", []string{"unreadable bin/agent"}},
		"link":           {"lib/up", "", []string{"unreadable lib/up"}},
		"folder":         {"bin", "", []string{"unreadable bin", "unreadable bin/agent", "unreadable bin/su"}},
		"half a folder":  {"", "bin", []string{"unreadable bin", "unreadable bin/su"}},
		"everything":     {".", "", all},
		"excluded":       {"var/state/table", "var", []string{}},
		"unlisted":       {"more", "", []string{"unreadable more"}},
		"unlisted below": {"bin", "lib", []string{"unreadable bin", "unreadable bin/agent", "unreadable bin/su", "unreadable lib", "unreadable lib/libz.so.1", "unreadable lib/up"}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := faulty{software(), map[string]error{c.open: broken}, map[string]error{c.read: broken}}
			if c.open == "more" {
				tree.MapFS["more/x"] = &fstest.MapFile{}
			}
			r := check(t, tree, manifest, expect())
			assert.Equal(t, c.want, found(r))
			assert.Equal(t, len(c.want) == 0, r.Whole())
			err := integrity.WriteManifest(t.Context(), &strings.Builder{}, tree, key("vendor"), release)
			if len(c.want) > 0 {
				require.ErrorIs(t, err, broken)
			}
		})
	}
}

// TestLimit: the findings that are kept are the first, whatever the order and number of
// those that come.
func TestLimit(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	tree := software()
	delete(tree, "bin/agent")
	for i := range 2000 {
		tree[fmt.Sprintf("x/%04d", (i*7919)%2000)] = &fstest.MapFile{}
	}
	for _, limit := range []int{1, 3, 256, 5000} {
		r, err := integrity.Check(context.Background(), tree, manifest, expect(), &integrity.Options{Limit: limit})
		require.NoError(t, err)
		assert.Equal(t, 2001, r.Total)
		require.Len(t, r.Findings, min(limit, 2001))
		assert.Equal(t, "bin/agent", r.Findings[0].Path)
		if limit > 1 {
			assert.Equal(t, "x/0001", r.Findings[2].Path)
		}
	}
}

// TestParallel: the report is the same on any number of cores.
func TestParallel(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 300 {
		tree[fmt.Sprintf("d%d/f%d", i%7, i)] = &fstest.MapFile{Data: []byte(strings.Repeat("x", i*37%9000))}
	}
	manifest := write(t, tree, key("vendor"), release)
	damaged := maps.Clone(tree)
	for i := range 300 {
		if name := fmt.Sprintf("d%d/f%d", i%7, i); i%3 == 0 {
			damaged[name] = &fstest.MapFile{Data: []byte("y")}
		}
	}
	var first *integrity.Report
	for _, n := range []int{1, 2, 3, 16, 1000} {
		r, err := integrity.Check(context.Background(), damaged, manifest, expect(), &integrity.Options{Parallel: n})
		require.NoError(t, err)
		if first == nil {
			first = r
			require.Equal(t, 100, r.Total)
		}
		require.Equal(t, first, r)
		require.Equal(t, manifest, write(t, tree, key("vendor"), release))
	}
}
