package tpm

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// public is the vendor's key as the TPM knows it.
func (v *Vendor) public() (tpm2.TPMTPublic, error) {
	point, err := v.Key.Bytes() // 4 | x | y
	if err != nil {
		return tpm2.TPMTPublic{}, err
	}
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: tpm2.TPMAObject{SignEncrypt: true, UserWithAuth: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme:  tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256,
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: point[1 : 1+scalar]}, Y: tpm2.TPM2BECCParameter{Buffer: point[1+scalar:]},
		}),
	}, nil
}

// authorize is the step of the policy that asks for the vendor's approval.
func (v *Vendor) authorize() (tpm2.PolicyAuthorize, error) {
	public, err := v.public()
	if err != nil {
		return tpm2.PolicyAuthorize{}, err
	}
	name, err := tpm2.ObjectName(&public)
	if err != nil {
		return tpm2.PolicyAuthorize{}, err
	}
	return tpm2.PolicyAuthorize{PolicyRef: tpm2.TPM2BDigest{Buffer: reference(v.Product)}, KeySign: *name}, nil
}

// approval returns the approval of what was measured into the registers of a mask. The
// error says how what is here differs from what comes nearest.
func (k *Keys) approval(mask uint32) (*approval, error) {
	values, err := k.measured(mask)
	if err != nil {
		return nil, err
	}
	refused := 0
	var nearest []uint
	for _, raw := range k.opts.Vendor.Approvals {
		a, err := parseApproval(raw)
		if err != nil || a.mask != mask || !a.signedBy(k.opts.Vendor) {
			refused++
			continue
		}
		other := differ(mask, values, a.pcrs)
		if len(other) == 0 {
			return &a, nil
		}
		if nearest == nil || len(other) < len(nearest) {
			nearest = other
		}
	}
	if nearest == nil {
		return nil, fmt.Errorf("no approval of the vendor's for these PCRs, %d that are damaged, not his, or for others: %w", refused, protect.ErrPolicy)
	}
	return nil, fmt.Errorf("software that the vendor has not approved of was started: PCRs %v differ: %w", nearest, protect.ErrPolicy)
}

// differ returns the registers of a mask that have other values.
func differ(mask uint32, values, wanted [][sha256.Size]byte) (other []uint) {
	for i, p := range list(mask) {
		if values[i] != wanted[i] {
			other = append(other, p)
		}
	}
	return other
}

// authorize shows the TPM, after PolicyPCR, that the vendor approves of that.
func (k *Keys) authorize(session tpm2.TPMISHPolicy, a *approval) error {
	step, err := k.opts.Vendor.authorize()
	if err != nil {
		return err
	}
	if step.CheckTicket, err = k.ticket(a); err != nil {
		return err
	}
	policy, err := a.policy()
	if err != nil {
		return err
	}
	step.PolicySession, step.ApprovedPolicy = session, tpm2.TPM2BDigest{Buffer: policy}
	_, err = step.Execute(k.t)
	return err
}

// ticket has the TPM verify the signature of a.
func (k *Keys) ticket(a *approval) (tpm2.TPMTTKVerified, error) {
	var none tpm2.TPMTTKVerified
	public, err := k.opts.Vendor.public()
	if err != nil {
		return none, err
	}
	key, err := tpm2.LoadExternal{InPublic: tpm2.New2B(public), Hierarchy: tpm2.TPMRHOwner}.Execute(k.t)
	if err != nil {
		return none, err
	}
	defer k.flush(key.ObjectHandle)
	digest, err := a.signed(k.opts.Vendor.Product)
	if err != nil {
		return none, err
	}
	verified, err := tpm2.VerifySignature{
		KeyHandle: key.ObjectHandle, Digest: tpm2.TPM2BDigest{Buffer: digest},
		Signature: tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA, &tpm2.TPMSSignatureECC{
			Hash:       tpm2.TPMAlgSHA256,
			SignatureR: tpm2.TPM2BECCParameter{Buffer: slices.Clone(a.sig[:scalar])}, SignatureS: tpm2.TPM2BECCParameter{Buffer: slices.Clone(a.sig[scalar:])},
		})},
	}.Execute(k.t)
	if err != nil {
		return none, err
	}
	return verified.Validation, nil
}
