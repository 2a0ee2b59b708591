// Package protecttest is the kit for key stores: [TestKeyStore] checks that an
// implementation of protect.KeyStore, and of its optional siblings, keeps every
// rule that their documentation states. It also has [Token], a device in memory
// for tests of what is built on key stores.
//
// It secures nothing by itself. It cannot check what a device does when it is
// opened by force, nor that its random numbers are random; and a rule that holds in
// its tries may fail in others. What it finds wrong is wrong.
//
// A kit never skips. Rules of an ability that is not declared are not run, and an
// ability that is declared and absent, or there and not declared, fails. Each rule
// quotes the sentence that it checks. The package's own tests show a broken key
// store for each rule, that it catches.
//
// It keeps no state. Power cuts are played by the [Harness]: for a device in memory
// by durable/powercut, for a real one by switching it off.
//
//	func TestKeyStore(t *testing.T) {
//		protecttest.TestKeyStore(t, protecttest.Harness{
//			Open:      func(t testing.TB) protect.KeyStore { return open(t, newDevice(t)) },
//			Reopen:    func(t testing.TB, ks protect.KeyStore) protect.KeyStore { return open(t, deviceOf(ks)) },
//			Other:     func(t testing.TB) protect.KeyStore { return open(t, newDevice(t)) },
//			Abilities: protecttest.Abilities{Counter: true},
//		})
//	}
package protecttest
