package publish

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const pemType = "PRIVATE KEY"

// GenerateKey makes an Ed25519 key.
func GenerateKey() (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	return private, err
}

// EncodeKey returns a private key as PKCS #8 in PEM, not encrypted. Where it is kept,
// and who reads it, is the caller's matter.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("publish: key: cannot be encoded as PKCS #8")
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// ParseKey is the inverse of EncodeKey. It takes the keys that may sign here.
func ParseKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemType || len(block.Headers) > 0 || len(rest) > 0 {
		return nil, errors.New("publish: key: not one block of PEM, \"PRIVATE KEY\"")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("publish: key: not PKCS #8")
	}
	s, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("publish: key: %w: a %T", ErrKeys, parsed)
	}
	if _, err := key(s); err != nil {
		return nil, err
	}
	return s, nil
}
