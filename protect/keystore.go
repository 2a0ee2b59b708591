package protect

import (
	"context"
	"crypto"
)

// KeyStore seals small secrets so that only this device opens them again. It is
// what a vendor writes over a root of trust: a TPM, a secure element, a fuse.
//
// Who calls it: [Provision], [Open] and [Vault]; it seals one secret of 32 bytes a
// generation and never a record. Who writes one: the vendor, or package backends.
//
//   - Unseal returns exactly the secret that was sealed, also after a loss of power and any number of restarts.
//   - Seal accepts every secret of 1 to Info().MaxSecret bytes and refuses any other length with an error that is [io/fs.ErrInvalid].
//   - A blob does not contain the secret, and two blobs of one secret differ.
//   - A blob with any changed, missing or added byte is refused with a sentinel of this package other than [ErrUnavailable], and never gives other bytes.
//   - A blob that another device sealed is refused with an error that is [ErrLost] or [ErrForeign].
//   - Refusing a blob, however often, leaves the KeyStore able to open the right one.
//   - What is used for a call is given back at its end: calls can be made without bound.
//   - Methods may be called concurrently.
//   - A call with a context that is done returns that context's error and changes nothing.
//   - After Close every call that works with secrets gives an error that is [io/fs.ErrClosed], and a second Close gives nil.
//   - Info is constant, says Hardware only when reading the disk does not give the keys, and claims no ability that is absent.
//
// Failures that the kit cannot provoke: a KeyStore that cannot be reached now gives
// [ErrUnavailable], one that waits after wrong tries a [*LockoutError]; a boot state
// that the secret is bound to and that does not hold is [ErrPolicy].
//
// The kit is protect/protecttest. The interface is frozen; it may gain optional
// siblings beside [SigningKeys], [Counter], [Revoker], [Attester] and [Measurer].
// A wrapper has a method Unwrap() KeyStore; see [RevokerOf] and its sisters.
type KeyStore interface {
	Info() Info
	Seal(ctx context.Context, secret []byte) (blob []byte, err error)
	Unseal(ctx context.Context, blob []byte) (secret []byte, err error)
	Close() error
}

// Info says honestly what a [KeyStore] is. It holds no secrets.
type Info struct {
	Name      string `json:"name"`               // of the mechanism: 1 to 64 bytes of [a-z0-9-]
	Hardware  bool   `json:"hardware"`           // whoever reads the whole disk still has not the keys
	MaxSecret int    `json:"max_secret"`         // bytes; at least 32
	BoundTo   string `json:"bound_to"`           // what else a secret is bound to, in words
	Advance   Reach  `json:"advance,omitempty"`  // what [Revoker].Advance kills
	Protects  string `json:"protects,omitempty"` // what it keeps against whom, in words for a report
}

// Reach says which blobs die when a generation advances.
type Reach int

// The reaches.
const (
	ReachNone   Reach = iota // there is no [Revoker]
	ReachLive                // those on the running medium; a copy of it, taken before, opens
	ReachCopies              // all, wherever they were copied to
)

// String returns the reach in words.
func (r Reach) String() string {
	switch r {
	case ReachNone:
		return "nothing"
	case ReachLive:
		return "live copies only"
	case ReachCopies:
		return "every copy"
	}
	return "unknown"
}

// MarshalText returns String.
func (r Reach) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Algorithm is a kind of signing key.
type Algorithm int

// The algorithms. A KeyStore need not know both; it must know one.
const (
	ECDSAP256 Algorithm = iota + 1 // ECDSA on P-256, signatures in ASN.1, digests of SHA-256 and SHA-384
	Ed25519                        // Ed25519 (RFC 8032) over the message itself
)

// String returns the usual name.
func (a Algorithm) String() string {
	switch a {
	case ECDSAP256:
		return "ECDSA P-256"
	case Ed25519:
		return "Ed25519"
	}
	return "unknown"
}

// SigningKeys is the ability of a [KeyStore] to hold private keys that the host
// does not read. Find it with [SigningKeysOf].
//
// Who calls it: whoever needs a device identity, a log key, a TLS key.
//
//   - OpenKey opens what CreateKey returned, with the same public key, also after a restart and after any Advance of a [Revoker].
//   - A blob of another device, or a damaged one, is refused with an error that is [ErrTampered], [ErrForeign] or [ErrLost].
//   - An Algorithm that the KeyStore does not know gives an error that is [errors.ErrUnsupported]; at least one is known.
//   - A [Signer] may be used concurrently, and until its Close.
//   - ECDSA keys sign digests of SHA-256 and of SHA-384.
//
// The interface may gain optional siblings.
type SigningKeys interface {
	CreateKey(ctx context.Context, alg Algorithm) (blob []byte, err error)
	OpenKey(ctx context.Context, blob []byte) (Signer, error)
}

// Signer is an open signing key. Close frees what it holds in the KeyStore; after
// it Sign gives an error. A second Close gives nil.
type Signer interface {
	crypto.Signer
	Close() error
}

// Counter is the ability of a [KeyStore] to count so that nobody turns it back.
// Find it with [CounterOf].
//
// Who calls it: the vault's protection against rollback. Counters wear out: it is
// stepped once a start, and at most six times an hour.
//
//   - Value returns what the last Increment returned, also after a restart.
//   - Increment adds exactly one and returns the new value.
//   - A power cut within Increment leaves the value before or the one after.
//
// The interface is frozen.
type Counter interface {
	Value(ctx context.Context) (uint64, error)
	Increment(ctx context.Context) (uint64, error)
}

// Revoker is the ability of a [KeyStore] to kill everything it has sealed so far,
// in generations. Find it with [RevokerOf].
//
// Who calls it: [Vault], for erasure: 27402 5.2.4.2. Erasing takes two advances.
//
//   - Generation is 0 on a KeyStore that never advanced, and afterwards what the last Advance was given, also after a restart.
//   - Seal seals for the present generation.
//   - SealFor accepts the present generation and the next one, and refuses any other with an error that is [io/fs.ErrInvalid].
//   - A blob for the next generation is refused with an error that is [ErrPolicy] until that generation has begun, and opens from then on.
//   - Advance of the next generation begins it; from then on every blob for an older one is refused with an error that is [ErrRollback] or [ErrLost].
//   - Advance of the present generation gives nil and changes nothing, so that it can be repeated after any power cut.
//   - Advance of any other generation is refused with an error that is [io/fs.ErrInvalid] and changes nothing.
//   - A power cut before, within or after Advance leaves the old generation or the new one with all its effects.
//
// [Info].Advance says whether copies die as well; it is not [ReachNone].
// The interface is frozen.
type Revoker interface {
	Generation(ctx context.Context) (uint64, error)
	SealFor(ctx context.Context, gen uint64, secret []byte) (blob []byte, err error)
	Advance(ctx context.Context, gen uint64) error
}

// Attester is the ability of a [KeyStore] to prove to somebody else what runs on
// the device. Find it with [AttesterOf]. nonce is 16 to 64 bytes from whoever
// asks; the evidence covers it and names its own format.
//
// The interface is experimental.
type Attester interface {
	Attest(ctx context.Context, nonce []byte) (evidence []byte, err error)
}

// Measurer is the ability of a [KeyStore] to record what was started, in
// registers that only grow until the next reset. Find it with [MeasurerOf].
//
// The interface is experimental.
type Measurer interface {
	Measure(ctx context.Context, register int, digest []byte) error
}
