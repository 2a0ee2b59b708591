package tpm

import (
	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// PlayApproval shows the TPM what is in the registers of an approval, and the approval,
// without any check of ours.
func PlayApproval(t transport.TPMCloser, session tpm2.TPMISHPolicy, vendor *Vendor, raw []byte) error {
	a, err := parseApproval(raw)
	if err != nil {
		return err
	}
	if _, err := (tpm2.PolicyPCR{PolicySession: session, Pcrs: selection(a.mask)}).Execute(t); err != nil {
		return err
	}
	return (&Keys{t: t, opts: Options{Vendor: vendor}}).authorize(session, &a)
}

// ReencodeBlob and ReencodeApproval parse what comes from outside, and encode it again.
func ReencodeBlob(raw []byte) ([]byte, error) {
	b, err := parseBlob(raw, kindSecret, kindSigning, kindAuths, kindApproved)
	if err != nil {
		return nil, err
	}
	return b.encode()
}

func ReencodeApproval(raw []byte) ([]byte, error) {
	a, err := parseApproval(raw)
	if err != nil {
		return nil, err
	}
	return a.encode(), nil
}
