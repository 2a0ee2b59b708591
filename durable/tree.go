package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Tree is the ability of a [Store] to treat the names below one as a whole, with
// the logs, files and reserves among them, which List does not show; find it with
// [Entries] and [RemoveAll].
type Tree interface {
	Entries(ctx context.Context, dir string) ([]string, error)
	RemoveAll(ctx context.Context, dir string) error
}

// Entries returns the segments that follow dir ("" for the top) in the names in
// use, of values, logs, files and reserves, sorted: what an inventory must account for.
// Files that are not this package's count too. In a Store that is no [Tree] only
// values count.
func Entries(ctx context.Context, s Store, dir string) ([]string, error) {
	if t, ok := s.(Tree); ok {
		return t.Entries(ctx, dir)
	}
	prefix := ""
	if dir != "" {
		prefix = dir + "/"
	}
	names, err := s.List(ctx, prefix)
	for i, name := range names {
		names[i], _, _ = strings.Cut(strings.TrimPrefix(name, prefix), "/")
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// RemoveAll removes what is called dir and everything below: values, logs, files,
// those that are being written too, reserves.
// It is many removals: a power cut before it returned leaves any part, after it
// returned nil none. An open log among them gives an error that is [ErrInUse]. In a
// Store that is no [Tree] values are removed one by one.
func RemoveAll(ctx context.Context, s Store, dir string) error {
	if t, ok := s.(Tree); ok {
		return t.RemoveAll(ctx, dir)
	}
	names, err := s.List(ctx, dir+"/")
	for _, name := range append(names, dir) {
		err = errors.Join(err, s.Delete(ctx, name))
	}
	return err
}

// Entries implements [Tree]. It answers while the directory is on hold too.
func (d *Dir) Entries(ctx context.Context, dir string) ([]string, error) {
	if err := d.admit(ctx, dir, everyHold()); err != nil {
		return nil, fmt.Errorf("durable: entries of %s: %w", dir, err)
	}
	infos, err := d.fsys.List(path.Join(".", dir))
	if err == nil {
		err = d.certain(path.Join(".", dir))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("durable: entries of %s: %w", dir, err)
	}
	var names []string
	for _, in := range infos {
		name := strings.TrimSuffix(strings.TrimSuffix(in.Name, logSuffix), fileSuffix)
		if value, ok := spareOf(name); ok {
			name = value
		}
		if name != lockName && name != formatName && name != holdName && !strings.HasSuffix(name, tempSuffix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// RemoveAll implements [Tree].
func (d *Dir) RemoveAll(ctx context.Context, dir string) error {
	return d.change(ctx, "remove all", dir, nil, func() error { return d.removeAll(dir) })
}

// removeAll runs under d.writing.
func (d *Dir) removeAll(dir string) error {
	if err := ValidName(dir); err != nil {
		return err
	}
	if log := d.openBelow(dir); log != "" {
		return fmt.Errorf("log %s is open: %w", log, ErrInUse)
	}
	if !d.isDir(path.Dir(dir)) {
		return nil
	}
	for _, name := range []string{dir, dir + logSuffix} {
		if d.isDir(name) {
			if err := d.clear(name); err != nil {
				return err
			}
		}
	}
	if err := d.abandonBelow(dir); err != nil {
		return err
	}
	for _, name := range []string{dir, dir + logSuffix, dir + fileSuffix, dir + spareSuffixes[0], dir + spareSuffixes[1]} {
		if err := d.remove(name); err != nil {
			return err
		}
	}
	if err := d.syncDir(path.Dir(dir)); err != nil {
		return err
	}
	return d.prune(path.Dir(dir))
}

// clear removes what is in dir, and makes that durable.
func (d *Dir) clear(dir string) error {
	infos, err := d.fsys.List(dir)
	if err != nil {
		return err
	}
	for _, in := range infos {
		name := path.Join(dir, in.Name)
		if in.Dir {
			if err := d.clear(name); err != nil {
				return err
			}
		}
		if err := d.remove(name); err != nil {
			return err
		}
	}
	return d.syncDir(dir)
}

// remove removes an entry, if it is there, which is not durable yet.
func (d *Dir) remove(name string) error {
	err := d.changing(path.Dir(name), func() error { return d.fsys.Remove(name) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.forget(name)
	return nil
}

// forget drops what is known of a name that was removed.
func (d *Dir) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.dirs, name)
	if value, ok := spareOf(name); ok {
		delete(d.reserved, value)
	}
}

func (d *Dir) openBelow(dir string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for log := range d.logs {
		if log == dir+logSuffix || strings.HasPrefix(log, dir+"/") {
			return log
		}
	}
	return ""
}

func (s *sub) Entries(ctx context.Context, dir string) ([]string, error) {
	return Entries(ctx, s.store, path.Join(s.prefix, dir))
}

func (s *sub) RemoveAll(ctx context.Context, dir string) error {
	return RemoveAll(ctx, s.store, s.prefix+dir)
}
