package config

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// What counts against a replay.
//
// A document may bear signatures of several keys, a verifier names one of them, and
// whoever carries the bundle chooses which signatures he shows. So a sequence is not
// a key's: a bundle must exceed all that was taken of its key or for its entity, also
// of keys that are no longer enrolled. And a document that was taken is not taken once
// more by the signature of another entity.

// keptRecord is what was found of one key.
type keptRecord struct {
	bundleRecord
	name   string
	entity string // for which the key is enrolled, or ""
	err    error  // why it cannot be read
}

// against reports whether k counts for a bundle of the key called name and of entity.
func (k *keptRecord) against(name, entity string) bool {
	return k.name == name || k.entity == entity || k.Last != nil && k.Last.Entity == entity ||
		slices.Contains(k.Entities, entity)
}

// holds reports whether the document was taken by that key.
func (k *keptRecord) holds(digest string) bool {
	return k.Last != nil && k.Last.Digest == digest || slices.Contains(k.Digests, digest)
}

// keptRecords loads what was taken of every key, and what the mark of the settings
// adds. Those enrolled are asked by name, since a List may leave out what is damaged.
func (s *Settings) keptRecords(ctx context.Context, ownership string) ([]keptRecord, error) {
	left, err := s.opts.Floor.List(ctx, bundlePrefix)
	if err != nil {
		return nil, fmt.Errorf("records of the signers: %w", err)
	}
	entities := map[string]string{}
	for _, name := range left {
		entities[name] = ""
	}
	mark := s.state.Load().record.Bundle
	if mark != nil {
		entities[bundleName(mark.Signer)] = ""
	}
	for id, who := range s.opts.Bundles.Signers {
		entities[bundleName(id)] = who.Entity
	}
	var list []keptRecord
	for _, name := range slices.Sorted(maps.Keys(entities)) {
		k := keptRecord{name: name, entity: entities[name]}
		if k.bundleRecord, k.err = s.bundleValue(name).LoadOr(ctx, bundleRecord{}); k.err != nil {
			k.err = fmt.Errorf("record of the signer: %w", k.err)
		} else if mark != nil && name == bundleName(mark.Signer) {
			k.take(mark, ownership)
		}
		list = append(list, k)
	}
	return list, ctx.Err()
}

// leastOf is the sequence that a bundle of the key called name and of entity must
// exceed. A record that cannot be read and may count is an error: nobody knows then
// what was taken.
func leastOf(list []keptRecord, name, entity, ownership string, bound bool) (least uint64, err error) {
	for i := range list {
		k := &list[i]
		if !k.against(name, entity) {
			continue
		}
		if k.err != nil {
			return 0, k.err
		}
		least = max(least, k.taken(ownership, bound))
	}
	return least, nil
}

// admitBundle says whether b is newer than all that was taken. The caller holds
// changing.
func (s *Settings) admitBundle(ctx context.Context, b *incoming) error {
	if _, err := s.settleBundle(ctx); err != nil {
		return fmt.Errorf("config: bundle: %w", err)
	}
	b.ownership = s.opts.Bundles.Ownership()
	list, err := s.keptRecords(ctx, b.ownership)
	if err != nil {
		return fmt.Errorf("config: bundle: %w", err)
	}
	name := bundleName(b.signer)
	least, err := leastOf(list, name, b.entity, b.ownership, b.Ownership != "")
	if err != nil {
		return fmt.Errorf("config: bundle: %w", err)
	}
	if b.Ownership != "" && b.Ownership != b.ownership {
		return &BundleError{Field: "/ownership", Rule: "is for another owner"}
	}
	return b.isNews(list, name, least)
}

// isNews refuses what was taken before. Who sends the last of his bundles again gets
// its receipt.
func (b *incoming) isNews(list []keptRecord, name string, least uint64) error {
	known := false
	for i := range list {
		k := &list[i]
		known = known || k.holds(b.digest)
		if k.against(name, b.entity) && k.of(b.ownership) && k.Last.Digest == b.digest {
			b.receipt = k.Receipt
		}
	}
	switch {
	case b.Sequence <= least:
		return &BundleError{Field: "/sequence", Rule: "is no news", Cause: ErrReplay}
	case known:
		return &BundleError{Rule: "was taken before, by another signature", Cause: ErrReplay}
	}
	return nil
}
