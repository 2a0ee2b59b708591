// Package updatetest is the kit for what a vendor may write below package update:
// [TestBootloader], [TestInstaller], [TestFloors] and [TestSource] check that an
// implementation keeps every rule that the documentation of its interface states.
//
// It secures nothing by itself. It cannot check what a boot loader does that is not
// the one of the harness, nor that a medium keeps what it acknowledged; and a rule
// that holds in its tries may fail in others. What it finds wrong is wrong.
//
// A kit never skips. Each rule quotes the sentence that it checks; what is said to the
// caller of an interface is no rule. The package's own tests show a broken
// implementation for each rule, that it catches.
//
// It keeps no state. Power cuts are played by the harness: for a device in memory by
// durable/powercut, for a real one by switching it off.
//
//	func TestBootloader(t *testing.T) {
//		updatetest.TestBootloader(t, updatetest.BootloaderHarness{
//			Open:      func(t testing.TB) update.Bootloader { return start(t, newDevice(t)) },
//			Restart:   func(t testing.TB, b update.Bootloader) update.Bootloader { return start(t, deviceOf(b)) },
//			Interrupt: interrupt,
//			Damage:    damage,
//		})
//	}
package updatetest
