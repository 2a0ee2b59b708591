package durable

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Until the sync of a directory, and after one that failed, the directory shows entries
// that a power cut may take back, and does not show some that may come back. Who reads
// it builds on what he sees, and takes for done what is there: so it is synced before
// he is told.
//
// That a second sync is to be believed is not so for files, whose pages the kernel
// drops. Entries are in the journal of the file system (ext4, XFS), or its checkpoint
// or log (F2FS, btrfs, UBIFS); if that cannot be written it stays failed, or the file
// system becomes read-only.

// doubt is about the entries of one directory.
type doubt struct {
	number  int // of the last change of entries
	running int // changes that may still move entries
}

// doubt notes that entries of dir may not be durable.
func (d *Dir) doubt(dir string) { d.mark(dir, 0) }

// mark counts a change of entries of dir, and those that are running; it returns its number.
func (d *Dir) mark(dir string, running int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubted++
	d.doubts[dir] = doubt{d.doubted, d.doubts[dir].running + running}
	return d.doubted
}

// changing runs f, which changes entries of dir. They are in doubt from before until dir
// is synced, or are not if f had no effect.
func (d *Dir) changing(dir string, f func() error) error {
	d.mu.RLock()
	_, before := d.doubts[dir]
	d.mu.RUnlock()
	d.mark(dir, 1)
	err := f()
	number := d.mark(dir, -1)
	idle := errors.Is(err, ErrFull) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)
	if idle && !before {
		d.settled(dir, number)
	}
	return err
}

// settled ends the doubt about dir, if number is that of the last change.
func (d *Dir) settled(dir string, number int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doubts[dir] == (doubt{number: number}) {
		delete(d.doubts, dir)
	}
}

// certain makes durable what dir and those above it show, if there is doubt.
func (d *Dir) certain(dir string) error {
	for {
		d.mu.RLock()
		_, doubt := d.doubts[dir]
		left := len(d.doubts)
		d.mu.RUnlock()
		if left == 0 {
			return nil
		}
		if doubt {
			if err := d.syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
				return err
			}
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// allCertain is certain for top and every directory below it.
func (d *Dir) allCertain(top string) error {
	all := []string{top}
	d.mu.RLock()
	for dir := range d.doubts {
		if top == "." || strings.HasPrefix(dir, top+"/") {
			all = append(all, dir)
		}
	}
	d.mu.RUnlock()
	for _, dir := range all {
		if err := d.certain(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the entries of dir durable.
func (d *Dir) syncDir(dir string) error {
	d.mu.RLock()
	number := d.doubts[dir].number
	d.mu.RUnlock()
	err := d.syncEntries(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.doubt(dir)
		return err
	}
	d.settled(dir, number)
	return err
}

func (d *Dir) syncEntries(dir string) error {
	f, err := d.fsys.Open(dir, ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(f), f.Close())
}
