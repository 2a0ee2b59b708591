package publish

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// sign puts the signatures of a role on m. It takes any crypto.Signer, where go-tuf's
// own signs only with keys in memory.
func sign[T metadata.Roles](m *metadata.Metadata[T], signers []crypto.Signer) ([]byte, error) {
	payload, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return nil, fmt.Errorf("publish: sign: %w", err)
	}
	m.ClearSignatures()
	for _, s := range signers {
		id, err := keyID(s)
		if err != nil {
			return nil, err
		}
		sig, err := signBytes(s, payload)
		if err != nil {
			return nil, fmt.Errorf("publish: sign: %w", err)
		}
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: id, Signature: sig})
	}
	return m.ToBytes(false)
}

func signBytes(s crypto.Signer, payload []byte) ([]byte, error) {
	if _, ok := s.Public().(ed25519.PublicKey); ok {
		return s.Sign(rand.Reader, payload, crypto.Hash(0))
	}
	sum := sha256.Sum256(payload)
	return s.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// key describes a signer's public key as TUF does.
func key(s crypto.Signer) (*metadata.Key, error) {
	if s == nil {
		return nil, fmt.Errorf("publish: %w: a nil signer", ErrKeys)
	}
	switch p := s.Public().(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return nil, fmt.Errorf("publish: %w: an ECDSA key that is not P-256", ErrKeys)
		}
	default:
		return nil, fmt.Errorf("publish: %w: a %T", ErrKeys, p)
	}
	k, err := metadata.KeyFromPublicKey(s.Public())
	if err != nil {
		return nil, fmt.Errorf("publish: %w: %v", ErrKeys, err)
	}
	return k, nil
}

func keyID(s crypto.Signer) (string, error) {
	k, err := key(s)
	if err != nil {
		return "", err
	}
	return k.ID()
}

// separate checks the signers that a new repository needs: enough for each role, and
// no key in two roles, since who steals one must not hold two.
func (r *Repository) separate() error {
	owner := map[string]string{}
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := r.roles[name]
		if len(role.Signers) < role.Threshold {
			return fmt.Errorf("publish: %s: %w: %d for a threshold of %d", name, ErrKeys, len(role.Signers), role.Threshold)
		}
		for _, s := range role.Signers {
			id, err := keyID(s)
			if err != nil {
				return err
			}
			if other, taken := owner[id]; taken {
				return fmt.Errorf("publish: %s: %w: the key also serves %s", name, ErrKeys, other)
			}
			owner[id] = name
		}
	}
	return nil
}
