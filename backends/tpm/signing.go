package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"sync/atomic"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// hashes are those that keys sign digests of.
var hashes = map[crypto.Hash]tpm2.TPMAlgID{
	crypto.SHA256: tpm2.TPMAlgSHA256, crypto.SHA384: tpm2.TPMAlgSHA384, crypto.SHA512: tpm2.TPMAlgSHA512,
}

// CreateKey implements [protect.SigningKeys], for [protect.ECDSAP256]. The key has no
// scheme of its own, so that it signs whichever hash TLS picks.
func (k *Keys) CreateKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	return do(ctx, k, "create key", func() ([]byte, error) {
		if alg != protect.ECDSAP256 {
			return nil, fmt.Errorf("algorithm %v: %w", alg, errors.ErrUnsupported)
		}
		r, err := tpm2.Create{
			ParentHandle: k.parent(),
			InPublic: tpm2.New2B(tpm2.TPMTPublic{
				Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
				ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true},
				Parameters:       tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256}),
			}),
		}.Execute(k.t)
		if err != nil {
			return nil, err
		}
		return blob{kind: kindSigning, object: object{tpm2.Marshal(r.OutPublic), tpm2.Marshal(r.OutPrivate)}}.encode()
	})
}

// OpenKey implements [protect.SigningKeys]. The key is loaded for each signature.
func (k *Keys) OpenKey(ctx context.Context, raw []byte) (protect.Signer, error) {
	return do(ctx, k, "open key", func() (protect.Signer, error) {
		b, err := parseBlob(raw, kindSigning)
		if err != nil {
			return nil, err
		}
		loaded, public, err := k.load(&b, nil)
		if err != nil {
			return nil, err
		}
		k.flush(loaded.Handle)
		key, err := publicKey(public)
		if err != nil {
			return nil, err
		}
		return &signer{keys: k, blob: &b, public: key}, nil
	})
}

// publicKey wants a P-256 key that was made inside of a TPM.
func publicKey(public *tpm2.TPMTPublic) (*ecdsa.PublicKey, error) {
	a := public.ObjectAttributes
	if public.Type != tpm2.TPMAlgECC || !a.SensitiveDataOrigin || !a.SignEncrypt {
		return nil, fmt.Errorf("not a signing key of ours: %w", protect.ErrTampered)
	}
	params, err := public.Parameters.ECCDetail()
	if err != nil || params.CurveID != tpm2.TPMECCNistP256 {
		return nil, fmt.Errorf("not a key on P-256: %w", protect.ErrTampered)
	}
	point, err := public.Unique.ECC()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", protect.ErrTampered)
	}
	return tpm2.ECDSAPub(params, point)
}

// signer is a key in the TPM. Its blob is behind a pointer, so that no format of fmt
// shows it.
type signer struct {
	keys   *Keys
	blob   *blob
	public *ecdsa.PublicKey
	closed atomic.Bool
}

func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign signs a digest of SHA-256, SHA-384, or SHA-512, within Options.Timeout.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("tpm: sign: %w", fs.ErrClosed)
	}
	hash, ok := hashes[opts.HashFunc()]
	if !ok {
		return nil, fmt.Errorf("tpm: sign: hash %v: %w", opts.HashFunc(), errors.ErrUnsupported)
	}
	if len(digest) != opts.HashFunc().Size() {
		return nil, fmt.Errorf("tpm: sign: digest of %d bytes, want %d: %w", len(digest), opts.HashFunc().Size(), fs.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.keys.opts.Timeout)
	defer cancel()
	return do(ctx, s.keys, "sign", func() ([]byte, error) { return s.keys.sign(s.blob, hash, digest) })
}

func (k *Keys) sign(b *blob, hash tpm2.TPMAlgID, digest []byte) ([]byte, error) {
	loaded, _, err := k.load(b, nil)
	if err != nil {
		return nil, err
	}
	defer k.flush(loaded.Handle)
	r, err := tpm2.Sign{
		KeyHandle:  tpm2.AuthHandle{Handle: loaded.Handle, Name: loaded.Name, Auth: k.session(nil, encryptIn)},
		Digest:     tpm2.TPM2BDigest{Buffer: digest},
		InScheme:   tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSchemeHash{HashAlg: hash})},
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	sig, err := r.Signature.Signature.ECDSA()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig.SignatureR.Buffer), new(big.Int).SetBytes(sig.SignatureS.Buffer)})
}

func (s *signer) Close() error {
	s.closed.Store(true)
	return nil
}

// Format shows nothing of the key.
func (s *signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "tpm.signer") }
