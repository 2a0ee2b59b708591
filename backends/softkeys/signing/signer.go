package signing

import (
	"crypto"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync/atomic"
)

// Signer is an open signing key; it shows nothing but its public key. It may be
// used concurrently. It implements [crypto.Signer] and protect.Signer.
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

// Sign implements [crypto.Signer]. After Close the error is [fs.ErrClosed].
func (s *Signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("signing: sign: %w", fs.ErrClosed)
	}
	return s.sign(random, digest, opts)
}

// Close implements protect.Signer; a second one gives nil.
func (s *Signer) Close() error {
	s.closed.Store(true)
	return nil
}

// Format redacts the key.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts the key.
func (s *Signer) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts the key.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(redacted) }

const redacted = "signing.Signer[redacted]"
