// Package notify tells people and other devices what happened (27402 5.2.8): parts
// raise notices at a [Center], which keeps them, hands them to channels, and
// answers who asks.
//
// What it secures: a notice that Raise acknowledged is not lost, and reaches each
// channel at least once, under an ID and Sequence that stay the same over retries;
// nobody raises, reads or acknowledges without a permission for it; what leaves the
// device passes one encoder with limits of length, charset and schema, and names no
// person but in texts written for the audience. What a stranger can trigger, again
// and again or under ever new keys, costs at most about one write of the medium per
// 10 s above a fixed burst.
//
// What it does not: texts are as true as the part that wrote them; a channel
// protects its own transport; a receiver that ignores ID and Sequence sees
// duplicates. Times in a notice are the device's clock, which may be wrong, while
// repeats and expiry count time of operation and no clock can shift them. On a
// plain [durable.Dir] whoever reads the medium reads the notices: use a
// protect.Compartment for notices about persons, and [Options].Queues if it keeps
// no logs.
//
// Threats: output injection by names and texts from outside (refused; see [Clean]),
// flooding to wear out flash or push out what matters (folded, bounded by type, the
// least severe goes first, losses counted), a dead or hostile channel (its own
// queue and time-out), probing for notices of others (a denial tells nothing).
//
// A power cut at any step leaves each notice old or new, and what was acknowledged
// is kept and sent. The last counts of repeats may be lost (see [Center.Raise]);
// an erasure may be half done and is repeated by who asked for it; delivered
// messages may be sent again. Notices of [Channel].Direct are lost.
//
// Damage of the medium stops nothing. A damaged notice, or a queue that lost
// messages to damage, is told by [Center.Health] and [Center.Stats]; the notices of
// such a queue are still kept, and answered to who asks.
//
//	center, err := notify.Open(ctx, store, guard, &notify.Options{
//		Channels: []notify.Channel{{Name: "console", To: notify.NewWriter(os.Stdout, nil)}},
//	})
//	go center.Run(ctx)
//	id, err := center.Raise(asUpdater, notify.Notice{
//		Type: "update.available", Severity: notify.Info, Audience: notify.Owner, Title: "Release 2.1 is available",
//	})
//	news, err := center.Wait(asOwner, seen, notify.Filter{Audience: notify.Owner})
//
// A part that raises does so as its own service, by [access.AsService], whose role
// holds [access.NotifyRaise] on its types, "update/*" for all of "update.…": the
// owner who changes a setting need not be allowed to raise the notice about it.
package notify
