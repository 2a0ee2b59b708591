// Package reset brings a device back to an earlier state (27402 5.2.3). [Resetter]
// carries out the [Step]s that the composition gives for a scope: ending the
// ownership, destroying the keys of settings and data, restarting.
//
// # What it secures
//
// A reset that began ends, whatever happens to the power, before anything else opens:
// the device's directory is on [durable.Hold] meanwhile, so that no part sees a device
// that is half reset. Only who holds reset.request on the scope, and every permission
// that its steps need, orders one. What causes a reset is a mandate in an
// authenticated store: bytes on the medium can keep a device waiting, never reset it.
// What is marked floor (version floors, revocations, minimum settings, mandates) lies
// in a compartment that no step reaches, and holds afterwards (5.2.3.2).
//
// # What it does not secure
//
//   - What no Step does. Whether settings and data are told apart, and that old
//     credentials are dead, rests on the steps: see the example.
//   - Data elsewhere. Copies of the medium, unless the vault's keys lie elsewhere.
//   - A record put back: who can bring an older state of the floor compartment brings
//     its orders too. A vault with anti-rollback refuses it.
//
// # Threats
//
// A reset ordered by somebody who may not, or by writing to the medium; power cut to
// keep old data, or old credentials, alive; a full disk; downgrade to weak defaults by
// a reset; a new owner's device that obeys the old one.
//
// # Power cuts
//
// The order, with its mandate, is one record; then the Hold; then each step, which can
// be repeated, and its end; then the completion, in one write. The Hold is released by
// a start that finds it, once [Resetter.Resume] finds the completion or completes:
// parts of a process that were open when the Hold came stay shut out until that
// process ends ([ErrRestart]). A lesser reset never takes the place of one that began
// ([ErrPending]). Record and Hold have their space reserved. That the device was reset
// is logged, and told, once it runs again ([Resetter.Accept]).
//
//	resetter, err := reset.Open(ctx, dir, floor, guard, []reset.Step{
//		reset.EndOwnership(guard, reset.Factory),
//		{Name: "keys", Scopes: []string{reset.Settings, reset.Factory}, Run: destroyKeys},
//	}, &reset.Options{Restart: host.Restart})
//	...
//	err = resetter.Resume(ctx) // at every start, after vault and guard, before the rest
//	...
//	err = resetter.Reset(ctx, reset.Factory, "sold")
package reset
