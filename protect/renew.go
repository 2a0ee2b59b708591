package protect

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
)

// Renew encrypts anew, under new keys, what still has keys that an earlier key store had
// ([Report].Inherited): what [Migrate] or [Recover] could not do, or were kept from. It is
// maintenance by the process that owns the data, and asks for no permission.
//
// Each compartment is encrypted anew as a whole, or not: one with a value or stream that
// cannot be read, or with a log that is open, stays, and is named by the error after the
// others are done. While it is its turn, what uses the compartment gets
// [ErrUnavailable], and so does afterwards who has opened it before: open it again.
func (v *Vault) Renew(ctx context.Context) error {
	if err := v.renew(ctx); err != nil {
		return fmt.Errorf("protect: renew: %w", err)
	}
	return nil
}

func (v *Vault) renew(ctx context.Context) error {
	v.renewing.Lock()
	defer v.renewing.Unlock()
	old, err := v.inherited(ctx)
	if len(old) == 0 || err != nil {
		return err
	}
	var errs []error
	for _, e := range old {
		if err := v.renewOne(ctx, e); err != nil {
			errs = append(errs, fmt.Errorf("compartment %v: %w", e.class, err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, v.newGeneration(ctx)) // the tables with the old keys are dead
	}
	return errors.Join(errs...)
}

// inherited returns the compartments that are to be encrypted anew, after the vault was
// prepared for changes.
func (v *Vault) inherited(ctx context.Context) (old []entry, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	for _, e := range v.live.entries {
		if e.old() && !e.erasing() {
			old = append(old, e)
		}
	}
	switch h := v.dir.Held(); {
	case len(old) == 0:
	case h != nil:
		return nil, fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
	case v.count != nil && !v.burned.Load():
		_, err = v.anchor(ctx)
	}
	return old, err
}

// renewOne encrypts one compartment anew, beside it, and puts the copy in its place.
func (v *Vault) renewOne(ctx context.Context, e entry) error {
	fresh := entry{id: newID(), class: e.class, state: stateLive, marks: e.marks &^ markOld, key: newKey(), subject: e.subject}
	c, src, dst := v.beginCopy(e, &fresh)
	if c == nil {
		return nil // erased meanwhile
	}
	err := copyAll(ctx, &Compartment{v, src}, &Compartment{v, dst})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.copying = id{}
	if err == nil {
		err = v.replace(ctx, e.id, fresh, dst)
	}
	done := v.live.has(fresh.id) // whatever the answer was
	if !done && v.cells[e.id] == c {
		c.renewed.Store(false)
		c.gone.Store(v.closed || v.live.isErasing(e.id))
	}
	if done || !v.unsettled {
		v.sweep(ctx)
	}
	if done || !v.closed && !v.live.has(e.id) { // erased meanwhile
		return nil
	}
	return err
}

// beginCopy keeps everybody else out of a compartment. It returns its cell, another one of
// the same, and an empty one. After it nobody is in it.
func (v *Vault) beginCopy(e entry, fresh *entry) (c, src, dst *cell) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c = v.cells[e.id]
	if c == nil || c.gone.Load() {
		return nil, nil, nil
	}
	c.renewed.Store(true)
	c.gone.Store(true)
	fresh.made, fresh.fresh, v.copying = v.live.gen, v.live.tag, fresh.id
	src, dst = newCell(e), newCell(*fresh)
	src.index, dst.free = c.index, true
	if v.count != nil {
		dst.index = newIndex()
		dst.index.empty(fresh.fresh)
	}
	return c, src, dst
}

// replace puts a copy in the place of the compartment old. Under v.mu.
func (v *Vault) replace(ctx context.Context, old id, e entry, c *cell) error {
	if err := v.ready(ctx); err != nil {
		return err
	}
	next := v.live.without(v.live.gen, func(e entry) bool { return e.id == old && !e.erasing() })
	if len(next.entries) == len(v.live.entries) {
		return fmt.Errorf("erased meanwhile: %w", ErrMissing)
	}
	c.free = false
	(&Compartment{v, c}).shrunk() // it is measured again
	next = next.with(v.live.gen, e)
	if err := v.escrow(ctx, next); err != nil {
		return err
	}
	v.cells[e.id] = c
	err := v.put(ctx, next)
	if err != nil && !v.live.has(e.id) {
		delete(v.cells, e.id)
		if serr := v.settle(ctx); serr != nil {
			return errors.Join(err, serr)
		}
	}
	return err
}

// put writes next, of the present generation, as the table.
func (v *Vault) put(ctx context.Context, next *table) error {
	if v.count == nil {
		if err := v.medium().Put(ctx, v.hdr.tableName(next.gen), next.seal(v.hdr, v.root, v.blob)); err != nil {
			v.unsettled = true
			return err
		}
		v.adopt(next, v.root, v.blob)
		return nil
	}
	if err := v.counted(ctx); err != nil {
		return err
	}
	next.tag++
	if _, err := v.writeIndexes(ctx, next); err != nil { // what could not be is told by the next anchor
		return err
	}
	return v.commit(ctx, next)
}

// newGeneration makes every table from before one that does not open.
func (v *Vault) newGeneration(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.ready(ctx)
	if err == nil {
		err = v.rotate(ctx)
	}
	return err
}

// countFiles counts what a compartment holds. What the medium does not tell is not there.
func (v *Vault) countFiles(ctx context.Context, e entry) int {
	files, err := durable.Entries(ctx, v.medium(), path.Dir(e.id.path("x")))
	if err != nil {
		return 1 // something
	}
	return len(files)
}
