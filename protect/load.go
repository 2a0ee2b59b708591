package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
)

// loaded is a vault's state as found.
type loaded struct {
	hdr     header
	live    *table
	root    *key
	blob    []byte
	pending uint64 // tag to which the counter is to be stepped
	raw     []byte // file of the live table
	stale   string // record of a table that is not live, or ""
}

// load reads the state and finishes an erasure that was begun.
func (v *Vault) load(ctx context.Context) error {
	l, err := v.read(ctx)
	if errors.Is(err, errUnmoved) {
		if err = v.advance(ctx, 1); err == nil {
			l, err = v.read(ctx)
		}
	}
	if err != nil {
		return err
	}
	v.hdr, v.pending = l.hdr, l.pending
	v.adopt(l.live, l.root, l.blob)
	if err := v.loadIndexes(ctx); err != nil {
		return err
	}
	if v.live.pending() > 0 {
		if err := v.finish(ctx); err != nil {
			return err
		}
		if err := v.step(ctx, v.live.without(v.live.gen+1, entry.erasing)); err != nil {
			return fmt.Errorf("finish an erasure: %w", err)
		}
		err = v.dropStale(ctx)
	} else if l.stale != "" {
		err = v.medium().Delete(ctx, l.stale)
	}
	if err == nil {
		v.loadEscrow(ctx)
	}
	return err
}

// settle finds out what an operation that failed left on the medium, and makes
// that durable. Under v.mu.
func (v *Vault) settle(ctx context.Context) error {
	v.unsettled = true
	l, err := v.read(ctx)
	if err != nil {
		return err
	}
	// What the operating system shows may still be lost: write it again.
	if err := v.medium().Put(ctx, l.hdr.tableName(l.live.gen), l.raw); err != nil {
		return err
	}
	v.unsettled = false // until what load writes at its end fails
	if err := v.load(ctx); err != nil {
		v.unsettled = true
		return err
	}
	v.sweep(ctx) // it may have finished an erasure
	return nil
}

// read finds the live table and opens it. It changes nothing.
func (v *Vault) read(ctx context.Context) (*loaded, error) {
	s := v.medium()
	hdr, err := loadHeader(ctx, s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, v.nothing(ctx)
	}
	if err == nil {
		err = hdr.matches(v.info)
	}
	if err != nil {
		return nil, err
	}
	l := &loaded{hdr: hdr}
	var sealed sealedTable
	if v.rev != nil {
		sealed, err = v.pickRevocable(ctx, l)
	} else {
		sealed, err = v.pickNewest(ctx, l)
	}
	if err != nil {
		return nil, err
	}
	return l, v.unseal(ctx, l, sealed)
}

func (v *Vault) unseal(ctx context.Context, l *loaded, sealed sealedTable) error {
	secret, err := v.keys.Unseal(ctx, sealed.blob)
	if err != nil {
		return keyStoreError("root", err)
	}
	if len(secret) != keySize {
		return vaultError("root", actKeyStore, fmt.Errorf("%d bytes: %w", len(secret), ErrTampered))
	}
	l.root, l.blob = &key{[keySize]byte(secret)}, sealed.blob
	clear(secret)
	if l.live, err = sealed.open(l.hdr, l.root); err != nil {
		return vaultError("key table", actReprovision, err)
	}
	return v.compare(ctx, l)
}

// compare says what the counter makes of the table.
func (v *Vault) compare(ctx context.Context, l *loaded) error {
	if v.count == nil {
		if l.live.anchored && v.opts.protocol != aeadOnly {
			return vaultError("key store", actKeyStore, fmt.Errorf("it does not count, the vault is anchored: %w", ErrForeign))
		}
		return nil
	}
	value, err := v.count.Value(ctx)
	if err != nil {
		return keyStoreError("counter", err)
	}
	l.pending, err = l.live.state(value)
	if v.accepting && (err == nil || errors.Is(err, ErrRollback)) {
		l.live.accept(value, err != nil)
		return nil
	}
	switch {
	case errors.Is(err, ErrLost):
		return vaultError("counter", actKeyStore, err)
	case err != nil:
		return vaultError("key table", actReanchor, err)
	}
	return nil
}

// accept makes t the state that is right, whatever age it has, which every table from now
// on counts; if it is old, as if it had been anchored at value. What was in an index is no
// more than what is there.
func (t *table) accept(value uint64, old bool) {
	t.accepted++
	t.anchored = true
	for i := range t.entries {
		t.entries[i].fresh = 0
	}
	if old {
		t.tag = value
	}
}

