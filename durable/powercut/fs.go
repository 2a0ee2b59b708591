package powercut

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// memFS is the durable.FS of a Machine.
type memFS struct{ m *Machine }

// find returns the inode called name.
func (f memFS) find(name string) (*inode, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	n := f.m.root
	if name == "." {
		return n, nil
	}
	for seg := range strings.SplitSeq(name, "/") {
		next := n.names[seg] // nil map of a file: not there
		if next == nil {
			return nil, fs.ErrNotExist
		}
		n = next
	}
	return n, nil
}

// within runs do with the directory of name and the last segment of name. It
// holds the lock and wraps the error.
func (f memFS) within(op, name string, do func(dir *inode, base string) error) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	err := ErrPower
	if !f.m.off {
		err = f.split(op, name, do)
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (f memFS) split(op, name string, do func(dir *inode, base string) error) error {
	if !fs.ValidPath(name) || name == "." && op != "open" && op != "list" {
		return fs.ErrInvalid
	}
	dir, err := f.find(path.Dir(name))
	if err != nil {
		return err
	}
	if !dir.dir {
		return fs.ErrNotExist
	}
	return do(dir, path.Base(name))
}

// step is Machine.step for a call that does nothing under any fault.
func (f memFS) step(kind, object string, allocates bool) error {
	fault, err := f.m.step(kind, object, allocates)
	switch {
	case err != nil:
		return err
	case fault == Full:
		return durable.ErrFull
	case fault != NoFault:
		return ErrIO
	}
	return nil
}

func (f memFS) Open(name string, flag durable.Flag) (durable.File, error) {
	var file *memFile
	err := f.within("open", name, func(dir *inode, base string) error {
		n := dir.names[base]
		if name == "." {
			n = dir
		}
		switch {
		case n == nil && flag != durable.Create:
			return fs.ErrNotExist
		case n != nil && n.dir && flag != durable.ReadOnly:
			return fs.ErrInvalid
		case flag == durable.Create:
			if err := f.step("open", name, n == nil); err != nil {
				return err
			}
			n = f.create(dir, base)
		}
		file = &memFile{fs: f, n: n, name: name, readOnly: flag == durable.ReadOnly, boot: f.m.boot}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// create makes the file, or cuts it to nothing.
func (f memFS) create(dir *inode, base string) *inode {
	n := dir.names[base]
	if n == nil {
		n = newFile(nil, nil)
		dir.move(move{to: base, node: n})
		return n
	}
	f.m.bury(n)
	n.do(change{truncate: true})
	return n
}

func (f memFS) Mkdir(name string) error {
	return f.within("mkdir", name, func(dir *inode, base string) error {
		if dir.names[base] != nil {
			return fs.ErrExist
		}
		if err := f.step("mkdir", name, true); err != nil {
			return err
		}
		dir.move(move{to: base, node: newDir()})
		return nil
	})
}

func (f memFS) Rename(oldname, newname string) error {
	return f.within("rename", oldname, func(dir *inode, base string) error {
		n, to := dir.names[base], path.Base(newname)
		switch target := dir.names[to]; {
		case n == nil:
			return fs.ErrNotExist
		case !fs.ValidPath(newname) || newname == "." || path.Dir(newname) != path.Dir(oldname):
			return fs.ErrInvalid
		case oldname == newname:
			return nil
		case target != nil && (target.dir || n.dir):
			return fs.ErrExist
		}
		if err := f.step("rename", newname, false); err != nil {
			return err
		}
		f.m.bury(dir.names[to])
		dir.move(move{from: base, to: to, node: n})
		return nil
	})
}

func (f memFS) Remove(name string) error {
	return f.within("remove", name, func(dir *inode, base string) error {
		n := dir.names[base]
		if n == nil {
			return fs.ErrNotExist
		}
		if len(n.names) > 0 {
			return errors.New("directory not empty")
		}
		if err := f.step("remove", name, false); err != nil {
			return err
		}
		f.m.bury(n)
		dir.move(move{from: base})
		return nil
	})
}

func (f memFS) List(name string) ([]durable.Info, error) {
	var list []durable.Info
	err := f.within("list", name, func(*inode, string) error {
		n, err := f.find(name)
		if err != nil {
			return err
		}
		if !n.dir {
			return fs.ErrInvalid
		}
		for _, entry := range slices.Sorted(maps.Keys(n.names)) {
			e := n.names[entry]
			list = append(list, durable.Info{Name: entry, Size: int64(len(e.live)), Dir: e.dir})
		}
		return nil
	})
	return list, err
}
