package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
)

// What a compartment asks its index, in a vault over a key store that counts.

// change is begin for what changes a value or stream.
func (c *Compartment) change(ctx context.Context, name string) (s durable.Store, done func(), err error) {
	if err := durable.ValidName(name); err != nil {
		return nil, nil, err
	}
	return c.prepare(ctx)
}

// prepare is use for what changes something: the vault stays as it was prepared for that
// until done.
func (c *Compartment) prepare(ctx context.Context) (s durable.Store, done func(), err error) {
	for range maxPrepare {
		s, done, err = c.use(ctx)
		if err != nil || c.c.index == nil || c.v.prepared(c.c) {
			return s, done, err
		}
		done()
		if h := c.v.dir.Held(); h != nil && c.c.class != ClassFloor {
			return nil, nil, fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
		}
		if err := c.v.burn(ctx, c.c); err != nil {
			return nil, nil, err
		}
		if err := c.c.index.broken(); err != nil {
			return nil, nil, &ObjectError{Class: c.c.class, Name: "index", Action: actReanchor, Err: err}
		}
	}
	return nil, nil, fmt.Errorf("anchors fail beside it: %w", ErrUnavailable)
}

// maxPrepare is how often a change waits for an anchor that another then undoes.
const maxPrepare = 8

// prepared reports whether c may be changed without another anchor. In use: so no table
// with another tag is being written.
func (v *Vault) prepared(c *cell) bool {
	return v.burned.Load() && c.index.exactly() && !c.index.due()
}

// openCurrent is openObject for what stands at path now.
func (c *cell) openCurrent(name, at string, raw []byte) ([]byte, error) {
	value, err := c.openObject(name, raw)
	if err != nil || c.index == nil {
		return value, err
	}
	o, err := parseObject(raw)
	if err == nil {
		err = c.index.judge(path.Base(at), o.version)
	}
	if err != nil {
		return nil, err
	}
	return value, nil
}

// judge says what is wrong with the version of a file that is authentic.
func (c *cell) judge(at string, version uint64) error {
	if c.index == nil {
		return nil
	}
	return c.index.judge(path.Base(at), version)
}

// absent says what it means that there is nothing at path, as err says.
func (c *cell) absent(at string, err error) error {
	if c.index == nil {
		return err
	}
	if missing := c.index.missing(path.Base(at)); !errors.Is(missing, fs.ErrNotExist) {
		return missing
	}
	return err
}

// expect gives the version that is written next; counted is that without an index, one
// above what is stored. Under cell.write.
func (c *cell) expect(at string, counted uint64) (uint64, error) {
	if c.index == nil {
		return counted, nil
	}
	c.index.resolve(path.Base(at), counted-1)
	return c.index.expect(path.Base(at))
}

// keep notes that it was written.
func (c *cell) keep(at string, version uint64) {
	if c.index != nil {
		c.index.put(path.Base(at), version)
	}
}

// take removes what is at path by remove, so that it is not missed. Under cell.write.
func (c *Compartment) take(ctx context.Context, at string, remove func() error) error {
	defer c.shrunk()
	x, file := c.c.index, path.Base(at)
	if x == nil {
		return remove()
	}
	version, err := x.next()
	if err != nil {
		return err
	}
	mark := func() error { return nil }
	if x.wantsMark(file) {
		mark = func() error {
			err := c.v.medium().Put(ctx, c.c.id.goneName(file), c.c.sealGone(file, version))
			if err == nil {
				x.bury(file, version)
			}
			return err
		}
	}
	// On a full medium the mark comes after what makes room for it.
	err = mark()
	full := errors.Is(err, durable.ErrFull)
	if err != nil && !full {
		if c.v.medium().Delete(ctx, c.c.id.goneName(file)) != nil { // it may be there
			x.leave(file, version)
		}
		return err
	}
	if err := remove(); err != nil {
		if x.buried(file, version-1) {
			x.leave(file, version) // the next anchor does it
		} else {
			x.wonder(file) // it may be gone
		}
		return err
	}
	if full {
		if err := mark(); err != nil { // it is gone; a start before the next anchor misses it
			x.leave(file, version)
			return err
		}
	}
	x.drop(file)
	return nil
}

// look reads what is at path, by read, which says what is wrong with it. What is read
// beside a change fits to no index: so what seems wrong is read again without one.
func (c *Compartment) look(path string, read func() error) error {
	err := read()
	if !isUnreadable(err) {
		return err
	}
	c.c.write.Lock()
	defer c.c.write.Unlock()
	if err = read(); isUnreadable(err) {
		c.c.known.mark(path, true)
	}
	return err
}
