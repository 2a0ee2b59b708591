// Package tuf is an update.Trust: it follows a repository of The Update Framework
// and says which files the vendor offers (27402 5.2.7.1). The checks are go-tuf's;
// fetching, keeping, the walk over roots and the clock are this package's.
//
// What it secures: only what a threshold of the vendor's keys signed is offered, by
// length and SHA-256; nothing older than what was seen; nothing surely expired; and
// timestamp, snapshot and targets belong together. Stolen keys of one role, other
// than root, are not enough, and a new root takes them out of force. Roots are always
// walked from the one that is built into this software.
//
// What it does not: fetch or check targets (package update does), or see through a
// repository whose vendor's root keys were stolen. Without a good clock a server may
// withhold news: see [Options].Clock and [Client.Status]. Whoever may write the Store
// can make the device forget what it saw, unless [Options].Floors are elsewhere.
//
// Still to come: the signed floor target, a file of minimum versions, revoked keys and
// minimum settings that the vendor signs. Until then a device has two security floors
// and not three: those in Options.Floors, and what its running image has compiled in.
//
// Threats: a hostile mirror or proxy (forged, old, mixed, endless, slow answers), a
// restored disk (floors), stolen online keys, metadata made to crash the parser
// (screened before go-tuf sees it), keys of algorithms that are not known yet (read
// over, in all roles).
//
// A power cut at any step of Refresh or Find leaves the set that was kept before or
// the new one, whole; the roots that were verified stay.
//
//	trust, err := tuf.Open(ctx, durable.Sub(dir, "tuf"), source, rootJSON, &tuf.Options{Clock: clock})
//	if err != nil {
//		return err
//	}
//	if err := trust.Refresh(ctx); err != nil && !errors.Is(err, update.ErrUnavailable) {
//		return err
//	}
//	target, err := trust.Find(ctx, update.ReleasePath("gateway", "stable"))
package tuf
