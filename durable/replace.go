package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// getCertain is get for who builds on the answer.
func (d *Dir) getCertain(name string) ([]byte, error) {
	value, err := d.get(name)
	if cerr := d.certain(path.Dir(name)); cerr != nil {
		return nil, fmt.Errorf("durable: get %s: %w", name, cerr)
	}
	return value, err
}

func (d *Dir) get(name string) ([]byte, error) {
	if d.isDir(name) {
		return nil, fmt.Errorf("durable: get %s: %w", name, fs.ErrNotExist)
	}
	raw, err := readFile(d.fsys, name)
	if err != nil {
		return nil, fmt.Errorf("durable: get %s: %w", name, err)
	}
	value, err := decodeRecord(name, raw)
	if err != nil {
		return nil, fmt.Errorf("durable: get %s: %w", name, err)
	}
	return value, nil
}

// put, delete and what they call run under d.writing.
func (d *Dir) put(name string, value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("%d bytes, at most %d: %w", len(value), MaxValue, fs.ErrInvalid)
	}
	if d.isDir(name) {
		return fmt.Errorf("names below it are in use: %w", fs.ErrInvalid)
	}
	err := d.replace(name, encodeRecord(name, value))
	if errors.Is(err, ErrFull) {
		err = d.replaceInReserve(name, encodeRecord(name, value), err)
	}
	if err != nil {
		return err
	}
	d.count(func(s *Stats) { s.Puts++; s.BytesWritten += int64(len(value)) + recordOverhead })
	return nil
}

// replace writes name by the side, makes the bytes durable, then the name.
func (d *Dir) replace(name string, raw []byte) error {
	if err := d.makeParents(name); err != nil {
		return err
	}
	temp := name + tempSuffix
	if err := d.writeFile(temp, raw); err != nil {
		return errors.Join(err, d.discard(temp))
	}
	if err := d.changing(path.Dir(name), func() error { return d.fsys.Rename(temp, name) }); err != nil {
		return errors.Join(err, d.discard(temp))
	}
	return d.syncDir(path.Dir(name))
}

// discard removes a half-written file; nothing depends on its success, since a
// leftover is overwritten by the next write and removed at the next start.
func (d *Dir) discard(temp string) error {
	if err := d.fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d *Dir) writeFile(name string, raw []byte) error {
	f, err := d.fsys.Open(name, Create)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(raw, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(d.sync(f), f.Close())
}

func (d *Dir) delete(name string) error {
	if d.isDir(name) {
		return nil
	}
	dir := path.Dir(name)
	err := d.changing(dir, func() error { return d.fsys.Remove(name) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Also when the name was gone: an earlier Delete may have failed to sync, or to prune.
	if err != nil && !d.isDir(dir) {
		return d.certain(dir)
	}
	if err := d.syncDir(dir); err != nil {
		return err
	}
	d.count(func(s *Stats) { s.Deletes++ })
	return d.prune(dir)
}

// prune removes dir and its parents as far as they are empty.
func (d *Dir) prune(dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		infos, err := d.fsys.List(dir)
		if err != nil || len(infos) > 0 {
			return err
		}
		if err := d.changing(path.Dir(dir), func() error { return d.fsys.Remove(dir) }); err != nil {
			return err
		}
		d.mu.Lock()
		delete(d.dirs, dir)
		d.mu.Unlock()
		if err := d.syncDir(path.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// makeParents makes the directories of name, each durable before the next.
func (d *Dir) makeParents(name string) error {
	dir := path.Dir(name)
	if d.isDir(dir) {
		return nil
	}
	if err := d.makeParents(dir); err != nil {
		return err
	}
	if err := d.changing(path.Dir(dir), func() error { return d.fsys.Mkdir(dir) }); errors.Is(err, fs.ErrExist) {
		if err := d.checkDir(dir); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := d.syncDir(path.Dir(dir)); err != nil {
		return err
	}
	// Known only now: after a failed sync the next try must sync again.
	d.mu.Lock()
	d.dirs[dir] = true
	d.mu.Unlock()
	return nil
}

// checkDir says that what stands in the place of a directory is a value.
func (d *Dir) checkDir(dir string) error {
	infos, err := d.fsys.List(path.Dir(dir))
	if err != nil {
		return err
	}
	for _, in := range infos {
		if in.Name == path.Base(dir) && in.Dir {
			return nil
		}
	}
	return fmt.Errorf("%s is a value: %w", dir, fs.ErrInvalid)
}

// list returns the names of entries that begin with prefix and end with suffix, without
// that.
func (d *Dir) list(prefix, suffix string) ([]string, error) {
	top := path.Dir(prefix + "x") // the deepest directory that holds every match
	if !d.isDir(top) {
		return nil, nil
	}
	names, err := d.walk(top, suffix, nil)
	if err == nil {
		err = d.allCertain(top)
	}
	if err != nil {
		return nil, fmt.Errorf("durable: list %s: %w", prefix, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
	slices.Sort(names)
	return names, nil
}

func (d *Dir) walk(dir, suffix string, names []string) ([]string, error) {
	infos, err := d.fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil // removed meanwhile
	}
	for _, in := range infos {
		entry, ok := strings.CutSuffix(in.Name, suffix)
		switch {
		case in.Dir && validSegment(in.Name):
			names, err = d.walk(path.Join(dir, in.Name), suffix, names)
		case in.Dir == (suffix == logSuffix) && ok && validSegment(entry):
			names = append(names, path.Join(dir, entry))
		}
		if err != nil {
			return nil, err
		}
	}
	return names, err
}

func (d *Dir) isDir(name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.dirs[name]
}

func (d *Dir) sync(f File) error {
	d.count(func(s *Stats) { s.Syncs++ })
	return f.Sync()
}

func (d *Dir) count(f func(*Stats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.stats)
}
