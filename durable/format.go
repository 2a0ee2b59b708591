package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Format returns the format in which records are written: that of the release
// committed last.
func (d *Dir) Format() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.format
}

// Commit makes release format n the one that is written from now on. Call it
// once the running release is confirmed (marked good in the boot chain): until
// then the release before it can still read everything, so that a failed trial
// falls back to working state. n is Options.Format; there is no way back.
func (d *Dir) Commit(ctx context.Context, n int) error {
	return d.change(ctx, "commit format", "", everyHold(), func() error {
		if n == d.Format() {
			return nil
		}
		if n != d.newest {
			return fmt.Errorf("format %d, this release writes %d or %d: %w", n, d.Format(), d.newest, fs.ErrInvalid)
		}
		return d.writeFormat(n)
	})
}

func (d *Dir) writeFormat(n int) error {
	if err := d.put(formatName, []byte(strconv.Itoa(n))); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.format = n
	return nil
}

// maxFormat is the most bytes of a format number.
const maxFormat = 8

// readFormat refuses what another release wrote, before anything is changed. It
// leaves 0 for a directory that is new.
func (d *Dir) readFormat() error {
	text, err := d.get(formatName)
	if errors.Is(err, fs.ErrNotExist) {
		return d.checkNew()
	}
	if err != nil {
		return fmt.Errorf("%s cannot be read: put it back from an image of this directory, or reset the device: %w", formatName, err)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 {
		return fmt.Errorf("%s says %.20q: put it back from an image of this directory, or reset the device: %w", formatName, text, ErrCorrupt)
	}
	if n > d.newest || n < d.newest-1 {
		return fmt.Errorf("the directory has format %d, this release reads %d and %d: start the release that wrote it: %w",
			n, d.newest-1, d.newest, ErrFormat)
	}
	d.format = n
	return nil
}

// checkNew refuses a directory without format in which there is something already:
// it lost the number, or is not ours at all.
func (d *Dir) checkNew() error {
	infos, err := d.fsys.List(".")
	if err != nil {
		return err
	}
	for _, in := range infos {
		if own := strings.HasPrefix(in.Name, "."); !own && ours(in.Name) {
			return fmt.Errorf("%s is missing beside %s: not a device's directory, or damaged: %w", formatName, in.Name, ErrCorrupt)
		}
	}
	return nil
}
