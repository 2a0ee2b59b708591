package integrity_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

// plain is a file system that can no more than it must: its folders are not read as
// files are, and it knows no links.
type plain struct{ tree fstest.MapFS }

func (p plain) Open(name string) (fs.File, error) {
	f, err := p.tree.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.File }{f}, nil
}

func (p plain) ReadDir(name string) ([]fs.DirEntry, error) { return p.tree.ReadDir(name) }

// bare cannot even do that.
type bare struct{ fs.FS }

func TestPlainFileSystem(t *testing.T) {
	tree := software()
	delete(tree, "lib/up")
	delete(tree, "lib/libz.so")
	manifest := write(t, plain{tree}, key("vendor"), release)
	assert.Equal(t, write(t, tree, key("vendor"), release), manifest)
	assert.True(t, check(t, plain{tree}, manifest, expect()).Whole())
	r := check(t, bare{plain{tree}}, manifest, expect())
	assert.Equal(t, 1+5, r.Total, "what cannot be listed is not known")
	assert.Equal(t, "unreadable .", found(r)[0])

	linked := write(t, software(), key("vendor"), release)
	assert.Equal(t, []string{"unreadable lib/libz.so", "unreadable lib/up"}, found(check(t, plain{software()}, linked, expect())))
}

// crowd has a root with n folders, each with one file, that come in parts.
type crowd struct {
	fstest.MapFS
	n    int
	most *int // that were asked for at once
}

func (c crowd) Open(name string) (fs.File, error) {
	f, err := c.MapFS.Open(strings.TrimLeft(name, "0123456789"))
	if name == "." {
		return &crowded{f, c, 0}, err
	}
	if err != nil || strings.Trim(name, "0123456789") == "" {
		return fstest.MapFS{"extra": {}}.Open(".")
	}
	return f, err
}

type crowded struct {
	fs.File
	crowd
	at int
}

func (c *crowded) ReadDir(n int) (list []fs.DirEntry, err error) {
	*c.most = max(*c.most, n)
	for ; c.at < c.n && len(list) < n; c.at++ {
		sub, err := fs.ReadDir(fstest.MapFS{fmt.Sprintf("%09d/x", c.at): {}}, ".")
		if err != nil {
			return nil, err
		}
		list = append(list, sub...)
	}
	if len(list) == 0 {
		return nil, io.EOF
	}
	return list, nil
}

func (c *crowded) Stat() (fs.FileInfo, error) { return c.File.Stat() }
func (c *crowded) Read(p []byte) (int, error) { return c.File.Read(p) }
func (c *crowded) Close() error               { return c.File.Close() }

// TestCrowd: a folder with any number of things in it is read in parts, and of the
// findings those are kept that come first.
func TestCrowd(t *testing.T) {
	most := 0
	tree := crowd{fstest.MapFS{}, 20_000, &most}
	r := check(t, tree, forge(t, []byte(file("a")), nil), expect())
	assert.Equal(t, 20_001, r.Total)
	require.Len(t, r.Findings, 256)
	assert.Equal(t, "000000255/extra", r.Findings[255].Path)
	assert.Positive(t, most)
	assert.LessOrEqual(t, most, 512)
}

// forgetful loses the metadata of a file.
type forgetful struct{ fstest.MapFS }

func (f forgetful) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if d, ok := file.(fs.ReadDirFile); ok && err == nil {
		return forgetfulDir{d}, nil
	}
	return file, err
}

type forgetfulDir struct{ fs.ReadDirFile }

func (d forgetfulDir) ReadDir(n int) ([]fs.DirEntry, error) {
	list, err := d.ReadDirFile.ReadDir(n)
	for i := range list {
		if list[i].Name() == "f59" {
			list[i] = noInfo{list[i]}
		}
	}
	return list, err
}

type noInfo struct{ fs.DirEntry }

func (noInfo) Info() (fs.FileInfo, error) {
	return nil, &fs.PathError{Op: "lstat", Path: "f59", Err: errStale}
}

var errStale = errors.New("stale file handle")

// TestNoInfo: a file whose size and time cannot be known is a finding of the step.
func TestNoInfo(t *testing.T) {
	c := checker(t, many(), forgetful{many()})
	require.True(t, step(t, c).Whole(), "a whole check reads it, which is all that matters")
	r := step(t, c)
	assert.Equal(t, []string{"unreadable f59"}, found(r))
	assert.Equal(t, "stale file handle", r.Findings[0].Got)
}

// TestLargerIsNotRead: a file that somebody blew up is not read at all.
func TestLargerIsNotRead(t *testing.T) {
	tree := software()
	tree["bin/agent"].Data = make([]byte, 1<<20)
	r := check(t, tree, write(t, software(), key("vendor"), release), expect())
	assert.Equal(t, []string{"changed bin/agent"}, found(r))
	assert.Equal(t, 4, r.Hashed)
	assert.Less(t, r.Bytes, int64(100))
}

// TestChangedThenMissing: what is gone is no longer told as changed.
func TestChangedThenMissing(t *testing.T) {
	tree := many()
	c := checker(t, many(), tree)
	alter(tree, "f59")
	require.Equal(t, []string{"changed f59"}, found(step(t, c)))
	delete(tree, "f59")
	require.Equal(t, []string{"missing f59"}, found(step(t, c)))
}

// TestNoLongerBelieved: a key that was taken back counts from the next check on.
func TestNoLongerBelieved(t *testing.T) {
	x, revoked := expect(), false
	x.Verify = func(context.Context, []byte) error {
		if revoked {
			return errors.New("revoked")
		}
		return nil
	}
	c, err := integrity.NewChecker(many(), write(t, many(), key("vendor"), release), x, nil)
	require.NoError(t, err)
	require.True(t, step(t, c).Whole())
	revoked = true
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"unsigned"}, found(r))
	require.Equal(t, []string{"unsigned"}, found(step(t, c)), "nor does a step go back to what was believed")
}

// TestSuspectsInTurn: files that change their time at every step, more of them than a
// share holds, do not keep another that looks changed from being read soon.
func TestSuspectsInTurn(t *testing.T) {
	tree := many()
	c := checker(t, many(), tree)
	require.True(t, step(t, c).Whole())
	alter(tree, "f59")
	tree["f59"].ModTime = then.Add(1)
	for n := 1; ; n++ {
		for i := range 30 {
			f := *tree[fmt.Sprintf("f%02d", i)]
			f.ModTime = then.Add(time.Duration(n) * time.Second)
			tree[fmt.Sprintf("f%02d", i)] = &f
		}
		if len(found(step(t, c))) > 0 {
			return
		}
		require.Less(t, n, 7, "its turn in the round would come at step %d", steps)
	}
}
