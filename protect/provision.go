package protect

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
)

// Provision makes the vault in dir, once in the life of a device: in the factory,
// or with somebody present after its state was lost. It makes the compartments of
// all classes but user data, and space for an erasure on a full medium. It does
// I/O. It asks for no permission, since who may do what lies in the vault: do not
// call it by itself at a start.
//
// A vault that opens gives an error that is [io/fs.ErrExist]. Remnants of an
// earlier life, be it only a log, are refused as by [Open], unless Options.Presence proves somebody.
// A key store that is not available is an error to retry. A power cut leaves a
// provisioned vault, or one that Open calls [ErrMissing] and Provision makes anew;
// after an earlier life, one that Open refuses as before.
func Provision(ctx context.Context, dir *durable.Dir, keys KeyStore, opts *Options) (*Vault, error) {
	v, err := newVault(dir, keys, opts)
	if err == nil {
		err = v.provision(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: provision: %w", err)
	}
	v.reserve(ctx)
	v.sweep(ctx)
	return v, nil
}

func (v *Vault) provision(ctx context.Context) error {
	if h := v.dir.Held(); h != nil {
		return fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
	}
	if err := v.mayBegin(ctx); err != nil {
		return err
	}
	i := newID()
	v.hdr = header{ID: hex.EncodeToString(i[:]), KeyStore: v.info.Name, Hardware: v.info.Hardware}
	first, err := v.firstTable(ctx)
	if err != nil {
		return err
	}
	for _, class := range Classes() {
		if class != ClassUserData {
			e := entry{id: newID(), class: class, state: stateLive, made: first.gen, key: newKey(), fresh: first.tag}
			first = first.with(first.gen, e)
		}
	}
	return v.begin(ctx, first)
}

// firstTable returns a table without compartments for the next generation of the key store,
// to be anchored next.
func (v *Vault) firstTable(ctx context.Context) (*table, error) {
	first := &table{gen: 1}
	if v.rev != nil {
		gen, err := v.leaveEarlierLife(ctx)
		if err != nil {
			return nil, err
		}
		first.gen = gen + 1
	}
	if v.count != nil {
		value, err := v.count.Value(ctx)
		if err != nil {
			return nil, keyStoreError("counter", err)
		}
		first.anchored, first.tag = true, value+1
	}
	return first, nil
}

// leaveEarlierLife returns the generation after which the new life begins. A table
// that the earlier life had prepared for its next generation and abandoned would
// open in it: one advance more kills that as well. There is nothing to lose.
func (v *Vault) leaveEarlierLife(ctx context.Context) (uint64, error) {
	gen, err := v.rev.Generation(ctx)
	if err != nil {
		return 0, keyStoreError("generation", err)
	}
	if gen == 0 {
		return 0, nil
	}
	return gen + 1, v.advance(ctx, gen+1)
}

// begin writes the first table, then the header. With a Revoker what counts is the
// advance behind both, without one the header.
func (v *Vault) begin(ctx context.Context, first *table) error {
	if err := v.medium().Delete(ctx, v.hdr.tableName(first.gen+1)); err != nil { // of an earlier life
		return err
	}
	v.recovery = true // likewise
	root, blob, err := v.prepare(ctx, first)
	if err == nil {
		err = headerValue(v.medium()).Store(ctx, v.hdr)
	}
	if err == nil && v.rev != nil {
		err = v.advance(ctx, first.gen)
	}
	if err != nil {
		return err
	}
	v.adopt(first, root, blob)
	if v.count == nil {
		return nil
	}
	for _, c := range v.cells {
		c.index.empty(first.tag)
	}
	v.pending = first.tag
	err = v.finish(ctx)
	v.burned.Store(err == nil)
	return err
}

// mayBegin says why there can be no fresh start.
func (v *Vault) mayBegin(ctx context.Context) error {
	_, err := v.read(ctx)
	switch {
	case err == nil:
		return fmt.Errorf("the vault is provisioned: %w", fs.ErrExist)
	case errors.Is(err, ErrMissing):
		return nil
	case isLost(err) && v.opts.Presence != nil:
		if perr := v.prove(ctx); perr != nil {
			return fmt.Errorf("%v: %w", perr, err)
		}
		return nil
	}
	return err
}

// prove asks that somebody is present.
func (v *Vault) prove(ctx context.Context) error {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	if err := v.opts.Presence.Prove(ctx, challenge); err != nil {
		return fmt.Errorf("presence was not proved: %w", err)
	}
	return nil
}
