package integrity

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
)

// batch is how many names are read from a folder at a time: a folder that somebody
// filled must not fill the memory.
const batch = 512

// walker visits everything in a tree that is not excluded and no folder. It follows no
// link. Folders that hold nothing are not seen.
type walker struct {
	fsys    fs.FS
	release *Release
	visit   func(name string, d fs.DirEntry) error
	// broken is called with what cannot be entered: a folder, or something with a name
	// that no manifest can have. nil goes on with the rest.
	broken func(name string, cause error) error
}

// errName is the cause for a name that no manifest can have.
var errName = errors.New("name is not UTF-8, or too long")

func (w *walker) walk(ctx context.Context) error { return w.folder(ctx, ".") }

// folder visits everything in a folder. It goes down as it meets a folder, and keeps no
// list of them, of which there may be any number; how deep it goes is bounded by
// [MaxPath].
func (w *walker) folder(ctx context.Context, dir string) error {
	next, closeDir, cause := w.entries(dir)
	if cause != nil {
		return w.broken(dir, cause)
	}
	defer closeDir()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		list, cause := next()
		for _, d := range list {
			if err := w.thing(ctx, dir, d); err != nil {
				return err
			}
		}
		if errors.Is(cause, io.EOF) {
			return nil
		}
		if cause != nil {
			return w.broken(dir, cause)
		}
	}
}

func (w *walker) thing(ctx context.Context, dir string, d fs.DirEntry) error {
	name := d.Name()
	if dir != "." {
		name = dir + "/" + name
	}
	switch {
	case w.release.matches(name):
		return nil
	case checkPath(name) != "":
		return w.broken(name, errName)
	case d.IsDir():
		return w.folder(ctx, name)
	}
	return w.visit(name, d)
}

// entries returns a function that reads the next names of a folder.
func (w *walker) entries(dir string) (next func() ([]fs.DirEntry, error), closeDir func(), err error) {
	f, err := w.fsys.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return func() ([]fs.DirEntry, error) { return d.ReadDir(batch) }, func() { f.Close() }, nil
	}
	f.Close()
	list, err := fs.ReadDir(w.fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	return func() ([]fs.DirEntry, error) { return list, io.EOF }, func() {}, nil
}

// words says in words what a thing in the tree is that is neither file nor link.
func words(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "folder"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	}
	return "device or other special file"
}

// cause is the text of an error without the path that it was met at, which depends on
// where the tree is mounted.
func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return clean(err.Error())
}

// shown is a path as it stands in a finding.
func shown(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), MaxPath+256)], "\uFFFD")
}
