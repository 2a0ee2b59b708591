package config

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// BundleResult is what a bundle did, and the receipt for its sender: an envelope that
// bundle.VerifyReceipt of config/bundle reads. It has no signature, and says so, when the key of the
// device was out of reach.
type BundleResult struct {
	Result
	Receipt []byte
}

// ApplyBundle carries out a signed settings bundle (27402 5.2.2.2(b), 5.2.2.2(c)), or
// leaves everything as it is. In this order: the signature, the signer's enrolment,
// the document, whom it is for, its time, its sequence, the signer's scope; and then
// all that [Settings.Change] does, as the entity of the signer. Who carried the
// bundle here does not count: the entity in ctx is set aside.
//
// nil means in force, kept, and never taken again: a power cut before that leaves the
// old settings and sequence or the new ones, together. The same bundle once more gives
// [ErrReplay], and with it the receipt as long as it was the last of its signer
// under this ownership: a sender who missed the answer sends again. A document that
// several have signed is one bundle, whichever of the signatures come with it: all keys
// of an entity have one sequence, and of each key the last 32 documents do not come back
// by the signature of another entity.
//
// Errors: a [*BundleError], and those of Change. After each of them the old settings
// and the old sequence are in force. It costs two Puts, three when a setting marked
// floor changes; a bundle that is refused before Change costs none.
func (s *Settings) ApplyBundle(ctx context.Context, document, signature []byte) (BundleResult, error) {
	b := &incoming{digest: digestOf(document)}
	res, err := s.applyBundle(access.Detach(ctx), b, document, signature)
	if err != nil {
		s.refuseBundle(ctx, b, err)
		return BundleResult{Receipt: b.receipt}, err
	}
	s.count(func(c *Stats) { c.Bundles++ })
	if len(b.receipt) == 0 {
		if m := s.state.Load().record.Bundle; m != nil && m.Digest == b.digest {
			b.receipt = s.unsignedReceipt(m)
		}
	}
	return BundleResult{res, b.receipt}, nil
}

func (s *Settings) applyBundle(ctx context.Context, b *incoming, document, signature []byte) (Result, error) {
	if s.opts.Bundles == nil {
		return Result{}, &BundleError{Rule: "this device takes none"}
	}
	if err := s.openBundle(ctx, b, document, signature); err != nil {
		return Result{}, err
	}
	if err := s.admitNow(ctx, b); err != nil {
		return Result{}, err
	}
	e, err := s.opts.Bundles.Issuer.Issue(b.who.facts())
	if err != nil {
		return Result{}, fmt.Errorf("config: bundle: %w", err)
	}
	c := Change{Patch: b.Patch, AcceptInsecure: b.Accept, Reason: b.Reason}
	return s.carryChange(access.WithEntity(ctx, e), c, b)
}

// openBundle verifies the signature and only then reads the document.
func (s *Settings) openBundle(ctx context.Context, b *incoming, document, signature []byte) error {
	if len(document) > MaxBundle || len(signature) > MaxBundleSignature {
		return badBundle("", fmt.Sprintf("more than %d bytes, or %d of signature", MaxBundle, MaxBundleSignature))
	}
	signer, err := s.opts.Bundles.Verifier.Verify(ctx, document, signature)
	if err != nil {
		return &BundleError{Rule: "not verified", Cause: err}
	}
	who, ok := s.opts.Bundles.Signers[signer]
	if !ok {
		return &BundleError{Rule: "its signer is not enrolled", Cause: access.ErrDenied}
	}
	b.signer, b.who, b.entity = signer, who, who.Entity
	if b.Bundle, err = ParseBundle(document); err != nil {
		return err
	}
	if !s.opts.Bundles.addresses(b.Device) {
		return &BundleError{Field: "/device", Rule: "is for another device"}
	}
	return s.inWindow(b)
}

// inWindow: a clock that is only a lower bound knows that a time has passed, and never
// that one has not. So a bundle that is bound to a time needs a clock that was set.
func (s *Settings) inWindow(b *incoming) error {
	if b.NotBefore.IsZero() && b.NotAfter.IsZero() {
		return nil
	}
	now, quality := s.opts.Bundles.time()
	switch {
	case !b.NotAfter.IsZero() && now.After(b.NotAfter):
		return &BundleError{Field: "/not_after", Rule: "has passed"}
	case quality < durable.Set:
		return &BundleError{Rule: "is bound to a time, and the clock is not set"}
	case now.Before(b.NotBefore):
		return &BundleError{Field: "/not_before", Rule: "has not come"}
	}
	return nil
}

func (s *Settings) admitNow(ctx context.Context, b *incoming) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.admitBundle(ctx, b)
}
