package tpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// A blob is, in this order and nothing else: "btpm", version, kind, the value of the
// epoch (8 bytes), a mask of PCRs (4), but where the vendor approves of them the digest of
// each of these PCRs (32), and, each behind its length (2), the public and the private part that the TPM made. Numbers are
// big-endian. Everything before the parts is what the policy in the public part says:
// so it is authenticated with it.
const (
	blobMagic   = "btpm"
	blobVersion = 1
	maxBlob     = 2 << 10
	maxPart     = 640
)

// The kinds of blobs.
const (
	kindSecret byte = iota + 1
	kindSigning
	kindAuths
	kindApproved // a secret that opens for what the vendor has approved of
)

// object is what the TPM made of a secret, or of a key.
type object struct{ public, private []byte }

type blob struct {
	kind  byte
	epoch uint64 // value of the counter for which it opens; 0 is whichever
	mask  uint32
	pcrs  [][sha256.Size]byte // ascending
	object
}

func (b blob) encode() ([]byte, error) {
	if len(b.public) > maxPart || len(b.private) > maxPart {
		return nil, fmt.Errorf("the TPM made parts of %d and %d bytes", len(b.public), len(b.private))
	}
	out := append([]byte(blobMagic), blobVersion, b.kind)
	out = binary.BigEndian.AppendUint64(out, b.epoch)
	out = binary.BigEndian.AppendUint32(out, b.mask)
	for _, d := range b.pcrs {
		out = append(out, d[:]...)
	}
	for _, part := range [][]byte{b.public, b.private} {
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)))
		out = append(out, part...)
	}
	return out, nil
}

// secret reports whether b is a secret, with a policy.
func (b *blob) secret() bool { return b.kind == kindSecret || b.kind == kindApproved }

// parseBlob reads a blob of one of these kinds.
func parseBlob(raw []byte, kinds ...byte) (blob, error) {
	r := cursor{rest: raw}
	magic, version, b := r.take(len(blobMagic)), r.take(1), blob{}
	b.kind = r.take(1)[0]
	b.epoch = binary.BigEndian.Uint64(r.take(8))
	b.mask = binary.BigEndian.Uint32(r.take(4))
	for range list(b.mask) {
		if b.kind != kindApproved {
			b.pcrs = append(b.pcrs, [sha256.Size]byte(r.take(sha256.Size)))
		}
	}
	b.public, b.private = r.part(), r.part()
	switch {
	case len(raw) > maxBlob || r.short || len(r.rest) > 0 || string(magic) != blobMagic || b.mask>>maxPCR != 0:
		return blob{}, fmt.Errorf("not a blob of this package: %w", protect.ErrTampered)
	case version[0] != blobVersion:
		return blob{}, fmt.Errorf("blob of version %d: %w", version[0], protect.ErrTampered)
	case !slices.Contains(kinds, b.kind):
		return blob{}, fmt.Errorf("a blob of another kind: %w", protect.ErrForeign)
	case (b.epoch != 0) != b.secret(), b.mask != 0 && !b.secret(), b.mask == 0 && b.kind == kindApproved:
		return blob{}, fmt.Errorf("a policy in a blob that has none: %w", protect.ErrTampered)
	}
	return b, nil
}

// cursor reads bytes; once there are too few, zeros.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if len(c.rest) < n {
		c.short, c.rest = true, nil
		return make([]byte, n)
	}
	out := c.rest[:n]
	c.rest = c.rest[n:]
	return out
}

func (c *cursor) part() []byte {
	n := int(binary.BigEndian.Uint16(c.take(2)))
	if n > maxPart {
		c.short, n = true, 0
	}
	return bytes.Clone(c.take(n))
}

const maxPCR = 24

// maskOf returns registers as a mask.
func maskOf(pcrs []int) (mask uint32, err error) {
	for _, p := range pcrs {
		if p < 0 || p >= maxPCR || mask>>p&1 != 0 {
			return 0, fmt.Errorf("PCRs are 0 to %d, each once: %w", maxPCR-1, fs.ErrInvalid)
		}
		mask |= 1 << p
	}
	return mask, nil
}

// list returns the registers of a mask, ascending.
func list(mask uint32) (pcrs []uint) {
	for p := range uint(maxPCR) {
		if mask>>p&1 != 0 {
			pcrs = append(pcrs, p)
		}
	}
	return pcrs
}

func selection(mask uint32) tpm2.TPMLPCRSelection {
	bits := []byte{byte(mask), byte(mask >> 8), byte(mask >> 16)}
	return tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: bits}}}
}

// policyPCR wants the registers to have these values: it takes the digest of them together.
func policyPCR(mask uint32, pcrs [][sha256.Size]byte) tpm2.PolicyPCR {
	h := sha256.New()
	for _, d := range pcrs {
		h.Write(d[:])
	}
	return tpm2.PolicyPCR{PcrDigest: tpm2.TPM2BDigest{Buffer: h.Sum(nil)}, Pcrs: selection(mask)}
}

// policy returns what the public part of b has to hold: nil for an object without one.
// It is PolicyPCR, or, where the vendor approves of that, PolicyAuthorize alone, which
// takes its place; then PolicyNV.
func (b *blob) policy(epoch tpm2.NamedHandle, vendor *Vendor) ([]byte, error) {
	if !b.secret() {
		return nil, nil
	}
	c, err := tpm2.NewPolicyCalculator(tpm2.TPMAlgSHA256)
	if err != nil {
		return nil, err
	}
	switch {
	case b.kind == kindApproved && vendor == nil:
		return nil, fmt.Errorf("it opens for what a vendor approves of, and Options.Vendor is nil: %w", fs.ErrInvalid)
	case b.kind == kindApproved:
		step, serr := vendor.authorize()
		if err = serr; err == nil {
			err = step.Update(c)
		}
	case b.mask != 0:
		err = policyPCR(b.mask, b.pcrs).Update(c)
	}
	if err != nil {
		return nil, err
	}
	if err := b.policyNV(epoch).Update(c); err != nil {
		return nil, err
	}
	return c.Hash().Digest, nil
}

func (b *blob) policyNV(epoch tpm2.NamedHandle) tpm2.PolicyNV {
	return tpm2.PolicyNV{
		NVIndex: epoch, OperandB: tpm2.TPM2BOperand{Buffer: binary.BigEndian.AppendUint64(nil, b.epoch)}, Operation: tpm2.TPMEOEq,
	}
}

// fits reports whether the public part is what we make: bound to this TPM, and with the
// policy that the blob tells.
func (b *blob) fits(public *tpm2.TPMTPublic, policy []byte) bool {
	a := public.ObjectAttributes
	return a.FixedTPM && a.FixedParent && !a.Restricted && !a.Decrypt && slices.Equal(public.AuthPolicy.Buffer, policy) && a.UserWithAuth == (policy == nil)
}
