package update

import (
	"context"
	"fmt"
	"slices"
)

// newestName is where the newest release document that was verified is kept, installed
// or not: what the vendor revoked in it stays revoked while he cannot be asked.
const newestName = "update/newest"

// remember keeps a document that was just verified. That it could not be kept is told by
// Health: who checks learns of the release all the same.
func (u *Updater) remember(ctx context.Context, o *offer) {
	if err := u.noting.take(ctx); err != nil {
		return
	}
	defer u.noting.give()
	if have, err := u.read(ctx, newestName); err == nil && have.digest == o.digest {
		return
	}
	if !u.listed(ctx, o) {
		return // another check has found a newer one meanwhile
	}
	err := u.store.Put(ctx, newestName, o.document)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unkept = err
}

// listed reports whether the verified metadata lists the document of o now.
func (u *Updater) listed(ctx context.Context, o *offer) bool {
	t, err := u.parts.Trust.Find(ctx, ReleasePath(u.parts.Product, u.parts.Channel))
	return err == nil && t.Digest == o.digest
}

// read returns the release whose document is kept under name, verified by nobody.
func (u *Updater) read(ctx context.Context, name string) (*offer, error) {
	document, err := u.store.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return parseOffer(document)
}

// kept returns the release that is being installed, or was last.
func (u *Updater) kept(ctx context.Context) (*offer, error) { return u.read(ctx, releaseName) }

// told returns the kept release if the verified metadata lists it, for a [Gate], and one
// without any field if not.
func (u *Updater) told(ctx context.Context) *Release {
	if o, err := u.kept(ctx); err == nil && u.listed(ctx, o) {
		return o.Release
	}
	return &Release{}
}

// revoked says whether the vendor has revoked a release, by what he says now or, where he
// cannot be asked or sends what does not verify, by what he said last. The document
// that was kept need not be listed any more: it revokes until a newer one is there, and
// who forges it can at most give a release up that is not confirmed.
func (u *Updater) revoked(ctx context.Context, now *offer, number uint64, document Digest) error {
	if now == nil {
		last, err := u.read(ctx, newestName)
		if err != nil {
			return nil //nolint:nilerr // nothing was revoked, as far as can be known
		}
		now = last
	}
	if now.revokes(number, document) {
		return fmt.Errorf("revoked by %s: %w", now.Version, ErrBlocked)
	}
	return nil
}

func (r *Release) revokes(number uint64, document Digest) bool {
	return slices.Contains(r.BlockedNumbers, number) || slices.Contains(r.Blocked, document)
}

// armedRevoked is revoked for what is armed, as far as its document is there: what
// was forged shows when it is started, by the number compiled into it.
func (u *Updater) armedRevoked(ctx context.Context, now *offer) error {
	j, number := u.current(), uint64(0)
	if o, err := u.kept(ctx); err == nil && o.digest == j.Document {
		number = o.Number
	}
	return u.revoked(ctx, now, number, j.Document)
}

// disarmRevoked takes back what is armed and was revoked since.
func (u *Updater) disarmRevoked(ctx context.Context, now *offer) (done bool, err error) {
	why := u.armedRevoked(ctx, now)
	if why == nil {
		return false, nil
	}
	return true, u.abandon(ctx, clean(why.Error()), nil)
}
