package openpgp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/iot-device-baseline/baseline/durable"
)

// Limits of what is taken.
const (
	MaxKeyring    = 256 << 10 // bytes, armored or not
	MaxKeys       = 32        // in a keyring
	MaxDocument   = 1 << 20   // bytes
	MaxSignature  = 64 << 10  // bytes, armored or not
	MaxSignatures = 16        // the most that [Options].MaxSignatures may be
)

// The failures that a caller can act on.
var (
	// ErrKeyring: keys are not well formed, too many, too weak, or there twice.
	ErrKeyring = errors.New("keyring not accepted")
	// ErrSignature: a signature is not well formed, of a kind that is not accepted, or
	// not over this document.
	ErrSignature = errors.New("signature does not verify")
	// ErrSigner: no key of the keyring has signed.
	ErrSigner = errors.New("signer is unknown")
	// ErrKey: the key that signed expired, was revoked, or is not yet valid.
	ErrKey = errors.New("key of the signer is not valid")
)

// Options are the options of [New]. Nil options mean: the system's clock, taken as
// set, and at most 4 signatures.
type Options struct {
	// Now tells the time and how far it can be trusted: the method of a
	// *durable.Clock.
	Now func() (time.Time, durable.Quality)
	// MaxSignatures is how many signatures a document may have; 0 is 4. One that
	// verifies is enough.
	MaxSignatures int
}

// Verifier verifies signatures by the keys of one keyring. It may be used
// concurrently.
type Verifier struct {
	keys  []byte // as packets
	ids   []string
	known time.Time // of the newest revocation: it is later than that
	now   func() (time.Time, durable.Quality)
	most  int
}

// New returns a verifier for the public keys in keyring, as gpg exports them: binary,
// or one or more armored blocks. A key that could not be used makes the whole keyring
// be refused with [ErrKeyring], for a key left out unnoticed is an enrolment that
// nobody knows to be missing. Keys that have expired or are revoked are taken, and
// refused when they sign. A wrong option gives an error that is [io/fs.ErrInvalid].
func New(keyring []byte, opts *Options) (*Verifier, error) {
	v := &Verifier{most: 4, now: func() (time.Time, durable.Quality) { return time.Now(), durable.Set }}
	if opts != nil && opts.Now != nil {
		v.now = opts.Now
	}
	if opts != nil && opts.MaxSignatures != 0 {
		v.most = opts.MaxSignatures
	}
	if v.most < 1 || v.most > MaxSignatures {
		return nil, fmt.Errorf("openpgp: new: want 1 to %d signatures: %w", MaxSignatures, fs.ErrInvalid)
	}
	var err error
	if v.keys, err = publicPackets(keyring); err != nil {
		return nil, fmt.Errorf("openpgp: new: %w: %v", ErrKeyring, err)
	}
	if v.ids, v.known, err = checkKeyring(v.keys); err != nil {
		return nil, fmt.Errorf("openpgp: new: %w: %v", ErrKeyring, err)
	}
	return v, nil
}

// Signers returns the fingerprints of the keys in the keyring, in its order.
func (v *Verifier) Signers() []string { return append([]string(nil), v.ids...) }

// Verify returns the fingerprint of the key of the keyring that has signed document:
// that of the primary key, 40 upper-case hex digits, or 64 of a key of version 6.
// signature is binary or armored, of one or several signatures; the first that
// verifies decides.
//
// Errors: [ErrSigner], [ErrSignature], [ErrKey], or the error of ctx. None of them
// quotes the document. Verify changes nothing.
func (v *Verifier) Verify(ctx context.Context, document, signature []byte) (signer string, err error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("openpgp: verify: %w", err)
	}
	if len(document) > MaxDocument {
		return "", fmt.Errorf("openpgp: verify: %w: document of more than %d bytes", ErrSignature, MaxDocument)
	}
	list, err := signatures(signature, v.most)
	if err != nil {
		return "", fmt.Errorf("openpgp: verify: %w: %v", ErrSignature, err)
	}
	for _, one := range list {
		if signer, err = v.verifyOne(document, one); err == nil {
			return signer, nil
		}
	}
	return "", fmt.Errorf("openpgp: verify: %w", err)
}

func (v *Verifier) verifyOne(document []byte, one signature) (string, error) {
	// The keyring is read each time: the library notes in a key what it found out
	// about its self-signatures at one moment, and would hold it true at another.
	ring, err := pgp.ReadKeyRing(bytes.NewReader(v.keys))
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrKeyring, err)
	}
	now := v.at(one.created)
	cfg := policy(now)
	md, err := pgp.VerifyDetachedSignatureReader(ring, bytes.NewReader(document), bytes.NewReader(one.packet), cfg)
	if err != nil {
		return "", classify(err)
	}
	if _, err := io.Copy(io.Discard, md.UnverifiedBody); err != nil {
		return "", classify(err)
	}
	if c := md.SelectedCandidate; md.SignatureError != nil && c != nil && c.SignedByEntity != nil && c.SignedBy == nil {
		return "", fmt.Errorf("%w when it signed: %v", ErrKey, md.SignatureError)
	}
	if md.SignatureError != nil {
		return "", classify(md.SignatureError)
	}
	entity, used := md.SignedBy.Entity, md.SignedBy.PublicKey
	// So far the key was judged as of the time in the signature, which whoever holds
	// the key chooses: a key that was stolen after it expired would live on.
	still, ok := entity.SigningKeyById(now, used.KeyId, cfg)
	if !ok || !bytes.Equal(still.PublicKey.Fingerprint, used.Fingerprint) || entity.Revoked(now) {
		return "", fmt.Errorf("%w: expired or revoked", ErrKey)
	}
	return fingerprint(entity.PrimaryKey), nil
}

// at is the time by which a signature of the time created is judged. Whoever kept a key
// that was replaced may date back what he signs; but that it was revoked shows that it is
// later.
func (v *Verifier) at(created time.Time) time.Time {
	now, quality := v.now()
	if quality != durable.LowerBound {
		return now
	}
	for _, t := range []time.Time{v.known, created} {
		if t.After(now) {
			now = t
		}
	}
	return now
}
