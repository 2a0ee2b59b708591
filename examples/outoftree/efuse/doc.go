// Package efuse is a vendor's [protect.KeyStore] outside of the module: a root key
// and a generation in a bank of fuses, apart from the medium that holds the data.
// Here a directory of its own stands for the bank.
//
// It secures that the data medium alone is worth nothing: taken, copied, changed, or
// put back as it was before an erasure, it does not open. It does not secure a device
// whose fuses are read or put back as well: who has them has every generation, past
// and to come. So Info claims hardware, and an Advance that reaches copies, only with
// [Options].Sealed.
//
// Threats: the data medium in other hands; a blob changed, or brought from another
// device; a blob of an older generation, or of one that has not begun. Not: a process
// with the rights of the device's own.
//
// Every change is one record, replaced as a whole: a power cut leaves the old bank or
// the new one, and an acknowledged generation is kept. Nothing is burned by opening.
//
//	bank, err := durable.OpenDir("/fuses", nil) // another medium than the data
//	...
//	err = efuse.Burn(ctx, bank)                 // once, in the factory
//	...
//	keys, err := efuse.Open(ctx, bank, nil)     // at every start
//	...
//	vault, err := protect.Open(ctx, data, keys, nil)
//
// Cryptography (27402 5.2.5.1.4): HKDF-SHA-256 from the root for each generation,
// AES-256-GCM with random nonces; both from the standard library.
package efuse
