package receipt

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// The failures that a caller can act on. An envelope or statement that is not
// well formed gives a *[FieldError] instead.
var (
	// ErrUnsigned: the envelope says itself that it has no signature. The error
	// holds the reason given. Treat the statement as a claim that nobody vouches for.
	ErrUnsigned = errors.New("no signature")
	// ErrSignature: too few of the given keys have signed what the envelope holds.
	ErrSignature = errors.New("signature does not verify")
	// ErrKey: a key of a kind or size that is not accepted. Use Ed25519, ECDSA on
	// P-256 or P-384, or RSA of 2048 to 8192 bits.
	ErrKey = errors.New("key not accepted")
)

// envelope is DSSE's, and two members of ours for the unsigned form. A reader
// that knows only DSSE finds no signature there and refuses.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     b64         `json:"payload"`
	Signatures  []signature `json:"signatures"`
	Signature   string      `json:"signature,omitempty"` // "none"
	Reason      string      `json:"reason,omitempty"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   b64    `json:"sig"`
}

// b64 is base64 in the standard or the URL-safe alphabet, as DSSE demands of
// readers. It is decoded later, to say where it is wrong.
type b64 []byte

func (b b64) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

func (b *b64) UnmarshalText(text []byte) error {
	enc := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		enc = base64.URLEncoding
	}
	// The decoder skips line ends, so that one payload could have many forms.
	raw, err := enc.Strict().DecodeString(string(text))
	if err != nil || bytes.ContainsAny(text, "\r\n") {
		return errors.New("not base64")
	}
	*b = raw
	return nil
}

// PAE returns DSSE's pre-authentication encoding: the bytes that are signed.
// Type and length are part of them, so that a signature over one kind of payload
// is not valid for another.
func PAE(payloadType string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " ")
	b.Write(payload)
	return b.Bytes()
}

// Sign returns the envelope of a statement, signed by each of 1 to
// [MaxSignatures] signers. The scheme follows from the key: Ed25519, ECDSA with
// SHA-256 on P-256 and SHA-384 on P-384, RSA-PSS with SHA-256.
//
// Sign blocks while a signer does. It gives a *[FieldError] for a statement that
// [Verify] would refuse, [ErrKey] for a key that is not accepted, and else wraps
// the signer's error; nothing is signed before the statement was checked.
func Sign(st *Statement, signers ...crypto.Signer) ([]byte, error) {
	if len(signers) == 0 || len(signers) > MaxSignatures {
		return nil, fmt.Errorf("receipt: sign: %d signers, want 1 to %d", len(signers), MaxSignatures)
	}
	payload, err := st.payload()
	if err != nil {
		return nil, err
	}
	env := envelope{PayloadType: PayloadType, Payload: payload}
	for _, signer := range signers {
		sig, err := signWith(signer, PAE(PayloadType, payload))
		if err != nil {
			return nil, err
		}
		env.Signatures = append(env.Signatures, sig)
	}
	return json.Marshal(env)
}

// Unsigned returns the envelope of a statement that could not be signed, for
// example because the vault is closed, with the reason. [Verify] refuses it with
// [ErrUnsigned]; [Inspect] reads it.
func Unsigned(st *Statement, reason string) ([]byte, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, &FieldError{"/reason", "say why there is no signature"}
	}
	if err := checkText("/reason", reason); err != nil {
		return nil, err
	}
	payload, err := st.payload()
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{PayloadType, payload, []signature{}, "none", reason})
}

func parseEnvelope(data []byte) (*envelope, error) {
	var env envelope
	if err := decode(data, &env, strictjson.Limits{Bytes: MaxEnvelope, Depth: 4, Items: 64}); err != nil {
		return nil, err
	}
	if env.PayloadType != PayloadType {
		return nil, &FieldError{"/payloadType", "want " + PayloadType}
	}
	if n := len(env.Signatures); n > MaxSignatures {
		return nil, &FieldError{"/signatures", fmt.Sprintf("%d signatures, at most %d", n, MaxSignatures)}
	}
	for i, s := range env.Signatures {
		if err := checkText(fmt.Sprintf("/signatures/%d/keyid", i), s.KeyID); err != nil {
			return nil, err
		}
		if len(s.Sig) == 0 || len(s.Sig) > MaxRSA/8 {
			return nil, &FieldError{fmt.Sprintf("/signatures/%d/sig", i), fmt.Sprintf("want 1 to %d bytes", MaxRSA/8)}
		}
	}
	return &env, env.checkUnsigned()
}

func (env *envelope) checkUnsigned() error {
	switch {
	case env.Signature == "" && env.Reason == "":
		if len(env.Signatures) == 0 {
			return &FieldError{"/signatures", "none, and the envelope does not say why"}
		}
		return nil
	case env.Signature != "none":
		return &FieldError{"/signature", `want "none" or nothing`}
	case len(env.Signatures) > 0:
		return &FieldError{"/signature", "none, beside signatures"}
	case strings.TrimSpace(env.Reason) == "":
		return &FieldError{"/reason", "say why there is no signature"}
	default:
		return checkText("/reason", env.Reason)
	}
}
