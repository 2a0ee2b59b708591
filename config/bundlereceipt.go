package config

import (
	"encoding/json"
	"time"
)

// BundleReceipts make the receipts for bundles. NewReceipts of package
// config/bundle gives them; they are apart because a device that signs nothing has no
// room for signatures.
//
// Who calls it: [Settings.ApplyBundle] and [Open], one call at a time, while no other
// change goes on.
//
//   - Sign returns an envelope with the statement that the document whose SHA-256 is
//     digest, in hex, is what predicate says, a JSON object: see [BundleReceipt].
//   - An error of Sign loses nothing: it is called again when the sender asks, and at
//     the next start. It does not wait for a key that is out of reach.
//   - Unsigned returns the same without a signature, and with the reason, so that a
//     reader cannot take it for the other.
//
// The interface is frozen. It has no kit yet.
type BundleReceipts interface {
	Sign(digest string, predicate []byte) (envelope []byte, err error)
	Unsigned(digest string, predicate []byte, reason string) (envelope []byte, err error)
}

// BundleReceipt is what a device signs when a bundle is in force and kept. It says
// nothing of later changes. It holds no value of a setting and no name of an entry
// of a map, which may be that of a person.
type BundleReceipt struct {
	Device    string    `json:"device"`
	Ownership string    `json:"ownership,omitempty"` // as in the bundle
	Signer    string    `json:"signer"`
	Entity    string    `json:"entity"` // for which it was authorised
	Sequence  uint64    `json:"sequence"`
	Result    string    `json:"result"` // BundleApplied
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

// BundleApplied is the result of a bundle that is in force and kept. Refusals get no
// receipt: whoever can send anything could make the device sign.
const BundleApplied = "applied"

func (s *Settings) predicate(m *bundleMark) ([]byte, error) {
	r := BundleReceipt{
		Device: s.opts.Bundles.Device, Signer: m.Signer, Entity: m.Entity, Sequence: m.Sequence, Result: BundleApplied,
		Revision: m.Revision, Changed: m.Changed, Count: m.Count, Insecure: m.Insecure, Restart: m.Restart,
		Time: m.Time, Clock: m.Clock,
	}
	if m.Bound {
		r.Ownership = m.Ownership
	}
	return json.Marshal(r)
}

func (s *Settings) signReceipt(m *bundleMark) ([]byte, error) {
	predicate, err := s.predicate(m)
	if err != nil {
		return nil, err
	}
	return s.opts.Bundles.Receipts.Sign(m.Digest, predicate)
}

// unsignedReceipt says at once what was done when the key of the device is out of
// reach. A signed one is made as soon as it can be.
func (s *Settings) unsignedReceipt(m *bundleMark) []byte {
	predicate, err := s.predicate(m)
	if err != nil {
		return nil
	}
	env, err := s.opts.Bundles.Receipts.Unsigned(m.Digest, predicate, "the key of the device cannot sign now")
	if err != nil {
		return nil
	}
	return env
}
