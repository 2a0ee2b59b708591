// Package baselinetest tests a whole device, as it is composed and runs, clause by
// clause of ISO/IEC 27402:2023, and writes what it found as evidence that
// risk.Derive reads.
//
// The kits of single packages, such as protect/protecttest, test an implementation
// against an interface. This one tests what joins them: a device with a perfect
// guard, and one way around it, fails here.
//
//	func TestDevice(t *testing.T) {
//		report := baselinetest.Run(t, baselinetest.Harness{
//			Assessment: assessment, Open: open, Reopen: reopen, Close: closeDevice,
//			Commission: commission, As: logIn, Patch: patch, Log: file,
//		})
//		if !report.Statement.OK() { // the gate, with what was shown just now
//			t.Error(report.Statement.Failures())
//		}
//	}
//
// # What it secures
//
// That a statement of applicability says "proven" only of what was tried on this
// composition: evidence carries the digest of the composed features. A case ends in
// one [Outcome]. It is not applicable only if the statement says so; a case that
// could not be tried, or whose device refuses also what it should do, is inconclusive
// and never counts as passed. What the assessment needs and no case has shown is
// named as unproven, and counted.
//
// # What it does not
//
// Eight of the 64 cases of clause/catalogue are here; the report names, for each
// entry that was shown, those that were not tried. A case runs in the process of the
// test, so it says nothing of the flash, the boot ROM or the radio. It believes the
// [Harness]: who writes hooks that lie gets evidence that lies.
//
// # Threats
//
// A device that refuses everything would pass every test of refusal: each case also
// shows that the same thing, done as it should be, works. A harness that searches
// for a person's data where none is would find none: the medium is read by the kit
// itself and must have changed when the data was kept. Evidence of another
// composition, or a damaged log of it, is refused by [ReadLog] and risk.Derive.
//
// # Power cuts
//
// It keeps no state. Its cases lose power by Harness.Reopen, between operations; cuts
// within one are the business of durable/powercut.
package baselinetest
