package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/big"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// Vendor says for which software secrets open: for what he has approved of by a signature
// over the values of PCRs. So what was sealed before an update opens after it, and nothing
// is sealed again. An approval is not withdrawn: that older software stays away is up to
// the floors of package update, and to the boot loader.
type Vendor struct {
	// Key verifies approvals; of P-256. Another key is another policy: what was sealed
	// under this one does not open with it.
	Key *ecdsa.PublicKey
	// Product, 1 to 64 bytes, is what the approvals are for.
	Product string
	// Approvals are those of the software that may run here, at most 64: a release brings
	// its own. What is damaged, or not signed by Key, counts for nothing.
	Approvals [][]byte
}

const maxApprovals = 64

func (v *Vendor) check(mask uint32) error {
	switch {
	case v == nil:
		return nil
	case v.Key == nil || v.Key.Curve != elliptic.P256():
		return fmt.Errorf("the vendor's key is not one of P-256: %w", fs.ErrInvalid)
	case v.Product == "" || len(v.Product) > 64:
		return fmt.Errorf("a product has 1 to 64 bytes: %w", fs.ErrInvalid)
	case mask == 0:
		return fmt.Errorf("a vendor approves of PCRs, and there are none: %w", fs.ErrInvalid)
	case len(v.Approvals) > maxApprovals:
		return fmt.Errorf("%d approvals, at most %d: %w", len(v.Approvals), maxApprovals, fs.ErrInvalid)
	}
	return nil
}

// An approval is, in this order and nothing else: "btpa", version, a mask of PCRs (4
// bytes), the digest of each of these PCRs (32), and an ECDSA signature by the vendor's key
// as r and s (32 each). What is signed is what TPM2_PolicyAuthorize wants (TPM 2.0 Library,
// Part 3): SHA-256 over the digest of the policy, here PolicyPCR of these values, and the
// reference, here SHA-256 over a label and the product. Numbers are big-endian.
const (
	approvalMagic   = "btpa"
	approvalVersion = 1
	labelApproval   = "baseline/tpm/approval/1"
	scalar          = 32
)

type approval struct {
	mask uint32
	pcrs [][sha256.Size]byte // ascending
	sig  [2 * scalar]byte
}

// Approve makes an approval of the software that leads to these values of PCRs (SHA-256,
// by number) on a product. signer holds the vendor's key, of P-256. It needs no TPM, and
// does not belong on a device. One with no PCR, or with one into which nothing was
// measured, gives an error that is [fs.ErrInvalid].
func Approve(signer crypto.Signer, product string, pcrs map[int][sha256.Size]byte) ([]byte, error) {
	var a approval
	for p := range pcrs {
		mask, err := maskOf([]int{p})
		if err != nil {
			return nil, fmt.Errorf("tpm: approve: %w", err)
		}
		a.mask |= mask
	}
	for _, p := range list(a.mask) {
		if untouched(pcrs[int(p)]) {
			return nil, fmt.Errorf("tpm: approve: nothing was measured into PCR %d: %w", p, fs.ErrInvalid)
		}
		a.pcrs = append(a.pcrs, pcrs[int(p)])
	}
	key, _ := signer.Public().(*ecdsa.PublicKey)
	v := &Vendor{Key: key, Product: product}
	err := v.check(a.mask)
	if err == nil {
		a.sig, err = a.sign(signer, product)
	}
	if err == nil && !a.signedBy(v) {
		err = fmt.Errorf("the signer's signature does not verify: %w", fs.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("tpm: approve: %w", err)
	}
	return a.encode(), nil
}

func (a *approval) sign(signer crypto.Signer, product string) (sig [2 * scalar]byte, err error) {
	digest, err := a.signed(product)
	if err != nil {
		return sig, err
	}
	der, err := signer.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		return sig, err
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 || rs.R.Sign() < 0 || rs.S.Sign() < 0 || rs.R.BitLen() > 8*scalar || rs.S.BitLen() > 8*scalar {
		return sig, fmt.Errorf("not a signature of ECDSA: %w", fs.ErrInvalid)
	}
	rs.R.FillBytes(sig[:scalar])
	rs.S.FillBytes(sig[scalar:])
	return sig, nil
}

func (a *approval) encode() []byte {
	out := binary.BigEndian.AppendUint32(append([]byte(approvalMagic), approvalVersion), a.mask)
	for _, d := range a.pcrs {
		out = append(out, d[:]...)
	}
	return append(out, a.sig[:]...)
}

// parseApproval accepts exactly what encode makes.
func parseApproval(raw []byte) (a approval, err error) {
	r := cursor{rest: raw}
	magic, version := r.take(len(approvalMagic)), r.take(1)[0]
	a.mask = binary.BigEndian.Uint32(r.take(4))
	for range list(a.mask) {
		a.pcrs = append(a.pcrs, [sha256.Size]byte(r.take(sha256.Size)))
	}
	a.sig = [2 * scalar]byte(r.take(2 * scalar))
	if r.short || len(r.rest) > 0 || string(magic) != approvalMagic || version != approvalVersion || a.mask == 0 || a.mask>>maxPCR != 0 {
		return a, fmt.Errorf("not an approval: %w", protect.ErrTampered)
	}
	return a, nil
}

// policy is the digest of the policy that is approved.
func (a *approval) policy() ([]byte, error) {
	c, err := tpm2.NewPolicyCalculator(tpm2.TPMAlgSHA256)
	if err == nil {
		err = policyPCR(a.mask, a.pcrs).Update(c)
	}
	if err != nil {
		return nil, err
	}
	return c.Hash().Digest, nil
}

// signed is what the vendor signs.
func (a *approval) signed(product string) ([]byte, error) {
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(append(policy, reference(product)...))
	return digest[:], nil
}

// reference is the policy qualifier of a product.
func reference(product string) []byte {
	ref := sha256.Sum256([]byte(labelApproval + product))
	return ref[:]
}

func (a *approval) signedBy(v *Vendor) bool {
	digest, err := a.signed(v.Product)
	return err == nil && ecdsa.Verify(v.Key, digest, new(big.Int).SetBytes(a.sig[:scalar]), new(big.Int).SetBytes(a.sig[scalar:]))
}
