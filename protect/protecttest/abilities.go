package protecttest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/protect"
)

// Generation implements protect.Revoker.
func (k *Token) Generation(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.begin(ctx)
	return s.generation, err
}

// SealFor implements protect.Revoker.
func (k *Token) SealFor(ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.seeded(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: seal: %w", err)
	}
	if gen != s.generation && gen != s.generation+1 {
		return nil, fmt.Errorf("token: seal for generation %d, it is %d: %w", gen, s.generation, fs.ErrInvalid)
	}
	return k.seal(s, gen, secret)
}

// Advance implements protect.Revoker: one step.
func (k *Token) Advance(ctx context.Context, gen uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.seeded(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("token: advance: %w", err)
	case gen == s.generation:
		return nil
	case gen != s.generation+1:
		return fmt.Errorf("token: advance to %d from %d: %w", gen, s.generation, fs.ErrInvalid)
	}
	s.generation = gen
	return k.keep(s)
}

// Value implements protect.Counter.
func (k *Token) Value(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.begin(ctx)
	return s.count, err
}

// Increment implements protect.Counter: one step.
func (k *Token) Increment(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.seeded(ctx)
	if err != nil {
		return 0, fmt.Errorf("token: increment: %w", err)
	}
	s.count++
	return s.count, k.keep(s)
}

// CreateKey implements protect.SigningKeys, for ECDSA P-256.
func (k *Token) CreateKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.seeded(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: create key: %w", err)
	}
	if alg != protect.ECDSAP256 {
		return nil, fmt.Errorf("token: algorithm %v: %w", alg, errors.ErrUnsupported)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	raw, err := private.Bytes()
	if err != nil {
		return nil, err
	}
	return s.seal(kindSigning, 0, raw), nil
}

// OpenKey implements protect.SigningKeys.
func (k *Token) OpenKey(ctx context.Context, blob []byte) (protect.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: open key: %w", err)
	}
	raw, err := s.open(kindSigning, blob)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, fmt.Errorf("token: private key: %w", protect.ErrTampered)
	}
	return &signer{private: private}, nil
}

// signer is an open key of a token.
type signer struct {
	private *ecdsa.PrivateKey
	closed  atomic.Bool
}

func (s *signer) Public() crypto.PublicKey { return s.private.Public() }

func (s *signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("token: sign: %w", fs.ErrClosed)
	}
	return s.private.Sign(random, digest, opts)
}

func (s *signer) Close() error {
	s.closed.Store(true)
	return nil
}

// Format shows nothing of the key.
func (s *signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "protecttest.signer") }
