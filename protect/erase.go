package protect

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// Method says what an erasure really did, in words for a receipt (NIST SP 800-88:
// purge, clear). It is never more than the key store can do.
type Method string

// The methods.
const (
	// MethodPurge: the keys are dead in the key store, so that every copy of the
	// data is closed, also in images of the disk taken before. The package
	// documentation names the one way around it, by cuts of the power.
	MethodPurge Method = "purge: keys destroyed, every copy closed"
	// MethodClear: the keys are gone from the running medium; an image of it taken
	// before, or remnants in its free space, open the data.
	MethodClear Method = "clear: live copies only"
	// MethodNothing: no key was destroyed, for there was none. It says nothing of
	// copies: a disk that was put aside while the data was on it is not closed.
	MethodNothing Method = "nothing was found to erase"
)

// method is what an erasure of this vault is worth when it destroys a key.
func (v *Vault) method() Method {
	if v.rev != nil && v.info.Advance == ReachCopies {
		return MethodPurge
	}
	return MethodClear
}

// Authority is the right under which something is destroyed: the permission that
// the entity in the context must hold, and on what.
type Authority struct {
	Permission access.Permission
	Resource   string
}

// Erase destroys the user data of subjects by destroying their keys (27402
// 5.2.4), in time that does not depend on how much there is. The entity in ctx
// needs [access.EraseSubject] on each of them; to name none gives an error that is
// [fs.ErrInvalid]. When none of them has data the method is [MethodNothing]. nil
// means that no restart brings the data back; then the files are removed, those of
// a log that is open at the next erasure after its Close. Calls at the same time
// share the work.
//
// After an error the data of a subject is whole or gone. Its compartment is
// refused while that is not known: call Erase again, also after a restart. If the
// restart has finished the erasure, that finds nothing. Who began before the erasure
// makes no new compartment after it: see [Vault.Subject].
func (v *Vault) Erase(ctx context.Context, subjects ...string) (Method, error) {
	if len(subjects) == 0 {
		return "", fmt.Errorf("protect: erase: no subject: %w", fs.ErrInvalid)
	}
	for _, s := range subjects {
		if err := validSubject(s); err != nil {
			return "", err
		}
		if err := v.check(ctx, access.EraseSubject, s); err != nil {
			return "", fmt.Errorf("protect: erase: %w", err)
		}
	}
	return v.destroy(ctx, subjects, func(e entry) bool {
		return e.class == ClassUserData && slices.Contains(subjects, e.subject)
	})
}

// EraseClasses is Erase for all compartments of classes; [ClassUserData] is every
// subject. The right is [access.EraseAll] for user data alone, or
// [access.ResetRequest] with the scope as resource. [ClassFloor] is refused
// whoever asks (27402 5.2.3.2). An erased class is empty when it is opened again.
func (v *Vault) EraseClasses(ctx context.Context, under Authority, classes ...Class) (Method, error) {
	if len(classes) == 0 {
		return "", fmt.Errorf("protect: erase: no class: %w", fs.ErrInvalid)
	}
	for _, c := range classes {
		userData := c == ClassUserData && under.Permission == access.EraseAll
		if !c.valid() || c == ClassFloor || !userData && under.Permission != access.ResetRequest {
			return "", fmt.Errorf("protect: erase class %v under %s: %w", c, under.Permission, fs.ErrInvalid)
		}
	}
	if err := v.check(ctx, under.Permission, under.Resource); err != nil {
		return "", fmt.Errorf("protect: erase: %w", err)
	}
	whom := []string{} // nobody
	if slices.Contains(classes, ClassUserData) {
		whom = nil
	}
	return v.destroy(ctx, whom, func(e entry) bool { return slices.Contains(classes, e.class) })
}

