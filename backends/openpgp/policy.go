package openpgp

import (
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Sizes of RSA keys, in bits.
const (
	minRSA = 2048
	maxRSA = 8192
)

// policy is what the library is told to refuse, in signatures over documents and in
// those that bind a key together.
func policy(now time.Time) *packet.Config {
	weak := map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true, crypto.SHA224: true}
	return &packet.Config{
		Time:                        func() time.Time { return now },
		MinRSABits:                  minRSA,
		RejectHashAlgorithms:        weak,
		RejectMessageHashAlgorithms: weak,
		RejectPublicKeyAlgorithms:   map[packet.PublicKeyAlgorithm]bool{packet.PubKeyAlgoDSA: true, packet.PubKeyAlgoElGamal: true},
		RejectCurves: map[packet.Curve]bool{
			packet.CurveSecP256k1: true, packet.CurveBrainpoolP256: true,
			packet.CurveBrainpoolP384: true, packet.CurveBrainpoolP512: true,
		},
	}
}

// checkAlgorithm says why a key may not sign here, or nothing. The brainpool curves
// are left out because the library's code for them is slow and not of constant time.
func checkAlgorithm(k *packet.PublicKey) error {
	switch k.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := k.BitLength(); err != nil || bits < minRSA || bits > maxRSA {
			return fmt.Errorf("RSA of %d bits, want %d to %d", bits, minRSA, maxRSA)
		}
		return nil
	case packet.PubKeyAlgoECDSA:
		curve, err := k.Curve()
		if err == nil && (curve == packet.CurveNistP256 || curve == packet.CurveNistP384 || curve == packet.CurveNistP521) {
			return nil
		}
		return fmt.Errorf("ECDSA on a curve other than P-256, P-384 and P-521")
	case packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448:
		return nil
	}
	return fmt.Errorf("algorithm %d, want RSA, ECDSA or EdDSA", k.PubKeyAlgo)
}

// classify gives an error of the library one of our sentinels. Its text is about
// algorithms, never about the document.
func classify(err error) error {
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return ErrSigner
	case errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrKeyRevoked),
		errors.Is(err, pgperrors.ErrSignatureOlderThanKey):
		return fmt.Errorf("%w: %v", ErrKey, err)
	}
	return fmt.Errorf("%w: %v", ErrSignature, err)
}

func fingerprint(k *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(k.Fingerprint))
}
