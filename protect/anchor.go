package protect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// Anchor binds what the vault holds now to the counter of the key store: from then on an
// older state of a value or stream, or of the disk, is refused, within the limits that
// the package documentation names. It is at most one step of the counter, which wears out:
// [Vault.Run] calls it a few times an hour, and the first change after a start does. While
// it runs nothing else uses the vault.
//
// After an error some compartments are not anchored: on a full medium ([durable.ErrFull]),
// or where something cannot be read, which is told by [Vault.Health] too; while the directory
// is on hold ([durable.ErrHeld]), which the directory tells. A vault over a key store that
// does not count gives an error that is [errors.ErrUnsupported].
func (v *Vault) Anchor(ctx context.Context) error {
	if v.count == nil {
		return fmt.Errorf("protect: anchor: the key store does not count: %w", errors.ErrUnsupported)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.ready(ctx)
	if err == nil {
		var partly error
		partly, err = v.anchor(ctx)
		err = errors.Join(err, partly)
	}
	if err != nil {
		return fmt.Errorf("protect: anchor: %w", err)
	}
	return nil
}

// AnchorEvery is how often [Vault.Run] anchors changes, at most.
const AnchorEvery = 10 * time.Minute

// Run anchors changes every 10 minutes, and removes what is left of erased compartments that
// were large, until ctx ends. What fails is tried again then; [Vault.Health] tells.
func (v *Vault) Run(ctx context.Context) error {
	ticker := time.NewTicker(AnchorEvery)
	defer ticker.Stop()
	v.running.Store(true)
	defer v.running.Store(false)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-v.wake:
			v.sweepAside(ctx)
			continue
		case <-ticker.C:
		}
		if v.count == nil || v.unanchored() == 0 {
			continue
		}
		if err := v.Anchor(ctx); err != nil {
			v.mu.Lock()
			v.unkept = err
			v.mu.Unlock()
		}
	}
}

// unanchored counts the changes since the last anchor that this process knows of.
func (v *Vault) unanchored() (n int64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, c := range v.cells {
		if c.index != nil {
			n += c.index.unanchored()
		}
	}
	return n
}

// burn makes every state of the disk from before this start one that is refused, before
// anything is changed: whoever kept one could else undo what comes now. The compartment c
// is then known exactly.
func (v *Vault) burn(ctx context.Context, c *cell) error {
	if v.count == nil || v.burned.Load() && c.index.known() && !c.index.due() {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return err
	}
	if !v.burned.Load() || c.index.due() {
		if _, err := v.anchor(ctx); err != nil {
			return err
		}
	}
	if c.gone.Load() || c.index.known() {
		return nil
	}
	return v.scan(ctx, c)
}

// anchor writes the indexes, then the table that names them under the next tag, then
// steps the counter. What could not be indexed, as partly says, stays as it was anchored
// before: the disk as it was is refused even so. Under v.mu, ready.
func (v *Vault) anchor(ctx context.Context) (partly, err error) {
	next := v.live.with(v.live.gen)
	if v.opts.protocol != writeThenBump || v.pending == 0 {
		if err := v.counted(ctx); err != nil {
			return nil, err
		}
		next.tag++
	}
	partly, err = v.writeIndexes(ctx, next)
	if err != nil {
		return nil, err
	}
	// A step that anchors nothing wears the counter out.
	if !v.burned.Load() || partly == nil || v.anew(next) {
		if err := v.commit(ctx, next); err != nil {
			return nil, err
		}
	}
	if v.unkept = partly; errors.Is(partly, durable.ErrHeld) {
		v.unkept = nil // the hold is told by the directory
	}
	return partly, nil
}

// anew reports whether next has another index than the table in force, or an index has to
// get versions of another tag.
func (v *Vault) anew(next *table) bool {
	for i, e := range next.entries {
		if e.index != v.live.entries[i].index || v.cells[e.id].index.spent() {
			return true
		}
	}
	return false
}

// commit makes next, which has a new tag, the table, and steps the counter to it.
func (v *Vault) commit(ctx context.Context, next *table) error {
	v.burned.Store(false)
	if v.opts.protocol == bumpThenWrite {
		if _, err := v.count.Increment(ctx); err != nil {
			return keyStoreError("counter", err)
		}
	}
	if err := v.medium().Put(ctx, v.hdr.tableName(next.gen), next.seal(v.hdr, v.root, v.blob)); err != nil {
		v.unsettled = true
		return err
	}
	v.adopt(next, v.root, v.blob)
	v.pending = next.tag
	if err := v.finish(ctx); err != nil {
		v.burned.Store(v.opts.protocol == writeThenBump)
		return err
	}
	v.burned.Store(true)
	v.stats.anchors.Add(1)
	v.clean(ctx)
	return nil
}

// writeIndexes writes the index of every compartment that changed, beside the one in
// force, and notes it in next, which is not shared yet. partly is why the first of those
// compartments in which that is not possible now is left as it was: it keeps no change
// out. A medium that does not take an index does.
func (v *Vault) writeIndexes(ctx context.Context, next *table) (partly, err error) {
	for i := range next.entries {
		e := &next.entries[i]
		c := v.cells[e.id]
		if e.erasing() || c.index.broken() != nil {
			continue
		}
		left := v.makeExact(ctx, c)
		c.index.passed(errors.Is(left, durable.ErrHeld))
		if left == nil {
			left, err = v.writeIndex(ctx, c, e, next.tag)
		}
		if err != nil {
			return nil, err
		}
		if left != nil && (partly == nil || errors.Is(partly, durable.ErrHeld)) {
			partly = fmt.Errorf("compartment %v: %w", c.class, left)
		}
	}
	return partly, nil
}

// makeExact says why the index of c does not say all.
func (v *Vault) makeExact(ctx context.Context, c *cell) error {
	if h := v.dir.Held(); h != nil && c.class != ClassFloor {
		return fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
	}
	if err := v.scan(ctx, c); err != nil {
		return err
	}
	return v.clear(ctx, c)
}

func (v *Vault) writeIndex(ctx context.Context, c *cell, e *entry, tag uint64) (full, err error) {
	if c.index.changed() || v.accepting {
		raw, err := c.sealIndex(e.index + 1)
		if err == nil {
			err = v.medium().Put(ctx, e.id.indexName(e.index+1), raw)
		}
		if errors.Is(err, durable.ErrFull) {
			return err, nil
		}
		if err != nil {
			return nil, err
		}
		e.index, e.digest = e.index+1, sha256.Sum256(raw)
	}
	e.fresh = tag
	return nil, nil
}

// clean removes the marks of what is no longer in any index. What stays is removed by the
// next anchor, and means nothing.
func (v *Vault) clean(ctx context.Context) {
	marked := v.indexed(ctx)
	for _, e := range v.live.entries {
		if e.fresh == v.live.tag && slices.Contains(marked, e.id.String()) {
			_ = durable.RemoveAll(ctx, v.medium(), indexTop+e.id.String())
		}
	}
}
