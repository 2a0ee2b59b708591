package updatetest

import (
	"testing"

	"github.com/iot-device-baseline/baseline/update"
)

// InstallerHarness gives the kit devices. Every function fails t when it cannot do its
// work.
type InstallerHarness struct {
	// Open gives the installer of a new device with two places, whose running one is
	// confirmed and holds some image; the other one was never written.
	Open func(t testing.TB) update.Installer
	// Restart gives that of the same device after it lost its power and was started
	// again: in is not used any more.
	Restart func(t testing.TB, in update.Installer) update.Installer
	// Interrupt calls act, which works on in, loses the power before the step of the
	// device that comes after the next n, and restarts as Restart does; cut is
	// false when act was over before. A device that can only be switched off between
	// calls: for n = 0 it calls act not at all and says cut, else it calls act,
	// restarts and does not.
	Interrupt func(t testing.TB, in update.Installer, n int, act func()) (after update.Installer, cut bool)
	// Content gives the bytes that the place holds; none if it was never written.
	Content func(t testing.TB, in update.Installer, place string) []byte
	// Flip changes one byte of the place on its medium.
	Flip func(t testing.TB, in update.Installer, place string, offset int64)
	// Component is what the installer installs; the kit sets its Length.
	Component update.Component
}

func (h InstallerHarness) lacks() string {
	if h.Open == nil || h.Restart == nil || h.Interrupt == nil || h.Content == nil || h.Flip == nil {
		return "Open, Restart, Interrupt, Content or Flip"
	}
	return ""
}

// TestInstaller checks every rule of update.Installer and update.Sink, each as a
// subtest.
func TestInstaller(t *testing.T, h InstallerHarness) {
	t.Helper()
	test(t, InstallerRules(), h)
}

type slotKit = kit[InstallerHarness]

// InstallerRules returns the rules of update.Installer and update.Sink.
func InstallerRules() []Rule[InstallerHarness] {
	const of, sink = "Installer", "Sink"
	return []Rule[InstallerHarness]{
		{of, "Idempotent", "All methods are idempotent: each is called again after a power cut.", checkIdempotent},
		{of, "Inventory", "Inventory tells what runs and what lies in the other place, as the boot chain says it and not as this device remembers.", checkInventory},
		{of, "Unbootable", "Prepare first makes the place that it will write unbootable, durably, then returns it for size bytes.", checkUnbootable},
		{of, "Resume", "With resume > 0 the bytes before resume stay.", checkResume},
		{of, "RunningStays", "The running place is never touched.", checkRunningStays},
		{of, "Activate", "Activate makes the written place the next to start, for at most tries starts, in one durable step, after which the device may restart at any moment.", checkActivate},
		{of, "ConfirmRollback", "Confirm makes the running place good for ever; Rollback makes the place before the next to start, and the running one bad.", checkConfirmRollback},
		{of, "Durable", "Both are durable when they return nil.", checkDurable},
		{of, "Disarm", "Rollback before a restart disarms what Activate did.", checkDisarm},
		{sink, "WriteAt", "WriteAt changes only the place that Prepare made unbootable; beyond the size given to Prepare it is an error.", checkWriteAt},
		{sink, "Sync", "Only what a Sync that returned nil followed is durable.", checkSync},
		{sink, "Readback", "Readback reads the size bytes that Prepare was given from the medium, not from memory, as far as the system allows.", checkReadback},
		{sink, "Close", "Close frees the place and syncs nothing.", checkClose},
	}
}
