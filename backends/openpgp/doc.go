// Package openpgp verifies detached OpenPGP signatures, made by gpg or by this
// package, over documents that a device takes from outside: settings bundles first
// of all (27402 5.2.2.2(b), 5.2.2.2(c)). [Verifier] fits config.BundleVerifier; the
// package imports no capability. [Signer] is for the bench and for an operator's
// tools; a device needs none.
//
// What it secures: a document counts only when one of the keys in the keyring has
// signed these very bytes, with a strong hash, by a key that was valid when it
// signed and still is. RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521,
// Ed25519 and Ed448 are taken, in keys of versions 4 and 6.
//
// What it does not: it keeps no state, so a signed document verifies again and
// again, on every device; whoever takes documents compares a sequence and an
// address. It fetches no keys and no revocations: the keyring is given, and a new
// one comes with a release or a new configuration of the device. The web of trust
// does not count.
//
// Threats: a document changed or made by somebody else; a signature with SHA-1, for
// which a second document can be made; a text signature, which holds for several
// documents; a key that expired, was revoked, or is too weak; a signature or keyring
// made to exhaust the parser; a keyring of which a part is silently not read.
//
// # Time
//
// Keys expire by the clock of the device. A clock that is only a lower bound
// ([durable.LowerBound]) refuses what has expired for sure, and takes the time in
// the signature where that is later, since a device without a battery would
// otherwise refuse every key made after its release. That a key of the keyring was
// revoked shows that it is later than that: a retired key cannot date back.
//
// # Power cuts
//
// Nothing is written.
//
//	verifier, err := openpgp.New(keyring, &openpgp.Options{Now: clock.Now})
//	...
//	signer, err := verifier.Verify(ctx, document, signature)
//	...
//	fmt.Println("signed by", signer) // fingerprint, as gpg prints it
package openpgp