// Rotate replaces the root and re-seals the key table. The keys of compartments
// stay. The entity in ctx needs [access.ProtectRotate].
func (v *Vault) Rotate(ctx context.Context) error {
	if err := v.check(ctx, access.ProtectRotate, ""); err != nil {
		return fmt.Errorf("protect: rotate: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.ready(ctx)
	if err == nil {
		err = v.rotate(ctx)
	}
	if err != nil {
		return fmt.Errorf("protect: rotate: %w", err)
	}
	return nil
}

// rotate begins a generation. Under v.mu, ready.
func (v *Vault) rotate(ctx context.Context) error {
	gen := v.live.gen
	err := v.step(ctx, v.live.with(gen+1))
	if err == nil {
		return v.dropStale(ctx)
	}
	if v.settle(ctx) == nil && v.live.gen > gen {
		return nil // it did happen
	}
	return err
}

// eraseMatching erases under v.mu. match remembers what it found: it is also
// asked before an erasure whose end is not known is finished, which may be the one.
func (v *Vault) eraseMatching(ctx context.Context, match func(entry) bool) error {
	v.matching(match)
	if err := v.ready(ctx); err != nil {
		return err
	}
	v.tidy(ctx)
	ids := v.matching(match)
	if len(ids) == 0 {
		return nil
	}
	for _, i := range ids {
		v.cells[i].gone.Store(true)
	}
	if err := v.erase(ctx, ids); err != nil {
		if serr := v.settle(ctx); serr != nil || slices.ContainsFunc(ids, v.live.has) {
			return err
		}
	}
	v.stats.erasures.Add(int64(len(ids)))
	for _, q := range v.quotas {
		q.shrunk()
	}
	v.sweep(ctx)
	return nil
}

func (v *Vault) matching(match func(entry) bool) (ids []id) {
	for _, e := range v.live.entries {
		if e.class != ClassFloor && match(e) {
			ids = append(ids, e.id)
		}
	}
	return ids
}

// protocol is how an erasure advances generations, and how a vault is anchored. All but the
// first are wrong;
// tests switch them in, to show that they would be noticed.
type protocol uint8

const (
	twoAdvances protocol = iota
	oneAdvance
	killThenSeal
	aeadOnly
	bumpThenWrite
	writeThenBump
	blindRetry
)

// erase destroys keys. The first advance kills every table that was prepared for
// the next generation and abandoned, and so may hold the keys; the second kills
// the table that marks them. What was prepared for the second never held them.
func (v *Vault) erase(ctx context.Context, ids []id) error {
	drop := func(e entry) bool { return slices.Contains(ids, e.id) }
	gen := v.live.gen
	switch {
	case v.rev == nil, v.opts.protocol == oneAdvance:
		return v.stepAndDrop(ctx, v.live.without(gen+1, drop))
	case v.opts.protocol == killThenSeal:
		if err := v.advance(ctx, gen+1); err != nil {
			return err
		}
		return v.stepAndDrop(ctx, v.live.without(gen+1, drop))
	}
	if err := v.step(ctx, v.live.marking(gen+1, ids)); err != nil {
		return err
	}
	return v.stepAndDrop(ctx, v.live.without(gen+2, entry.erasing))
}

func (v *Vault) stepAndDrop(ctx context.Context, next *table) error {
	if err := v.step(ctx, next); err != nil {
		return err
	}
	return v.dropStale(ctx)
}

// step makes next the live table, under a new root: first durable beside the
// present one, then the only one that opens. Under v.mu.
func (v *Vault) step(ctx context.Context, next *table) error {
	if v.rev == nil && v.count != nil { // else the table before could be put back until the next anchor
		if err := v.counted(ctx); err != nil {
			return err
		}
		next.tag++
		v.burned.Store(false)
	}
	root, blob, err := v.prepare(ctx, next)
	if err != nil {
		return err
	}
	if v.rev != nil {
		err = v.advance(ctx, next.gen)
	} else {
		err = v.medium().Delete(ctx, v.hdr.tableName(v.live.gen))
	}
	if err != nil {
		return err
	}
	v.adopt(next, root, blob)
	if v.rev == nil && v.count != nil {
		v.pending = next.tag
		err = v.finish(ctx)
		v.burned.Store(err == nil)
		return err
	}
	return nil
}

// prepare writes a table under a new root.
func (v *Vault) prepare(ctx context.Context, next *table) (root *key, blob []byte, err error) {
	if err := v.escrow(ctx, next); err != nil {
		return nil, nil, err
	}
	root = newKey()
	if blob, err = v.sealRoot(ctx, next.gen, root); err != nil {
		return nil, nil, err
	}
	return root, blob, v.medium().Put(ctx, v.hdr.tableName(next.gen), next.seal(v.hdr, root, blob))
}

// advance begins generation gen, also when the answer of the key store gets lost.
func (v *Vault) advance(ctx context.Context, gen uint64) error {
	v.stats.advances.Add(1)
	err := v.rev.Advance(ctx, gen)
	if err == nil {
		return nil
	}
	if now, gerr := v.rev.Generation(ctx); gerr == nil && now == gen {
		return nil
	}
	return keyStoreError("generation", err)
}

func (v *Vault) sealRoot(ctx context.Context, gen uint64, root *key) (blob []byte, err error) {
	if v.rev != nil {
		blob, err = v.rev.SealFor(ctx, gen, root.b[:])
	} else {
		blob, err = v.keys.Seal(ctx, root.b[:])
	}
	if err == nil && (len(blob) == 0 || len(blob) > maxBlob) {
		err = fmt.Errorf("sealed root of %d bytes, want 1 to %d: %w", len(blob), maxBlob, fs.ErrInvalid)
	}
	if err != nil {
		return nil, keyStoreError("root", err)
	}
	return blob, nil
}

// dropStale removes the table before the live one: dead with a Revoker.
func (v *Vault) dropStale(ctx context.Context) error {
	return v.medium().Delete(ctx, v.hdr.tableName(v.live.gen+1)) // the same record as gen-1
}
