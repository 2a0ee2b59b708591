package durable

import (
	"errors"
	"io/fs"
	"path"
)

// After a sync of a directory that failed, the directory shows entries that a power cut
// may take back, and does not show some that may come back. Who reads it builds on what
// he sees, and takes for done what is there: so it is synced before it is read again.
//
// That a second sync is to be believed is not so for files, whose pages the kernel
// drops. Entries are in the journal of the file system (ext4, XFS), or its checkpoint
// or log (F2FS, btrfs, UBIFS); if that cannot be written it stays failed, or the file
// system becomes read-only.

// doubt notes that entries of dir may not be durable.
func (d *Dir) doubt(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubted++
	d.doubts[dir] = d.doubted
}

// certain makes durable what dir and those above it show, if there is doubt.
func (d *Dir) certain(dir string) error {
	for {
		d.mu.RLock()
		left, doubt := len(d.doubts), d.doubts[dir]
		d.mu.RUnlock()
		if left == 0 {
			return nil
		}
		if doubt > 0 {
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

// allCertain is certain for every directory.
func (d *Dir) allCertain() error {
	d.mu.RLock()
	var all []string
	for dir := range d.doubts {
		all = append(all, dir)
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
	doubt := d.doubts[dir]
	d.mu.RUnlock()
	err := d.syncEntries(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.doubt(dir)
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doubts[dir] == doubt { // none came meanwhile
		delete(d.doubts, dir)
	}
	return err
}

func (d *Dir) syncEntries(dir string) error {
	f, err := d.fsys.Open(dir, ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(f), f.Close())
}
