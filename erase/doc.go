// Package erase removes a person's data from everywhere on a device (27402 5.2.4).
// [Coordinator] asks each place that keeps some, a [Store], in the order of the
// inventory; a device's vault, its passwords, its roles, its notices and its files
// are such places.
//
// # What it secures
//
// Nothing is forgotten: what lies in the device's directory, and each compartment,
// is claimed by one Store or declared free of user data, else nothing is erased and
// [ErrUnclaimed] names it. Only who holds erase.subject on the subject, or erase.all,
// orders an erasure. It is told as done only when every Store has erased and then
// found nothing any more; one that fails holds back no other. What was done, by the
// method really used, and what stays and why, stands in a receipt that the device
// signs ([VerifyReceipt]).
//
// # What it does not secure
//
//   - A receipt says that the device ran the erasure to its end and how; never that
//     nothing is left. With keys in software a vault answers "clear: live copies
//     only", and the receipt repeats it.
//   - Data elsewhere, in a cloud or an app, unless a Store reaches it.
//   - An inventory that lies: that a claim is of what the Store really keeps.
//   - Who reads the floor compartment sees whose erasure is not finished yet. Receipts
//     and events name nobody: a salted digest, whose salt only the requester has.
//   - What others logged of the person before stays in their log, as what an inventory
//     declares retained.
//
// # Threats
//
// An erasure cut off between two places, or on a full medium; one ordered by somebody
// who may not, or by writing to the medium; a place that a later release adds and
// nobody thinks of; a receipt that claims more than was done, or is another's.
//
// # Power cuts
//
// The order is kept as a mandate in one record before the first Store is asked, so
// that [Coordinator.Resume] finishes it at the next start, whatever became of who
// ordered it: also of somebody who erases himself. The record has its space reserved.
// The end of an erasure and its receipt are one write.
//
//	inventory := erase.Inventory{Root: dir, Places: []erase.Place{
//		{Store: vault.Subjects(), Entries: []string{"vault"}}, // keys first
//		{Store: guard},
//	}, Free: []erase.Free{{Entries: []string{"softkeys"}, Reason: "keys of the vault"}}}
//	eraser, err := erase.Open(ctx, inventory, floor, guard, &erase.Options{Signer: deviceKey})
//	...
//	err = eraser.Resume(ctx) // at the start, before anything else runs
//	...
//	outcome, err := eraser.Request(ctx, erase.Request{Subject: "alice", Reason: "she moved out"})
package erase
