// Package softkeys is a protect.KeyStore in software, for devices without a root
// of trust, for development, and for tests.
//
// It secures that single files of a vault, taken or changed, are of no use: the
// data, its names and the keys of a vault are sealed, and the keys that seal lie in
// one record of a durable.Store. It does not secure a medium that is taken as a
// whole: the record lies on it. An image of the medium opens for ever, also after an
// erasure: Info().Advance is protect.ReachLive, and a vault over softkeys reports
// its erasures as "clear: live copies only". It cannot see an earlier life of the
// device: whoever removes the record and the vault has a new device. A store on
// another medium (a partition in the processor, a file system that is not backed
// up) is better than the one of the data.
//
// Threats: a file of the vault copied, changed, exchanged, or brought from another
// device; a blob of an older generation put back beside the present record. Not: an
// image of the whole medium, an older record put back with the rest, a process with
// the rights of the device's own.
//
// Every change replaces the record as a whole: a power cut leaves the old or the
// new one, and an acknowledged generation is kept. Blobs are sealed with AES-256-GCM
// (crypto/cipher, also under GODEBUG=fips140=only). 27402 5.2.5.1.4.
//
// Signing keys are in package backends/softkeys/signing, so that who makes none
// links no ECDSA and no Ed25519.
//
//	dir, err := durable.OpenDir("/var/lib/device", nil)
//	...
//	keys, err := softkeys.Open(ctx, dir, nil)
//	...
//	vault, err := protect.Open(ctx, dir, keys, nil)
package softkeys
