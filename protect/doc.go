// Package protect keeps a device's data sealed, and destroys it by destroying keys
// (27402 5.2.5.1, 5.2.4). [KeyStore] is what a vendor writes over a root of trust;
// [Vault] is what the parts of a device keep their state in.
//
// # What it secures
//
// Everything in a [Compartment], names included, is encrypted and authenticated.
// What is read is what was written under that name in that compartment of that
// vault, or an error: a file that was changed, cut, exchanged with another,
// renamed, or brought from another device gives a sentinel of this package, never
// other bytes; it hides no other value. What is too large for a value is a stream
// ([Compartment.CreateStream]), of which every byte that is read is authentic. Erasing a compartment destroys its key. Over a KeyStore whose
// [Revoker] reaches copies, that closes every image of the disk ever taken, in time
// that does not depend on the size of the data. Options.Quotas bound what a class takes.
//
// # Keys
//
// The root, 32 random bytes for each generation, is sealed by the KeyStore. It wraps
// the key table: one AEAD object with a random key for each class and compartment.
// Nothing below the root is derived from it: what is derived can be derived again. From a
// compartment's key come, by HKDF with a random salt, name and version, the key of
// each object. Files are named by MACs. See format.go for every byte.
//
// # Why an erased compartment stays closed
//
// A table is readable while its generation g is the KeyStore's. Erasing takes two
// advances: first the present table, with the compartment marked, is sealed for g+1
// and g+1 begun; then the table without it is sealed for g+2 and g+2 begun. A table
// that an earlier, interrupted operation had prepared for g+1 may hold the key, and
// dies with g+1. One for g+2 can be prepared only in g+1, where on this disk the compartment
// is marked, and so never holds the key; of other disks see below. Each table is durable
// before its generation begins, so that no power cut leaves a generation without table. The tests play this with an attacker who keeps every
// value ever written, and show that one advance, or advancing before sealing, fails.
//
// # Why an older state stays refused
//
// Over a KeyStore that is a [Counter] each compartment has an index: the version of every
// value and stream. The key table has the digests of the indexes and a tag. To anchor,
// the indexes are written, then the table with a tag one above the counter, then the
// counter is stepped to it. A compartment that cannot be indexed, for a file that does not
// read, stays as it was anchored before, which [Vault.Health] tells. What opens is the table
// whose tag is the counter's, or one above it, where the power failed in between: then the counter is stepped first, before
// anything changes, and no other table is written under a tag that one in its place has.
// So a disk from before an anchor is refused ([ErrRollback]), but for the branches below.
//
// A version is the tag of its time and a number: what is written after an anchor is above
// all from before it. A file is believed if the index has its version, or if it is newer
// than the anchor. An older one is ErrRollback, one that the index does not have
// [ErrForeign], and one that is gone without a mark of its removal [ErrTampered]. The first
// change of a start anchors, so that no disk from before it can undo the change, and makes
// all indexes exact: from then on what is newer than the anchor is refused, too, unless this
// process wrote it.
//
// What this leaves open: changes since the last anchor, each by itself, can be undone by who
// has the disk while the device is off, until its next first change. [Report].Unanchored
// counts them; [Vault.Run] anchors every 10 minutes, [Vault.Anchor] at once. Each
// anchor is one step of a counter that wears out.
//
// And a counter is only a number. Who cuts the power of a device while it anchors, after the
// table was written, if only beside its place, and before the step of the counter, has a
// table that opens once the same step was made with another one: it undoes what was changed
// since, until the next anchor. In the same way, with three such cuts and somebody who starts a
// rotation, he keeps a disk that opens the data that was erased last, over any Revoker,
// until the next erasure or rotation. TestLimitBranchedAnchor and
// TestLimitBranchedErasure do both.
//
// The first change of a start reads every value once, and the head of every stream: some
// 15 ms for 1,000 values on the machine of the benchmarks, much more on slow flash. After a foreign step of the counter, or
// when only an older disk is left, [Reanchor] goes on from there, with somebody present.
// TestRollbackModel plays this against an attacker who puts back disks and files, and
// finds the faults of six protocols that are wrong.
//
// # Another key store
//
// [Migrate] moves a vault to a key store that is no weaker: from software to a root of trust.
// Root and keys are new, and everything is encrypted anew ([Vault.Renew]), since the old
// keys have lain on the medium; images from before open with them for good, which Report
// and Method say. A root of trust that shows an earlier life is refused: a vault with keys in
// software may be a stranger's. With Options.Escrow the keys of settings, identity and
// security parameters, and never of persons, are sealed for somebody outside, so that
// [Recover] brings them back when a key store is lost: package protect/recovery. The
// record has no key of what was erased when that is acknowledged; an image from before may,
// for who can open it, so that Method is "clear" for what was ever escrowed.
//
// # What it does not secure yet
//
//   - Whoever cuts the power and exchanges disks, again and again: see above.
//   - Rollback over a KeyStore that does not count, such as backends/softkeys: an older
//     copy of one object or stream, a deleted one put back, or a whole disk of the same
//     generation, is not noticed: [Report] says so.
//   - Logs: one that was cut at its end, or replaced by an older copy, is not in the index.
//   - Keys in software. Over backends/softkeys whoever has the whole medium has the
//     data, an old image opens after an erasure, and an earlier life is not seen.
//     Report and [Method] say "clear: live copies only". The same holds for a
//     KeyStore without Revoker.
//   - Attestation.
//   - The number, size and times of change of values show.
//   - Absence. Without a Counter a value whose file was removed looks like
//     one that was never stored; so does one that [Compartment.Repair] gave up. Names of reserves are not kept: see [Compartment.Entries].
//   - A process with the device's own rights: it uses the keys while the vault is open. Keys in
//     memory are forgotten by [Vault.Close], not overwritten.
//
// # Threats
//
// A disk read, changed, moved or cloned; files exchanged within it; an image from
// before an erasure; a table prepared and abandoned; a KeyStore replaced, cleared, or
// exchanged for software (refused, never a fresh start); state removed while the
// KeyStore remembers an earlier life ([ErrTampered]); a request on its way that would
// bring an erased subject back ([Vault.Subject]). Code in the device's own
// process is trusted: typed reads ask nobody, destruction asks by access.Check.
//
// # Power cuts
//
// Every change leaves the old or the new state, and what was acknowledged is kept, with one
// exception: on a medium that is too full for the mark of a removal, what was anchored and is
// removed may be told as [ErrTampered] after a cut, until it is removed again, or put.
// [Compartment.RemoveAll] and [Compartment.Repair] are many such changes.
// [Open] finishes an erasure whose first advance has happened; one whose first
// advance has not happened did not begin. Provision is repeated when it was
// interrupted. Space for two key tables is reserved, so that an erasure ends on a
// full medium. While the directory is on hold only [ClassFloor] works.
//
//	keys, err := softkeys.Open(ctx, dir, nil)       // or a root of trust
//	...
//	vault, err := protect.Open(ctx, dir, keys, nil) // in the factory: Provision
//	...
//	settings, err := vault.Compartment(ctx, protect.ClassSettings)
//	...
//	err = settings.Put(ctx, "network/wifi", passphrase)
//	...
//	method, err := vault.Erase(ctx, "alice")        // after vault.Guard(guard)
package protect
