package config

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// How a bundle is taken once and for all, and never twice.
//
// The settings and the mark of the bundle that they came from are one record, so one
// Put decides whether a power cut leaves the bundle taken or not. The mark is then
// copied to a record of its signer beside the floor, where a reset leaves it. A cut
// between the two is made good by the next start: taking a mark over is repeatable
// and never lowers a sequence. Until it was taken over no other bundle is.

// bundleMark says which bundle was taken last, and what its receipt says. It names
// nobody: entries of maps are "*".
type bundleMark struct {
	Signer    string    `json:"signer"`
	Entity    string    `json:"entity"`
	Ownership string    `json:"ownership"` // in which it was taken
	Bound     bool      `json:"bound"`     // to that ownership, by its document
	Sequence  uint64    `json:"sequence"`
	Digest    string    `json:"digest"` // of the document, SHA-256 in hex
	Revision  string    `json:"revision"`
	Changed   []string  `json:"changed"`
	Insecure  []string  `json:"insecure"`
	Restart   []string  `json:"restart"`
	Count     int       `json:"count"` // of all settings that changed
	Time      time.Time `json:"time"`
	Clock     string    `json:"clock"` // quality of Time
}

// maxMarked is how many settings a receipt names.
const maxMarked = 64

func (m *bundleMark) check() error {
	raw, err := hex.DecodeString(m.Digest)
	switch {
	case err != nil || len(raw) != 32:
		return errors.New("digest of a bundle is not 32 bytes in hex")
	case m.Sequence == 0 || m.Sequence > maxExact:
		return errors.New("sequence of a bundle is not 1 to 2^53-1")
	case m.Signer == "" || durable.ValidName(bundleName(m.Signer)) != nil:
		return errors.New("signer of a bundle has no name")
	case len(m.Changed) > maxMarked || len(m.Insecure) > maxMarked || len(m.Restart) > maxMarked:
		return errors.New("bundle names too many settings")
	}
	return nil
}

// bundleRecord is what is kept of one signer, also of one who is no longer enrolled.
type bundleRecord struct {
	// Last was taken last, or is nil.
	Last *bundleMark `json:"last,omitempty"`
	// Unbound is the highest sequence of a bundle without ownership, in any.
	Unbound uint64 `json:"unbound"`
	// Receipt is that of Last, or empty while it could not be signed.
	Receipt []byte `json:"receipt"`
	// Entities are the last ones for which his bundles were taken.
	Entities []string `json:"entities,omitempty"`
	// Digests are of the last documents that were taken, the oldest first.
	Digests []string `json:"digests,omitempty"`
}

// How many entities and documents a record names.
const (
	maxEntities = 8
	maxDigests  = 32
)

func (r bundleRecord) check() error {
	if r.Unbound > maxExact {
		return errors.New("sequence is not 0 to 2^53-1")
	}
	if len(r.Entities) > maxEntities || len(r.Digests) > maxDigests {
		return errors.New("record of a signer names too many entities or documents")
	}
	if r.Last == nil {
		return nil
	}
	return r.Last.check()
}

const bundlePrefix = "settings/bundles/"

// bundleName is where the record of a signer lies.
func bundleName(signer string) string { return bundlePrefix + strings.ToLower(signer) }

func (s *Settings) bundleValue(name string) *durable.Value[bundleRecord] {
	return durable.NewValue(s.opts.Floor, name, &durable.ValueOptions[bundleRecord]{Check: bundleRecord.check})
}

// take takes m over, as far as it is news, and reports whether it was. A mark of
// another ownership counts only against replay: what the last owner was sent is
// nothing to this one.
func (r *bundleRecord) take(m *bundleMark, ownership string) (news bool) {
	if !m.Bound && m.Sequence > r.Unbound {
		r.Unbound, news = m.Sequence, true
	}
	if m.Ownership != ownership || r.of(ownership) && m.Sequence <= r.Last.Sequence {
		if news {
			r.note(m)
		}
		return news
	}
	r.Last, r.Receipt = m, nil
	r.note(m)
	return true
}

// note notes for whom and as what m was taken.
func (r *bundleRecord) note(m *bundleMark) {
	r.Entities = lastOf(r.Entities, m.Entity, maxEntities)
	r.Digests = lastOf(r.Digests, m.Digest, maxDigests)
}

// lastOf returns list with one as its last, without the oldest if they are more than most.
func lastOf(list []string, one string, most int) []string {
	list = append(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one }), one)
	return list[max(0, len(list)-most):]
}

func (r *bundleRecord) of(ownership string) bool {
	return r.Last != nil && r.Last.Ownership == ownership
}

// taken is the sequence that a bundle must exceed.
func (r *bundleRecord) taken(ownership string, bound bool) (least uint64) {
	if r.of(ownership) {
		least = r.Last.Sequence
	}
	if !bound {
		least = max(least, r.Unbound)
	}
	return least
}

// settleBundle takes the mark of the settings over into the record of its signer, with a
// receipt. The caller holds changing.
func (s *Settings) settleBundle(ctx context.Context) (r bundleRecord, err error) {
	m := s.state.Load().record.Bundle
	if m == nil || s.opts.Bundles == nil {
		return r, nil
	}
	defer func() { s.unsettled = err != nil }()
	kept := s.bundleValue(bundleName(m.Signer))
	if r, err = kept.LoadOr(ctx, bundleRecord{}); err != nil {
		return r, fmt.Errorf("record of the signer: %w", err)
	}
	ownership := s.opts.Bundles.Ownership()
	news := r.take(m, ownership)
	if r.of(ownership) && len(r.Receipt) == 0 {
		if env, err := s.signReceipt(r.Last); err == nil { // else it is tried again
			r.Receipt, news = env, true
		}
	}
	if !news {
		return r, nil
	}
	if err = kept.Store(ctx, r); err != nil {
		return r, fmt.Errorf("record of the signer: %w", err)
	}
	return r, nil
}
