package durable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Two spare files lie beside a reserved value, "name!0" and "name!1", each as
// large as the largest value. When the medium is full, the value is written into
// a spare, whose blocks exist already, and the spare takes the value's name. That
// frees the value's old file, which is as large from the second time on: so one
// spare can always be made good again.
var spareSuffixes = [2]string{"!0", "!1"}

func isSpare(file string) bool { _, ok := spareOf(file); return ok }

// spareOf returns the name of the value that file is a spare of.
func spareOf(file string) (value string, ok bool) {
	for _, suffix := range spareSuffixes {
		if value, ok := strings.CutSuffix(file, suffix); ok {
			return value, true
		}
	}
	return "", false
}

// Reserve implements [Reserver]. Call it at every start: it costs nothing when
// the reserve is whole. Of two sizes the larger counts.
//
// On a copy-on-write file system (btrfs, UBIFS, F2FS) old blocks are not reused
// in place; there the spare is given up first and its space used, which another
// process may take in between. The reserve is filled with random bytes, so that
// compression does not shrink it.
func (d *Dir) Reserve(ctx context.Context, name string, size int) error {
	return d.change(ctx, "reserve", name, nil, func() error { return d.reserve(name, size) })
}

func (d *Dir) reserve(name string, size int) error {
	if size < 1 || size > MaxValue {
		return fmt.Errorf("%d bytes, want 1 to %d: %w", size, MaxValue, fs.ErrInvalid)
	}
	if err := d.makeParents(name); err != nil {
		return err
	}
	d.mu.RLock()
	size = max(size, d.reserved[name])
	d.mu.RUnlock()
	if err := d.restore(name, size); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reserved[name] = size
	return nil
}

// restore makes the spares that are missing or too small.
func (d *Dir) restore(name string, size int) error {
	if err := d.certain(path.Dir(name)); err != nil {
		return err
	}
	have := map[string]int64{}
	infos, err := d.fsys.List(path.Dir(name))
	if err != nil {
		return err
	}
	for _, in := range infos {
		have[in.Name] = in.Size
	}
	for _, suffix := range spareSuffixes {
		spare := name + suffix
		if have[path.Base(spare)] >= int64(size+recordOverhead) {
			continue
		}
		fill := make([]byte, size+recordOverhead)
		rand.Read(fill)
		if err := d.replace(spare, fill); err != nil {
			return err
		}
	}
	return nil
}

// restoreReserves makes good at open what was used up; it is no reason not to
// open.
func (d *Dir) restoreReserves() {
	for _, name := range slices.Sorted(maps.Keys(d.reserved)) {
		if d.restore(name, d.reserved[name]) != nil {
			d.count(func(s *Stats) { s.ReservesMissing++ })
		}
	}
}

// replaceInReserve puts raw into a spare of name. It returns full, the error that
// led here, if there is none.
func (d *Dir) replaceInReserve(name string, raw []byte, full error) error {
	d.mu.RLock()
	size, ok := d.reserved[name]
	d.mu.RUnlock()
	if !ok || len(raw) > size+recordOverhead {
		return full
	}
	for _, suffix := range spareSuffixes {
		err := d.useSpare(name, name+suffix, raw)
		if err == nil {
			d.count(func(s *Stats) { s.ReservesUsed++ })
			if d.restore(name, size) != nil {
				d.count(func(s *Stats) { s.ReservesMissing++ })
			}
			return nil
		}
		// Another process may have taken what the first one freed.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrFull) {
			return err
		}
	}
	return full
}

func (d *Dir) useSpare(name, spare string, raw []byte) error {
	err := d.overwrite(spare, raw)
	if errors.Is(err, ErrFull) { // copy-on-write: give the space back, then write
		if err := errors.Join(d.fsys.Remove(spare), d.syncDir(path.Dir(spare))); err != nil {
			return err
		}
		return d.replace(name, raw)
	}
	if err != nil {
		return err
	}
	if err := d.changing(path.Dir(name), func() error { return d.fsys.Rename(spare, name) }); err != nil {
		return err
	}
	return d.syncDir(path.Dir(name))
}

func (d *Dir) overwrite(spare string, raw []byte) error {
	f, err := d.fsys.Open(spare, ReadWrite)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(raw, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(d.sync(f), f.Close())
}
