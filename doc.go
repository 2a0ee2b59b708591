// Package baseline composes the capabilities of ISO/IEC 27402:2023 clause 5.2 into
// one device, checks the composition against the device's risk assessment, and
// starts and stops it.
//
// It has one interface for each capability ([Configurer], [Resetter], [Eraser],
// [Protector], [Accessor], [Updater], [Notifier]). The packages of this module
// implement them; so may a vendor's own subsystem. A device links what it
// composes and nothing else.
//
//	parts := baseline.Parts{Accessor: guard, Protector: vault, Eraser: vault, Configurer: settings, Notifier: center}
//	statement, err := risk.ParseStatement(embedded) // made in the vendor's build by risk.Derive
//	device, err := baseline.New(parts, statement, &baseline.Options{Log: log})
//	if err != nil {
//		return err // *MissingError: which risk asks for which part
//	}
//	defer device.Close()
//	return device.Run(ctx)
//
// # What it secures
//
// The claim: [New] compares what is composed with the statement of applicability
// that was approved. A gap in the statement itself, something that a risk needs and
// nobody composed, is a [*MissingError]: it is met in the vendor's build. A
// composition that is not the statement's, also one that lost a part since, is
// drift: a release on trial rolls itself back, any other is restricted and says so.
// The order: parts recover in the order in which they depend on each other;
// interrupted erasures and resets are finished before anything else runs but what
// serves in [Degraded]; what accepts from outside is started last ([Server]).
// Operations that must not meet: the [Interlock].
//
// # What it does not
//
// It does not prove that a feature works: tests and the gate over risk.Derive do,
// in the vendor's build. It trusts all code in the process.
//
// # States
//
// [Starting], until every part was asked to recover; [Operational]; [Degraded], when a part that is composed could not be opened or
// recovered now, such as a vault whose TPM does not answer: what needs it is down,
// what is needed to get out of it serves, and the device tries again;
// [Nonconforming], when the composition is not that of the statement. See [State].
//
// # What survives a power cut
//
// This package stores one thing, what the [Interlock] knows to be pending. A cut
// leaves an operation pending or not begun; a pending one is found at the next
// start, by the part that began it.
package baseline
