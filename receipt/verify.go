package receipt

import (
	"crypto"
	"fmt"
	"slices"
)

// Verify returns the statement in an envelope that at least one of the keys has
// signed. To demand several signatures use [VerifyThreshold]. Errors are those
// of VerifyThreshold.
func Verify(envelope []byte, keys ...crypto.PublicKey) (*Statement, error) {
	return VerifyThreshold(envelope, 1, keys...)
}

// VerifyThreshold returns the statement in an envelope that at least threshold
// different ones of the keys have signed; the same key given twice counts once.
// Signatures by other keys do no harm. Key ids in the envelope are not trusted:
// every signature is tried with every key.
//
// It gives [ErrUnsigned] for an envelope of [Unsigned], [ErrSignature] when too
// few keys have signed, [ErrKey] for a key that is not accepted, and a
// *[FieldError] for what is not well formed. With an error no statement is
// returned.
func VerifyThreshold(envelope []byte, threshold int, keys ...crypto.PublicKey) (*Statement, error) {
	trusted, err := schemes(keys)
	if err != nil {
		return nil, err
	}
	if threshold < 1 || threshold > len(trusted) {
		return nil, fmt.Errorf("receipt: verify: %w: threshold %d of %d keys", ErrKey, threshold, len(trusted))
	}
	env, err := parseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if env.Signature == "none" {
		return nil, fmt.Errorf("receipt: verify: %w: %s", ErrUnsigned, env.Reason)
	}
	if n := env.signedBy(trusted); n < threshold {
		return nil, fmt.Errorf("receipt: verify: %w: %d of %d keys, want %d", ErrSignature, n, len(trusted), threshold)
	}
	return parsePayload(env.Payload)
}

// schemes gives the distinct keys, ready to verify.
func schemes(keys []crypto.PublicKey) (map[string]scheme, error) {
	if len(keys) > 4*MaxSignatures {
		return nil, fmt.Errorf("receipt: verify: %w: %d keys, at most %d", ErrKey, len(keys), 4*MaxSignatures)
	}
	out := map[string]scheme{}
	for _, key := range keys {
		id, err := KeyID(key)
		if err != nil {
			return nil, err
		}
		if out[id], err = schemeOf(key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (env *envelope) signedBy(keys map[string]scheme) int {
	msg := PAE(env.PayloadType, env.Payload)
	n := 0
	for _, s := range keys {
		digest := s.digest(msg)
		if slices.ContainsFunc(env.Signatures, func(sig signature) bool { return s.verify(digest, sig.Sig) }) {
			n++
		}
	}
	return n
}

// Inspection is what an envelope says, not checked against any key.
type Inspection struct {
	Statement *Statement
	KeyIDs    []string // as claimed, one for each signature
	Unsigned  string   // the reason why there is no signature; "" when there is one
}

// Inspect reads an envelope without verifying it, to show it to people or to
// find the right key. Nothing in the result may be relied upon. A *[FieldError]
// is the error for what is not well formed.
func Inspect(envelope []byte) (*Inspection, error) {
	env, err := parseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	st, err := parsePayload(env.Payload)
	if err != nil {
		return nil, err
	}
	in := &Inspection{Statement: st, Unsigned: env.Reason}
	for _, s := range env.Signatures {
		in.KeyIDs = append(in.KeyIDs, s.KeyID)
	}
	return in, nil
}
