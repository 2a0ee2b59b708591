// Package erasetest is the kit for [erase.Store]: it shows that a place in which
// something about persons is kept, ours or a vendor's, keeps every rule of the
// interface's documentation.
//
// A vendor brings a [Harness] and runs it in one line:
//
//	func TestPhotos(t *testing.T) {
//		erasetest.TestStore(t, erasetest.Harness{Open: open, Reopen: reopen, Interrupt: interrupt})
//	}
//
// The kit never skips. The store keeps its state on a medium that the test can
// interrupt; durable/powercut brings one.
//
// It secures nothing by itself and keeps nothing.
package erasetest
