package receipt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
)

// Sizes of RSA keys, in bits. Larger ones cost a small device too much to check.
const (
	MinRSA = 2048
	MaxRSA = 8192
)

// KeyID returns the id by which an envelope names a public key: the lower-case
// hex SHA-256 of its PKIX encoding. The id helps to find a key; that a signature
// is from that key is shown by verifying it and by nothing else. The error for a
// key that is not accepted is [ErrKey].
func KeyID(key crypto.PublicKey) (string, error) {
	if _, err := schemeOf(key); err != nil {
		return "", err
	}
	der, err := pkix(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// scheme is the one way in which a kind of key signs. It follows from the key
// and never from the envelope, so that no one who writes an envelope chooses it.
//
// RSA signs with PSS, SHA-256 and a salt of 32 bytes: PSS has a proof, and it is
// the scheme of the other DSSE implementations. Verification takes a salt of any
// length, since many TPMs use the longest that fits.
type scheme struct {
	hash   crypto.Hash // 0: the message itself is signed
	opts   crypto.SignerOpts
	verify func(digest, sig []byte) bool
}

func schemeOf(key crypto.PublicKey) (scheme, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return scheme{}, fmt.Errorf("receipt: %w: Ed25519 key of %d bytes", ErrKey, len(k))
		}
		return scheme{0, crypto.Hash(0), func(msg, sig []byte) bool { return ed25519.Verify(k, msg, sig) }}, nil
	case *ecdsa.PublicKey:
		return ecdsaScheme(k)
	case *rsa.PublicKey:
		return rsaScheme(k)
	default:
		return scheme{}, fmt.Errorf("receipt: %w: %T", ErrKey, key)
	}
}

func ecdsaScheme(k *ecdsa.PublicKey) (scheme, error) {
	if k == nil {
		return scheme{}, fmt.Errorf("receipt: %w: no ECDSA key", ErrKey)
	}
	verify := func(digest, sig []byte) bool { return ecdsa.VerifyASN1(k, digest, sig) }
	switch k.Curve {
	case elliptic.P256():
		return scheme{crypto.SHA256, crypto.SHA256, verify}, nil
	case elliptic.P384():
		return scheme{crypto.SHA384, crypto.SHA384, verify}, nil
	default:
		return scheme{}, fmt.Errorf("receipt: %w: ECDSA on a curve other than P-256 and P-384", ErrKey)
	}
}

func rsaScheme(k *rsa.PublicKey) (scheme, error) {
	if k == nil || k.N == nil {
		return scheme{}, fmt.Errorf("receipt: %w: no RSA key", ErrKey)
	}
	if bits := k.N.BitLen(); bits < MinRSA || bits > MaxRSA {
		return scheme{}, fmt.Errorf("receipt: %w: RSA of %d bits, want %d to %d", ErrKey, bits, MinRSA, MaxRSA)
	}
	sign := &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256}
	read := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}
	verify := func(digest, sig []byte) bool { return rsa.VerifyPSS(k, crypto.SHA256, digest, sig, read) == nil }
	return scheme{crypto.SHA256, sign, verify}, nil
}

// digest gives what is handed to the key for a message.
func (s scheme) digest(msg []byte) []byte {
	switch s.hash {
	case crypto.SHA256:
		sum := sha256.Sum256(msg)
		return sum[:]
	case crypto.SHA384:
		sum := sha512.Sum384(msg)
		return sum[:]
	default:
		return msg
	}
}

func signWith(signer crypto.Signer, msg []byte) (signature, error) {
	if signer == nil {
		return signature{}, fmt.Errorf("receipt: sign: %w: no signer", ErrKey)
	}
	s, err := schemeOf(signer.Public())
	if err != nil {
		return signature{}, err
	}
	id, err := KeyID(signer.Public())
	if err != nil {
		return signature{}, err
	}
	digest := s.digest(msg)
	sig, err := signer.Sign(rand.Reader, digest, s.opts)
	if err != nil {
		return signature{}, fmt.Errorf("receipt: sign: %w", err)
	}
	if !s.verify(digest, sig) {
		return signature{}, errors.New("receipt: sign: signer gave a signature that its public key does not verify")
	}
	return signature{KeyID: id, Sig: sig}, nil
}
