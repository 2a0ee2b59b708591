// Package eventlog keeps the security events of a device so that they can be trusted
// later (27402 5.2.5.2.2). [Log] is the handler behind the device's *slog.Logger.
//
// # What it secures
//
// Events are on the medium when it matters: a record at [LevelAudit] before Handle
// returns, others within a second or 256 records, and [Sync] tells an operation whose
// event was lost. Records are the leaves of a Merkle tree (RFC 6962), whose root is signed
// by the log's own Ed25519 key, so that whoever has the public key finds a record that was
// changed, removed, moved or brought from another log, and names it: [Verify] on the
// medium, [VerifyExport] on what left the device. The device's own key certifies the
// log's, once (Options.Device), for [VerifyDeviceExport]. [Log.ProveRecord] shows one
// record, and [Log.ProveGrowth] that nothing of an older log was changed, in a kilobyte,
// without the rest. That the oldest records were given up, by [Log.Prune] or overwritten,
// is signed before they go: a log that begins later than that was cut. Secrets and keys
// without a class never get in; persons stay in: an export has a pseudonym or nothing in
// their place, and still verifies, since the tree covers a salted commitment to each such
// value.
//
// # What it does not
//
// Confidentiality on the medium is up to the Store: give it a compartment of the
// vault. Who has the log's key, or the device's process, can make records and leave
// records out from then on. Records after the last checkpoint are chained, each to the
// leaf before it, but not signed: who can write the medium can cut them off, or exchange them, unnoticed. A log
// cut at its end before that, an older copy put back, or a log that is removed, is
// noticed by who holds a checkpoint ([Log.Checkpoint], Options.Anchor), and by nobody
// else. The anchor lags: by 10 s at most for records of [LevelAudit] while [Log.Run]
// runs, by a checkpoint for others. What came after it is lost, unnoticed, to who cuts
// power and log; so is a log of whose first record no anchor tells yet. That an anchor is
// not put back together with the log is up to its Store: a vault with anti-rollback
// refuses it. The value of a person stays in the log until
// its segment goes: it is not yet under the key of the subject.
//
// # Threats
//
// An intruder who cleans up behind himself; a medium that is read, changed, cut or put back;
// a stranger who fills the log: with [Overwrite] what he pushes out is counted in the
// log itself, and costs an anchor for each segment that goes, with [Stop] he stops it,
// but for audit records; text made to mislead
// who reads it: what does not print is replaced, and messages are names of events.
//
// # Power cuts
//
// A record that was acknowledged is kept, the tree holds over every cut, and logging
// goes on where the medium ends: see durable.Log. A reserve takes audit records on a
// full medium. The anchor is written after the records that it covers, and before old
// ones go. A log that is destroyed on purpose is retired first, by [Log.Retire], or by
// Checkpoint, Close and [Retire] in this order: the log that follows cites its end.
//
//	log, err := eventlog.Open(ctx, compartment, key, &eventlog.Options{Origin: "gateway-7", Now: clock.Now, Anchor: floor})
//	...
//	logger := slog.New(log.Handler())   // for the guard, and everybody else
//	log.Guard(guard)
//	go log.Run(ctx)
//	logger.LogAttrs(ctx, eventlog.LevelAudit, access.EventLogin, slog.String(access.KeyEntity, "ann"))
//	err = eventlog.Sync(ctx, logger)    // before the answer
//	next, err := log.Export(ctx, w, next)
package eventlog
