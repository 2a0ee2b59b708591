package config

import (
	"context"
	"errors"
	"io/fs"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// What every change passes, of a bundle or not. It calls what only bundles need by
// way of [Bundles].

// incoming is a bundle on its way.
type incoming struct {
	*Bundle
	digest    string
	signer    string
	entity    string // "" until the signature was verified
	who       BundleSigner
	ownership string // under which it is taken; set under the lock
	receipt   []byte
}

// inScope says whether p stays in the scope of the signer. What only the settings in
// force made it alter is not named.
func (b *incoming) inScope(p *plan) error {
	if b == nil {
		return nil
	}
	const rule = "is outside of what its signer may touch"
	for _, path := range p.named {
		if !b.who.covers(path) {
			return &BundleError{Field: "/patch" + path, Rule: rule, Cause: access.ErrDenied}
		}
	}
	for _, path := range p.implied {
		if !b.who.covers(path) {
			return &BundleError{Field: "/patch", Rule: rule, Cause: access.ErrDenied}
		}
	}
	return nil
}

// admit says whether b may still be taken, now that nothing else changes. nil always
// may.
func (s *Settings) admit(ctx context.Context, b *incoming) error {
	if b == nil {
		return nil
	}
	return s.opts.Bundles.admit(s, ctx, b)
}

// markOf is the mark of the settings that p wants, made of r: of its bundle, or what
// the settings before came from.
func (s *Settings) markOf(p *plan, r record) *bundleMark {
	if p.bundle == nil {
		return p.old.record.Bundle
	}
	return s.opts.Bundles.mark(s, p, r)
}

// settleAtStart makes a cut between the two records good.
func (s *Settings) settleAtStart(ctx context.Context) error {
	if s.opts.Bundles == nil {
		return nil
	}
	_, err := s.opts.Bundles.settle(s, ctx)
	if errors.Is(err, durable.ErrHeld) || errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		s.ill.copies = err
	}
	return nil
}

// settleAfter settles what was just stored. The settings are in force and their
// record has the mark, so that a failure is ill health and no more.
func (s *Settings) settleAfter(ctx context.Context, b *incoming) {
	if b == nil && !s.unsettled || s.opts.Bundles == nil {
		return
	}
	r, err := s.opts.Bundles.settle(s, context.WithoutCancel(ctx))
	if err != nil {
		s.note(func(i *illness) { i.copies = err })
	}
	if b != nil {
		b.receipt = r.Receipt
	}
}

// restarting are those of paths that take effect with a restart.
func (s *Schema) restarting(paths []string) (list []string) {
	for _, path := range paths {
		if s.root.find(path).node.tag.restart {
			list = append(list, path)
		}
	}
	return list
}
