package openpgp

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	pgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Signer makes detached signatures with one private key. It is for a bench and for
// tools; its key lies in memory. It may be used concurrently.
type Signer struct {
	private []byte // as packets; never printed
	id      string
	now     func() time.Time
}

// SignerOptions are the options of [NewSigner] and [NewKey]. Nil options mean the
// system's clock, and a key that gpg reads too.
type SignerOptions struct {
	Now func() time.Time // of the signature or key; nil is time.Now
	// V6 makes a key of version 6 (RFC 9580), which GnuPG 2 does not read.
	V6 bool
}

// NewSigner returns the signer with the one private key in key, binary or armored,
// which has no passphrase. What could not be verified by a [Verifier] is refused
// with [ErrKeyring].
func NewSigner(key []byte, opts *SignerOptions) (*Signer, error) {
	s := &Signer{now: now(opts)}
	var err error
	if s.private, err = dearmor(key, pgp.PrivateKeyType, MaxKeyring); err != nil {
		return nil, fmt.Errorf("openpgp: signer: %w: not a private key", ErrKeyring)
	}
	e, err := s.entity()
	if err != nil {
		return nil, fmt.Errorf("openpgp: signer: %w: %v", ErrKeyring, err)
	}
	s.id = fingerprint(e.PrimaryKey)
	return s, nil
}

func now(opts *SignerOptions) func() time.Time {
	if opts != nil && opts.Now != nil {
		return opts.Now
	}
	return time.Now
}

// entity reads the key each time, as [Verifier] does, and for the same reason. What
// the library says about a private key does not get into an error.
func (s *Signer) entity() (*pgp.Entity, error) {
	ring, err := pgp.ReadKeyRing(bytes.NewReader(s.private))
	if err != nil || len(ring) != 1 || ring[0].PrivateKey == nil {
		return nil, errors.New("want one private key")
	}
	key, ok := ring[0].SigningKey(s.now(), policy(s.now()))
	if !ok || key.PrivateKey == nil || key.PrivateKey.Encrypted || key.PrivateKey.Dummy() {
		return nil, errors.New("want a key that can sign now, without a passphrase")
	}
	return ring[0], checkEntity(ring[0], map[uint64]bool{})
}

// Sign returns an armored detached signature over document, with SHA-512.
func (s *Signer) Sign(ctx context.Context, document []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("openpgp: sign: %w", err)
	}
	e, err := s.entity()
	if err != nil {
		return nil, fmt.Errorf("openpgp: sign: %w: %v", ErrKey, err)
	}
	cfg := policy(s.now())
	cfg.DefaultHash = crypto.SHA512
	var b bytes.Buffer
	if err := pgp.DetachSign(&b, []*pgp.Entity{e}, bytes.NewReader(document), cfg); err != nil {
		return nil, fmt.Errorf("openpgp: sign: %w: the library refused", ErrKey)
	}
	return armored(pgp.SignatureType, func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
}

// Fingerprint is what [Verifier.Verify] gives for this signer.
func (s *Signer) Fingerprint() string { return s.id }

// PublicKey returns the public key, armored: a keyring for [New].
func (s *Signer) PublicKey() ([]byte, error) {
	e, err := s.entity()
	if err != nil {
		return nil, fmt.Errorf("openpgp: public key: %w: %v", ErrKey, err)
	}
	return armored(pgp.PublicKeyType, e.Serialize)
}

// Format writes the fingerprint, never the key.
func (s *Signer) Format(f fmt.State, _ rune) { io.WriteString(f, "openpgp signer "+s.id) }

// LogValue is the fingerprint.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(s.id) }

// MarshalText gives the fingerprint.
func (s *Signer) MarshalText() ([]byte, error) { return []byte(s.id), nil }

// NewKey makes a private Ed25519 key that signs, for the named person or
// organisation, armored and without a passphrase: keep it where only the signer
// reads it.
func NewKey(name, email string, opts *SignerOptions) (private []byte, err error) {
	cfg := policy(now(opts)())
	cfg.DefaultHash, cfg.Algorithm, cfg.Curve = crypto.SHA512, packet.PubKeyAlgoEdDSA, packet.Curve25519
	if opts != nil && opts.V6 {
		cfg.V6Keys, cfg.Algorithm = true, packet.PubKeyAlgoEd25519
	}
	e, err := pgp.NewEntity(name, "", email, cfg)
	if err != nil {
		return nil, fmt.Errorf("openpgp: new key: %w: %v", ErrKeyring, err)
	}
	e.Subkeys = nil // it only signs
	return armored(pgp.PrivateKeyType, func(w io.Writer) error { return e.SerializePrivate(w, cfg) })
}

func armored(kind string, write func(io.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, kind, nil)
	if err == nil {
		err = errors.Join(write(w), w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("openpgp: armor: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
