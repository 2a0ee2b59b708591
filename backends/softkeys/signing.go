package softkeys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/protect"
)

// CreateKey implements [protect.SigningKeys] for both algorithms. The private key
// is in the blob, sealed.
func (k *Keys) CreateKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	blob, err := k.createKey(ctx, alg)
	if err != nil {
		return nil, fmt.Errorf("softkeys: create key: %w", err)
	}
	return blob, nil
}

func (k *Keys) createKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	private, err := newPrivate(alg)
	if err != nil {
		return nil, err
	}
	if k.rec.ID == "" {
		if err := k.save(ctx, k.rec.identified()); err != nil {
			return nil, err
		}
	}
	return k.rec.seal(kindSigning, 0, k.rec.Signing, append([]byte{byte(alg)}, private...)), nil
}

// newPrivate makes the 32 bytes of a private key.
func newPrivate(alg protect.Algorithm) ([]byte, error) {
	switch alg {
	case protect.ECDSAP256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return private.Bytes()
	case protect.Ed25519:
		return randomKey(), nil
	}
	return nil, fmt.Errorf("algorithm %v: %w", alg, errors.ErrUnsupported)
}

// OpenKey implements [protect.SigningKeys].
func (k *Keys) OpenKey(ctx context.Context, blob []byte) (protect.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.openKey(ctx, blob)
	if err != nil {
		return nil, fmt.Errorf("softkeys: open key: %w", err)
	}
	return s, nil
}

func (k *Keys) openKey(ctx context.Context, blob []byte) (*Signer, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	secret, err := k.rec.open(kindSigning, blob)
	if err != nil {
		return nil, err
	}
	if len(secret) != 1+keySize {
		return nil, fmt.Errorf("private key of %d bytes: %w", len(secret), protect.ErrTampered)
	}
	switch protect.Algorithm(secret[0]) {
	case protect.ECDSAP256:
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret[1:])
		if err != nil {
			return nil, fmt.Errorf("private key: %w", protect.ErrTampered)
		}
		return newSigner(private), nil
	case protect.Ed25519:
		return newSigner(ed25519.NewKeyFromSeed(secret[1:])), nil
	}
	return nil, fmt.Errorf("algorithm %d: %w", secret[0], errors.ErrUnsupported)
}

// Signer is an open signing key; it shows nothing but its public key.
type Signer struct {
	public crypto.PublicKey
	sign   func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) // holds the private key, out of sight of fmt
	closed atomic.Bool
}

func newSigner(private crypto.Signer) *Signer {
	return &Signer{public: private.Public(), sign: private.Sign}
}

// Public implements [crypto.Signer].
func (s *Signer) Public() crypto.PublicKey { return s.public }

// Sign implements [crypto.Signer].
func (s *Signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("softkeys: sign: %w", fs.ErrClosed)
	}
	return s.sign(random, digest, opts)
}

// Close implements [protect.Signer].
func (s *Signer) Close() error {
	s.closed.Store(true)
	return nil
}

// Format redacts the key.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedSigner) }

// MarshalText redacts the key.
func (s *Signer) MarshalText() ([]byte, error) { return []byte(redactedSigner), nil }

// LogValue redacts the key.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(redactedSigner) }

const redactedSigner = "softkeys.Signer[redacted]"
