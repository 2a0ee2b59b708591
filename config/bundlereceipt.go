package config

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/receipt"
)

// BundlePredicateType is the type of the statement in the receipt for a bundle.
const BundlePredicateType = "https://github.com/iot-device-baseline/baseline/settings-bundle/v1"

// BundleReceipt is what a device signs when a bundle is in force and kept. It says
// nothing of later changes. It holds no value of a setting and no name of an entry
// of a map, which may be that of a person.
type BundleReceipt struct {
	Device    string    `json:"device"`
	Ownership string    `json:"ownership,omitempty"` // as in the bundle
	Signer    string    `json:"signer"`
	Entity    string    `json:"entity"` // for which it was authorised
	Sequence  uint64    `json:"sequence"`
	Result    string    `json:"result"` // "applied"
	Revision  string    `json:"revision"`
	Changed   []string  `json:"changed"`  // the first 64 of the settings that changed; "*" is an entry of a map
	Count     int       `json:"count"`    // of all that changed
	Insecure  []string  `json:"insecure"` // accepted insecure choices
	Restart   []string  `json:"restart"`  // take effect with a restart
	Time      time.Time `json:"time"`
	Clock     string    `json:"clock"` // how far Time can be trusted: a durable.Quality in words
	// Digest is that of the document, SHA-256 in hex. It is the subject of the
	// statement, not part of the predicate.
	Digest string `json:"-"`
}

const (
	resultApplied = "applied"
	bundleSubject = "settings-bundle"
)

func (s *Settings) statement(m *bundleMark) (*receipt.Statement, error) {
	r := BundleReceipt{
		Device: s.opts.Bundles.Device, Signer: m.Signer, Entity: m.Entity, Sequence: m.Sequence, Result: resultApplied,
		Revision: m.Revision, Changed: m.Changed, Count: m.Count, Insecure: m.Insecure, Restart: m.Restart,
		Time: m.Time, Clock: m.Clock,
	}
	if m.Bound {
		r.Ownership = m.Ownership
	}
	predicate, err := json.Marshal(r)
	return &receipt.Statement{
		Subject:       []receipt.Subject{{Name: bundleSubject, Digest: map[string]string{"sha256": m.Digest}}},
		PredicateType: BundlePredicateType, Predicate: predicate,
	}, err
}

func (s *Settings) signReceipt(m *bundleMark) ([]byte, error) {
	st, err := s.statement(m)
	if err != nil {
		return nil, err
	}
	return receipt.Sign(st, s.opts.Bundles.Receipts)
}

// unsignedReceipt says at once what was done when the key of the device is out of
// reach. A signed one is made as soon as it can be.
func (s *Settings) unsignedReceipt(m *bundleMark) []byte {
	st, err := s.statement(m)
	if err != nil {
		return nil
	}
	env, err := receipt.Unsigned(st, "the key of the device cannot sign now")
	if err != nil {
		return nil
	}
	return env
}

// VerifyBundleReceipt returns what a device says in the receipt for a bundle, if one
// of the keys has signed it. Compare Device, Digest and Sequence with what was sent:
// see [Bundle.Encode]. Errors are those of [receipt.Verify]; [receipt.ErrUnsigned]
// says that the device could not sign when it answered: send the bundle again.
func VerifyBundleReceipt(envelope []byte, keys ...crypto.PublicKey) (*BundleReceipt, error) {
	st, err := receipt.Verify(envelope, keys...)
	if err != nil {
		return nil, fmt.Errorf("config: bundle receipt: %w", err)
	}
	if st.PredicateType != BundlePredicateType {
		return nil, fmt.Errorf("config: bundle receipt: %w", &receipt.FieldError{Path: "/predicateType", Rule: "want " + BundlePredicateType})
	}
	var r BundleReceipt
	err = strictjson.Decode(st.Predicate, &r, strictjson.Limits{Bytes: receipt.MaxPayload, Depth: 2, Items: 4 * maxMarked})
	var bad *strictjson.Error
	if errors.As(err, &bad) {
		return nil, fmt.Errorf("config: bundle receipt: %w", &receipt.FieldError{Path: "/predicate" + bad.Path, Rule: bad.Rule})
	}
	if err != nil {
		return nil, fmt.Errorf("config: bundle receipt: %w", err)
	}
	r.Digest = st.Subject[0].Digest["sha256"]
	if len(st.Subject) != 1 || st.Subject[0].Name != bundleSubject || r.Digest == "" || r.Result != resultApplied {
		return nil, fmt.Errorf("config: bundle receipt: %w", &receipt.FieldError{Path: "/subject", Rule: "want one applied settings bundle"})
	}
	return &r, nil
}
