package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// scan makes the index of c exact: what was written since the anchor is in it, and what
// is not right stays out. What the medium does not give is remembered, and keeps nothing
// else from being used. Under v.mu.
func (v *Vault) scan(ctx context.Context, c *cell) error {
	if c.index.known() {
		return nil
	}
	names, err := v.medium().List(ctx, c.id.path(""))
	var streams []string
	if err == nil && c.class != ClassFloor {
		streams, err = v.dir.Files(ctx, c.id.path(""))
	}
	if err != nil {
		return err
	}
	for _, name := range append(names, streams...) {
		if err := v.inspect(ctx, c, path.Base(name)); err != nil {
			return err
		}
	}
	c.index.settle()
	return nil
}

// inspect tells the index what a file has, and ends a removal of it that was cut. An error
// is that of ctx.
func (v *Vault) inspect(ctx context.Context, c *cell, file string) error {
	version, err := v.versionOf(ctx, c, file)
	if err == nil && c.index.buried(file, version) {
		err = v.takeAway(ctx, c, file)
		version = 0
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.index.refused(file)
	default:
		c.index.found(file, version)
	}
	return nil
}

// clear ends what failed before: removals, puts, and reads of the medium.
func (v *Vault) clear(ctx context.Context, c *cell) error {
	for _, file := range c.index.leftover() {
		if c.writing.has(file) {
			return errors.New("a stream is being written over what could not be removed")
		}
		version, err := v.versionOf(ctx, c, file)
		if err == nil && c.index.buried(file, version) { // else it was put since
			if err = v.takeAway(ctx, c, file); err == nil {
				c.index.drop(file)
			}
		}
		if err != nil {
			return err
		}
		c.index.removed(file)
	}
	for _, file := range c.index.unreadable() {
		if err := v.inspect(ctx, c, file); err != nil {
			return err
		}
	}
	if n := len(c.index.unreadable()); n > 0 {
		return fmt.Errorf("%d values or streams cannot be read", n)
	}
	for _, file := range c.index.expected() {
		if c.writing.has(file) {
			continue
		}
		version, err := v.versionOf(ctx, c, file)
		if err != nil {
			return err
		}
		c.index.resolve(file, version)
	}
	return nil
}

// takeAway removes the object or stream in file.
func (v *Vault) takeAway(ctx context.Context, c *cell, file string) error {
	err := v.medium().Delete(ctx, c.id.path(file))
	if err == nil && c.class != ClassFloor {
		err = v.dir.RemoveFile(ctx, c.id.path(file))
	}
	return err
}

// versionOf returns the version, which is authentic, of the object or stream in file, and
// 0 for one that is not there or not right.
func (v *Vault) versionOf(ctx context.Context, c *cell, file string) (uint64, error) {
	at, version := c.id.path(file), uint64(0)
	raw, err := v.medium().Get(ctx, at)
	if err == nil {
		_, version, err = c.objectAt(at, raw)
	}
	// Of the two that may lie there one is somebody else's, and hides nothing.
	if (errors.Is(err, fs.ErrNotExist) || isUnreadable(err)) && c.class != ClassFloor {
		_, version, err = (&Compartment{v, c}).streamAt(ctx, at)
	}
	if errors.Is(err, fs.ErrNotExist) || isUnreadable(err) {
		return 0, nil
	}
	return version, err
}
