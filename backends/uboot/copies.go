package uboot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// copies are both as they were read.
type copies struct {
	raw    [2][]byte
	cause  [2]error // why a copy is not whole, or nil
	active int      // the one that the boot loader uses
}

func (c copies) flag() byte   { return c.raw[c.active][flagAt] }
func (c copies) data() []byte { return c.raw[c.active][dataAt:] }
func (c copies) whole() bool  { return c.cause[0] == nil && c.cause[1] == nil }

// read reads both copies. That both are damaged is [update.ErrDamaged]. A medium
// that does not answer is no damage: the copy that it holds back may be the one that
// counts.
func read(ctx context.Context, fsys durable.FS, cfg Config) (copies, error) {
	var c copies
	for i, l := range cfg.locations() {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		raw, err := readCopy(fsys, l, cfg.Size)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, io.EOF):
			c.cause[i] = fmt.Errorf("%s, offset %d: it is not there", l.File, l.Offset)
		case err != nil:
			return c, err
		case !crcOK(raw):
			c.cause[i] = fmt.Errorf("%s, offset %d: wrong CRC", l.File, l.Offset)
		}
		c.raw[i] = raw
	}
	switch {
	case c.cause[0] != nil && c.cause[1] != nil:
		return c, fmt.Errorf("%w: %w; %w", update.ErrDamaged, c.cause[0], c.cause[1])
	case c.whole():
		c.active = newer(c.raw[0][flagAt], c.raw[1][flagAt])
	case c.cause[0] != nil:
		c.active = 1
	}
	return c, nil
}

func readCopy(fsys durable.FS, l Location, size int) ([]byte, error) {
	f, err := fsys.Open(l.File, durable.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, size)
	if n, err := f.ReadAt(raw, l.Offset); n < size {
		return nil, err
	}
	return raw, nil
}

// writeCopy writes one copy and makes it durable. A file that is not there is made:
// the second of two may be lost. Then, and after an attempt that may have come no
// further than that, its name must be made durable, too.
func writeCopy(fsys durable.FS, l Location, raw []byte, name bool) error {
	f, err := fsys.Open(l.File, durable.ReadWrite)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = fsys.Open(l.File, durable.Create)
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(raw, l.Offset); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil || !name {
		return err
	}
	return syncName(fsys, l)
}

// syncName makes the name of the file durable.
func syncName(fsys durable.FS, l Location) error {
	dir, err := fsys.Open(path.Dir(l.File), durable.ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
