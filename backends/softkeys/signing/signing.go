package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/protect"
)

// keySize is that of a private key of either algorithm, in bytes.
const keySize = 32

// Keys is a *[softkeys.Keys] that has [protect.SigningKeys] as well; the rest it
// does as that does. It may be used concurrently.
type Keys struct {
	*softkeys.Keys
}

// The abilities.
var (
	_ protect.KeyStore    = (*Keys)(nil)
	_ protect.Revoker     = (*Keys)(nil)
	_ protect.SigningKeys = (*Keys)(nil)
)

// New gives keys the ability to hold signing keys. It keeps no state of its own:
// several may be made of one, and closing any of them closes keys.
func New(keys *softkeys.Keys) *Keys { return &Keys{Keys: keys} }

// Unwrap returns the key store without signing keys.
func (k *Keys) Unwrap() protect.KeyStore { return k.Keys }

// CreateKey implements [protect.SigningKeys] for both algorithms. The private key
// is in the blob, sealed. The first one of a device is a durable write; when it
// fails, the error is [protect.ErrUnavailable].
func (k *Keys) CreateKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	private, err := newPrivate(alg)
	if err != nil {
		return nil, fmt.Errorf("signing: create key: %w", err)
	}
	defer clear(private)
	blob, err := k.SealLasting(ctx, private)
	if err != nil {
		return nil, fmt.Errorf("signing: create key: %w", err)
	}
	return blob, nil
}

// newPrivate makes what a blob seals: algorithm, 1 byte | private key, 32.
func newPrivate(alg protect.Algorithm) ([]byte, error) {
	switch alg {
	case protect.ECDSAP256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		raw, err := private.Bytes()
		return append([]byte{byte(alg)}, raw...), err
	case protect.Ed25519:
		secret := make([]byte, 1+keySize)
		secret[0] = byte(alg)
		rand.Read(secret[1:])
		return secret, nil
	}
	return nil, fmt.Errorf("algorithm %v: %w", alg, errors.ErrUnsupported)
}

// OpenKey implements [protect.SigningKeys]. The [Signer] works until its own
// Close, also after that of k.
func (k *Keys) OpenKey(ctx context.Context, blob []byte) (protect.Signer, error) {
	secret, err := k.UnsealLasting(ctx, blob)
	if err != nil {
		return nil, fmt.Errorf("signing: open key: %w", err)
	}
	defer clear(secret)
	s, err := openPrivate(secret)
	if err != nil {
		return nil, fmt.Errorf("signing: open key: %w", err)
	}
	return s, nil
}

// openPrivate reads what newPrivate made.
func openPrivate(secret []byte) (*Signer, error) {
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
