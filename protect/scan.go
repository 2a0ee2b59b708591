package protect

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
)

// finder is told of each file that a scan comes upon, and how to remove it.
type finder func(name string, version uint64, err error, remove func(context.Context, string) error) error

// scan makes the index of c exact: what was written since the anchor is in it, and what
// is not right stays out. Under v.mu.
func (v *Vault) scan(ctx context.Context, c *cell) error {
	if c.index.known() {
		return nil
	}
	most := uint64(0)
	found := func(name string, version uint64, err error, remove func(context.Context, string) error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist), isUnreadable(err): // as if it were not there
			return nil
		case err != nil:
			return err
		case c.index.buried(path.Base(name), version): // its removal was cut
			return remove(ctx, name)
		}
		c.index.found(path.Base(name), version)
		most = max(most, version)
		return nil
	}
	names, err := v.medium().List(ctx, c.id.path(""))
	if err != nil {
		return err
	}
	for _, name := range names {
		version, err := c.versionAt(ctx, v.medium(), name)
		if err := found(name, version, err, v.medium().Delete); err != nil {
			return err
		}
	}
	if c.class != ClassFloor {
		if err := v.scanStreams(ctx, c, found); err != nil {
			return err
		}
	}
	c.index.settle(most & maxSeq)
	return nil
}

func (v *Vault) scanStreams(ctx context.Context, c *cell, found finder) error {
	names, err := v.dir.Files(ctx, c.id.path(""))
	if err != nil {
		return err
	}
	for _, name := range names {
		version, err := (&Compartment{v, c}).streamVersion(ctx, name)
		if err := found(name, version, err, v.dir.RemoveFile); err != nil {
			return err
		}
	}
	return nil
}

// takeAway removes what a removal that failed left: of an object or of a stream.
func (v *Vault) takeAway(ctx context.Context, c *cell) error {
	for _, file := range c.index.leftover() {
		err := v.medium().Delete(ctx, c.id.path(file))
		if err == nil && c.class != ClassFloor {
			err = v.dir.RemoveFile(ctx, c.id.path(file))
		}
		if err != nil {
			return err
		}
		c.index.removed(file)
	}
	return nil
}

// versionAt returns the version of the object at path, which is authentic.
func (c *cell) versionAt(ctx context.Context, s durable.Store, path string) (uint64, error) {
	raw, err := s.Get(ctx, path)
	if err != nil {
		return 0, err
	}
	if _, err := c.nameAt(path, raw); err != nil {
		return 0, err
	}
	o, err := parseObject(raw)
	return o.version, err
}
