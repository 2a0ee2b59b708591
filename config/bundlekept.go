package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// newMark is what the record r of the wanted settings says of the bundle of p.
func (s *Settings) newMark(p *plan, r record) *bundleMark {
	b := p.bundle
	now, quality := s.opts.Bundles.time()
	m := &bundleMark{
		Signer: b.signer, Entity: b.entity, Ownership: b.ownership, Bound: b.Ownership != "", Sequence: b.Sequence,
		Digest: b.digest, Revision: s.revision(p.value, r), Count: len(p.changed), Time: now.UTC(), Clock: quality.String(),
		Changed: s.schema.general(p.changed), Restart: s.schema.general(s.schema.restarting(p.changed)), Insecure: []string{},
	}
	for _, f := range p.insecure {
		m.Insecure = append(m.Insecure, f.Path)
	}
	m.Insecure = s.schema.general(m.Insecure)
	return m
}

// general gives paths without the names of entries, each once, up to maxMarked.
func (s *Schema) general(paths []string) []string {
	list := []string{}
	for _, path := range paths {
		if g := s.root.find(path).general; !slices.Contains(list, g) && len(list) < maxMarked {
			list = append(list, g)
		}
	}
	return list
}

// AppliedBundle is what the device keeps of a signer.
type AppliedBundle struct {
	Signer, Entity string
	// Sequence is what the next bundle without ownership must exceed: the highest that
	// was taken of any key of Entity.
	Sequence uint64
	// Digest, Revision and Receipt are of the last bundle under this ownership, or
	// empty. Receipt is empty too while it could not be signed.
	Digest, Revision string
	Receipt          []byte
}

// AppliedBundles tells what was taken of each enrolled signer, by name. Permission:
// [access.ConfigRead] on "".
func (s *Settings) AppliedBundles(ctx context.Context) ([]AppliedBundle, error) {
	if _, err := access.Check(ctx, s.auth, access.ConfigRead, ""); err != nil {
		return nil, err
	}
	if s.opts.Bundles == nil {
		return nil, nil
	}
	ownership := s.opts.Bundles.Ownership()
	kept, err := s.keptRecords(ctx, ownership)
	if err != nil {
		return nil, fmt.Errorf("config: bundles: %w", err)
	}
	var list []AppliedBundle
	var errs []error
	for id, who := range s.opts.Bundles.Signers {
		name := bundleName(id)
		least, err := leastOf(kept, name, who.Entity, ownership, false)
		if err != nil {
			errs = append(errs, fmt.Errorf("config: bundles: %s: %w", id, err))
			continue
		}
		a := AppliedBundle{Signer: id, Entity: who.Entity, Sequence: least}
		i := slices.IndexFunc(kept, func(k keptRecord) bool { return k.name == name })
		if r := kept[i].bundleRecord; r.of(ownership) {
			a.Digest, a.Revision, a.Receipt = r.Last.Digest, r.Last.Revision, r.Receipt
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b AppliedBundle) int { return strings.Compare(a.Signer, b.Signer) })
	return list, errors.Join(errs...)
}