// nothing says what it means that there is no header.
func (v *Vault) nothing(ctx context.Context) error {
	if v.rev != nil {
		gen, err := v.rev.Generation(ctx)
		if err != nil {
			return keyStoreError("generation", err)
		}
		if gen > 0 {
			return vaultError("header", actReprovision, fmt.Errorf("no state, but the key store is in generation %d: %w", gen, ErrTampered))
		}
	}
	used, err := v.directories(ctx)
	if err != nil {
		return err
	}
	if len(used) > 0 {
		return vaultError("header", actReprovision, fmt.Errorf("%d compartments without header: %w", len(used), ErrTampered))
	}
	return vaultError("header", actProvision, fmt.Errorf("not provisioned: %w", ErrMissing))
}

// tableAt returns the table's file in the record for gen; none is nil.
func (v *Vault) tableAt(ctx context.Context, h header, gen uint64) (raw []byte, sealed sealedTable, err error) {
	raw, err = v.medium().Get(ctx, h.tableName(gen))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sealed, nil
	}
	if err == nil {
		sealed, err = parseTable(raw)
	}
	if errors.Is(err, durable.ErrCorrupt) {
		err = vaultError("key table", actReprovision, fmt.Errorf("%w: %v", ErrTampered, err))
	}
	return raw, sealed, err
}

// pickRevocable takes the table of the generation that the key store is in.
func (v *Vault) pickRevocable(ctx context.Context, l *loaded) (sealed sealedTable, err error) {
	gen, err := v.rev.Generation(ctx)
	if err != nil {
		return sealed, keyStoreError("generation", err)
	}
	// The other record holds what is dead or was abandoned, so damage in it does
	// not matter; it only explains why there is no live one.
	otherRaw, other, otherErr := v.tableAt(ctx, l.hdr, gen+1)
	if otherRaw != nil || otherErr != nil {
		l.stale = l.hdr.tableName(gen + 1)
	}
	if gen == 0 {
		return sealed, v.unbegun(ctx, l.hdr, other)
	}
	if l.raw, sealed, err = v.tableAt(ctx, l.hdr, gen); err != nil {
		return sealed, err
	}
	found := sealed.gen
	if l.raw == nil {
		found = other.gen
	}
	switch {
	case found == 0:
		return sealed, vaultError("key table", actReprovision, fmt.Errorf("none, but the key store is in generation %d: %w", gen, ErrTampered))
	case found < gen:
		return sealed, vaultError("key table", actReprovision, fmt.Errorf("of generation %d, the key store is in %d: %w", found, gen, ErrRollback))
	case found > gen:
		return sealed, vaultError("key table", actKeyStore, fmt.Errorf("of generation %d, the key store is only in %d: %w", found, gen, ErrLost))
	}
	return sealed, nil
}

// pickNewest takes the newer of the tables there are: without revocation nothing
// else tells them apart.
func (v *Vault) pickNewest(ctx context.Context, l *loaded) (sealed sealedTable, err error) {
	var tables [2]sealedTable
	var raws [2][]byte
	for i := range tables {
		if raws[i], tables[i], err = v.tableAt(ctx, l.hdr, uint64(i)); err != nil {
			return sealed, err
		}
	}
	newer := 0
	if tables[1].gen > tables[0].gen {
		newer = 1
	}
	if raws[newer] == nil {
		return sealed, vaultError("key table", actReprovision, fmt.Errorf("header without key table: %w", ErrTampered))
	}
	if tables[newer].gen%2 != uint64(newer) {
		return sealed, vaultError("key table", actReprovision, fmt.Errorf("in the place of another: %w", ErrForeign))
	}
	if raws[1-newer] != nil {
		l.stale = l.hdr.tableName(uint64(1 - newer))
	}
	l.raw = raws[newer]
	return tables[newer], nil
}

// adopt makes a table the vault's. Under v.mu, or before the vault is shared.
func (v *Vault) adopt(t *table, root *key, blob []byte) {
	v.live, v.root, v.blob = t, root, blob
	for i, c := range v.cells {
		if !t.has(i) {
			c.gone.Store(true)
			delete(v.cells, i)
		}
	}
	for _, e := range t.entries {
		c := v.cells[e.id]
		if c == nil {
			c = newCell(e)
			if v.count != nil {
				c.index = newIndex()
			}
			v.cells[e.id] = c
		}
		if c.index != nil && !c.index.notRead() {
			c.index.stepped(t.tag)
			c.index.rebase(e.fresh)
		}
		c.gone.Store(e.erasing() || c.renewed.Load())
	}
}
