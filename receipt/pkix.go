package receipt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// The PKIX encoding is made here because crypto/x509 links net, which a program
// that only signs receipts does not need. The tests compare the two.

// What stands before the key itself, for keys of fixed length (RFC 8410, RFC 5480).
const (
	pkixEd25519 = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
	pkixP256    = "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
	pkixP384    = "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"
)

// pkix returns the SubjectPublicKeyInfo of a key that schemeOf has accepted.
func pkix(key crypto.PublicKey) ([]byte, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return append([]byte(pkixEd25519), k...), nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("receipt: key id: %w: %v", ErrKey, err)
		}
		if k.Curve == elliptic.P256() {
			return append([]byte(pkixP256), point...), nil
		}
		return append([]byte(pkixP384), point...), nil
	case *rsa.PublicKey:
		return pkixRSA(k)
	default:
		return nil, fmt.Errorf("receipt: key id: %w: %T", ErrKey, key)
	}
}

// pkixRSA is RFC 8017, A.1.1 in RFC 3279, 2.3.1.
func pkixRSA(k *rsa.PublicKey) ([]byte, error) {
	type algorithm struct {
		OID  asn1.ObjectIdentifier
		Null asn1.RawValue
	}
	bits, err := asn1.Marshal(struct {
		N *big.Int
		E int
	}{k.N, k.E})
	if err != nil {
		return nil, fmt.Errorf("receipt: key id: %w: %v", ErrKey, err)
	}
	return asn1.Marshal(struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{
		algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.NullRawValue},
		asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)},
	})
}
