// Package signing gives the software key store of backends/softkeys signing keys:
// ECDSA on P-256 and Ed25519, for a device identity, a log key or a TLS key.
// 27402 5.2.5.1.4.
//
// It is a package of its own because the two algorithms add some 0.4 MB to a
// program: whoever only seals imports softkeys alone. [Keys] stands in for
// *softkeys.Keys wherever that goes, over the same record.
//
// It secures that a private key never lies on the medium in clear: CreateKey
// returns it sealed, the caller keeps the blob, and OpenKey opens it on this device
// only. It does not secure what softkeys does not: whoever has the whole medium has
// the keys, and a process with the rights of the device's own reads them.
//
// Threats: a blob copied, changed, exchanged for one of another device or for a
// sealed secret that is no signing key. Not: an image of the whole medium, an older
// blob put back for a newer one.
//
// A signing key belongs to the device, not to its user data: it outlives every
// Advance of the key store, and so every erasure. To be rid of one, delete its blob.
//
// The first CreateKey on a new device writes the record of softkeys, which a power
// cut leaves absent or whole; later ones write nothing. A blob that was returned
// opens after any power cut.
//
//	soft, err := softkeys.Open(ctx, dir, nil)
//	...
//	keys := signing.New(soft)
//	blob, err := keys.CreateKey(ctx, protect.Ed25519) // keep blob in a Store
//	...
//	signer, err := keys.OpenKey(ctx, blob)
//	...
//	vault, err := protect.Open(ctx, dir, keys, nil)
package signing
