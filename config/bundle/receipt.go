package bundle

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/receipt"
)

// PredicateType is the type of the statement in a receipt.
const PredicateType = "https://github.com/iot-device-baseline/baseline/settings-bundle/v1"

const subject = "settings-bundle"

// Receipts signs with the key of the device. It is a [config.BundleReceipts].
type Receipts struct{ key crypto.Signer }

// NewReceipts returns receipts signed with key, of a kind that package receipt takes.
func NewReceipts(key crypto.Signer) *Receipts { return &Receipts{key} }

// Sign returns the signed envelope. Errors are those of [receipt.Sign].
func (r *Receipts) Sign(digest string, predicate []byte) (envelope []byte, err error) {
	return receipt.Sign(statement(digest, predicate), r.key)
}

// Unsigned returns an envelope that says why it has no signature. Errors are those of
// [receipt.Unsigned].
func (r *Receipts) Unsigned(digest string, predicate []byte, reason string) (envelope []byte, err error) {
	return receipt.Unsigned(statement(digest, predicate), reason)
}

func statement(digest string, predicate []byte) *receipt.Statement {
	return &receipt.Statement{
		Subject:       []receipt.Subject{{Name: subject, Digest: map[string]string{"sha256": digest}}},
		PredicateType: PredicateType, Predicate: json.RawMessage(predicate),
	}
}

// Digest is what a receipt calls the document of a bundle: its SHA-256 in hex.
func Digest(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// VerifyReceipt returns what a device says in the receipt for a bundle, if one of the
// keys has signed it. Compare Device, Digest and Sequence with what was sent. Errors
// are those of [receipt.Verify], and a [*receipt.FieldError] for a statement of
// another kind; [receipt.ErrUnsigned] says that the device could not sign when it
// answered: send the bundle again.
func VerifyReceipt(envelope []byte, keys ...crypto.PublicKey) (*config.BundleReceipt, error) {
	st, err := receipt.Verify(envelope, keys...)
	if err != nil {
		return nil, fmt.Errorf("bundle: receipt: %w", err)
	}
	r, err := read(st)
	if err != nil {
		return nil, fmt.Errorf("bundle: receipt: %w", err)
	}
	return r, nil
}

func read(st *receipt.Statement) (*config.BundleReceipt, error) {
	if st.PredicateType != PredicateType {
		return nil, &receipt.FieldError{Path: "/predicateType", Rule: "want " + PredicateType}
	}
	var r config.BundleReceipt
	err := strictjson.Decode(st.Predicate, &r, strictjson.Limits{Bytes: receipt.MaxPayload, Depth: 2, Items: 1024})
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return nil, &receipt.FieldError{Path: "/predicate" + bad.Path, Rule: bad.Rule}
	}
	if err != nil {
		return nil, err
	}
	if len(st.Subject) != 1 || st.Subject[0].Name != subject || st.Subject[0].Digest["sha256"] == "" {
		return nil, &receipt.FieldError{Path: "/subject", Rule: "want one settings bundle"}
	}
	if r.Result != config.BundleApplied {
		return nil, &receipt.FieldError{Path: "/predicate/result", Rule: "want " + config.BundleApplied}
	}
	r.Digest = st.Subject[0].Digest["sha256"]
	return &r, nil
}
