package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// Migrate moves the vault in dir from one key store to another that is no weaker: from
// software to the root of trust that the device, or its software, has got. The root is
// new, and every value, stream and log is encrypted anew, under new keys. It does I/O, in
// proportion to what the vault holds, and needs room for the largest compartment once more.
//
// Call it at a start, before anything is opened, and not while a release is on trial, whose
// predecessor still has to open the vault (protect.migrate of the Interlock); who calls it
// decides, and nobody is asked. A vault that was moved already, or only in part, is opened,
// and the rest done. On an error the vault opens with the one key store or the other: with to, from when
// [Report].KeyStore names it. [Report].Inherited says what is not encrypted anew yet, for
// something in it that cannot be read, or a log that is open: see [Vault.Renew].
//
// What was in images of the medium that were taken before stays readable with from, for
// good: [Report].Moved names it, and the erasure of data from then is never more than
// [MethodClear]. Destroy from afterwards. Keys for signing do not move: the device gets
// a new identity. Space that was reserved for values is to be reserved again.
//
// A key store that shows an earlier life, which may be that of this device before somebody
// exchanged its medium for one with keys in software, is refused ([ErrForeign]),
// unless Options.Presence proves somebody. One that is weaker in any way, or
// has the same name, gives an error that is [fs.ErrInvalid].
//
// A power cut leaves the vault with from, or with to; each compartment encrypted anew as
// a whole, or not yet.
func Migrate(ctx context.Context, dir *durable.Dir, from, to KeyStore, opts *Options) (*Vault, error) {
	v, err := newVault(dir, to, opts)
	if err == nil {
		err = v.migrate(ctx, from)
	}
	if err == nil {
		v.reserve(ctx)
		v.sweep(ctx)
		err = v.renew(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: migrate: %w", err)
	}
	return v, nil
}

func (v *Vault) migrate(ctx context.Context, from KeyStore) error {
	if h := v.dir.Held(); h != nil {
		return fmt.Errorf("%w: %s", durable.ErrHeld, h.Reason())
	}
	hdr, err := loadHeader(ctx, v.medium())
	if err == nil && hdr.matches(v.info) == nil {
		return v.load(ctx)
	}
	old, err := Open(ctx, v.dir, from, &v.opts) // which also says what is wrong with the header
	if err != nil {
		return err
	}
	defer old.Close()
	if err := v.mayFollow(old); err != nil {
		return err
	}
	return v.follow(ctx, old)
}

// mayFollow says why the vault cannot move to the key store of v.
func (v *Vault) mayFollow(old *Vault) error {
	why := ""
	switch {
	case v.info.Name == old.info.Name:
		why = "it has the same name"
	case old.info.Hardware && !v.info.Hardware:
		why = "it is software"
	case old.count != nil && v.count == nil:
		why = "it does not count"
	case old.info.Advance > v.info.Advance:
		why = "its revocation does not reach as far"
	case len(old.hdr.earlier()) == maxMoves:
		why = "the vault was moved too often"
	default:
		return nil
	}
	return fmt.Errorf("from %q to %q: %s: %w", old.info.Name, v.info.Name, why, fs.ErrInvalid)
}

// follow makes the table of old that of v. The header decides which of the two counts: it
// is written behind the table, and before the first generation of a key store that had none. Open
// begins that, so that a cut between leaves no key store that looks used.
func (v *Vault) follow(ctx context.Context, old *Vault) error {
	next, err := v.inherit(ctx, old)
	if err != nil {
		return err
	}
	v.hdr = header{
		ID: old.hdr.ID, KeyStore: v.info.Name, Hardware: v.info.Hardware,
		From: strings.Join(append(old.hdr.earlier(), old.info.Name), ","),
	}
	return v.beginOver(ctx, next)
}

// beginOver makes next the first table over the key store of v, and v.hdr the header.
func (v *Vault) beginOver(ctx context.Context, next *table) error {
	v.recovery = true // of the key store before
	root, blob, err := v.prepare(ctx, next)
	if err == nil && v.rev != nil && next.gen > 1 {
		err = v.advance(ctx, next.gen)
	}
	if err == nil {
		err = headerValue(v.medium()).Store(ctx, v.hdr)
	}
	if err == nil && v.rev != nil && next.gen == 1 {
		err = v.advance(ctx, 1)
	}
	if err != nil {
		return err
	}
	v.adopt(next, root, blob)
	if v.count == nil {
		return nil
	}
	v.pending, v.accepting = next.tag, true
	defer func() { v.accepting = false }()
	return v.loadIndexes(ctx)
}

// inherit returns the first table over the key store of v.
func (v *Vault) inherit(ctx context.Context, old *Vault) (*table, error) {
	if err := v.mayBeginOver(ctx); err != nil {
		return nil, err
	}
	first, err := v.firstTable(ctx)
	if err != nil {
		return nil, err
	}
	next := first.with(first.gen, old.live.entries...)
	next.accepted = old.live.accepted
	for i := range next.entries {
		e := &next.entries[i]
		e.marks |= markOld | markMoved
		e.made, e.fresh, e.index, e.digest = next.gen, 0, 0, [len(e.digest)]byte{}
	}
	return next, nil
}

// mayBeginOver says why the key store cannot be that of a vault that was not over it: it
// shows an earlier life, and nobody is present.
func (v *Vault) mayBeginOver(ctx context.Context) error {
	if v.rev == nil {
		return nil
	}
	gen, err := v.rev.Generation(ctx)
	switch {
	case err != nil:
		return keyStoreError("generation", err)
	case gen == 0:
		return nil
	case v.opts.Presence == nil:
		return vaultError("key store", actReprovision, fmt.Errorf("it is in generation %d of an earlier life: %w", gen, ErrForeign))
	}
	return v.prove(ctx)
}

// errUnmoved: a move was cut between its header and the first generation, which load begins.
var errUnmoved = fmt.Errorf("protect: a move to the key store was interrupted: %w", ErrUnavailable)

// unbegun explains a header beside a key store that never advanced: either its
// provisioning, or a move to it, was cut short, or it is not the one.
func (v *Vault) unbegun(ctx context.Context, h header, other sealedTable) error {
	used, err := v.directories(ctx)
	if err != nil {
		return err
	}
	if len(used) > 0 && h.From == "" || other.gen != 1 {
		return vaultError("key store", actKeyStore, fmt.Errorf("it was never provisioned, the vault was: %w", ErrLost))
	}
	// A table that has not begun is not opened even by the key store that sealed it;
	// one that knows its own says whose it is.
	secret, err := v.keys.Unseal(ctx, other.blob)
	clear(secret)
	if errors.Is(err, ErrLost) || errors.Is(err, ErrForeign) || errors.Is(err, ErrUnavailable) {
		return keyStoreError("root", err)
	}
	if h.From != "" {
		return errUnmoved
	}
	return vaultError("header", actProvision, fmt.Errorf("provisioning was interrupted: %w", ErrMissing))
}
