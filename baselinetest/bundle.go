package baselinetest

import (
	"bytes"
	"context"
	"fmt"
)

// bundleReplay: CFG-02.
func bundleReplay(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	first, err := x.accepts(ctx, d, 1)
	if err != nil {
		return err
	}
	second, err := x.accepts(ctx, d, 2)
	if err != nil {
		return err
	}
	for _, cut := range []bool{false, true} {
		if cut {
			if d, err = x.again(ctx, d); err != nil {
				return err
			}
		}
		if err := x.bounces(ctx, d, "an older bundle", first); err != nil {
			return err
		}
		if err := x.bounces(ctx, d, "the last bundle again", second); err != nil {
			return err
		}
	}
	if err := x.hostile(ctx, d); err != nil {
		return err
	}
	_, err = x.accepts(ctx, d, 3)
	return err
}

// accepts wants a good bundle to be taken: a device that takes none refuses nothing.
func (x *trial) accepts(ctx context.Context, d *Device, n int) (Bundle, error) {
	before, err := x.document(ctx, d)
	if err != nil {
		return Bundle{}, err
	}
	b, err := x.h.Bundles.Make(ctx, d, BundleSpec{Sequence: uint64(n), Patch: x.h.Patch(n)})
	if err == nil {
		err = x.h.Bundles.Send(ctx, d, b)
	}
	if err != nil {
		return b, unclearf("a good bundle, number %d: %w", n, err)
	}
	after, err := x.document(ctx, d)
	if err == nil && bytes.Equal(before, after) {
		err = unclearf("a good bundle, number %d, changes nothing", n)
	}
	x.stepf("bundle %d is in force", n)
	return b, err
}

// bounces wants a bundle to be refused without effect.
func (x *trial) bounces(ctx context.Context, d *Device, what string, b Bundle) error {
	before, err := x.document(ctx, d)
	if err != nil {
		return err
	}
	refusal := x.h.Bundles.Send(ctx, d, b)
	if err := x.same(ctx, d, before, what); err != nil {
		return err
	}
	return x.refused(what, refusal, x.h.Bundles.Refused)
}

// hostile sends what was made or damaged by somebody else.
func (x *trial) hostile(ctx context.Context, d *Device) error {
	next := BundleSpec{Sequence: 3, Patch: x.h.Patch(3)}
	good, err := x.h.Bundles.Make(ctx, d, next)
	if err != nil {
		return unclear("make a bundle", err)
	}
	for name, b := range damaged(good) {
		if err := x.bounces(ctx, d, name, b); err != nil {
			return err
		}
	}
	for _, spec := range []BundleSpec{
		{Sequence: 3, Patch: x.h.Patch(3), Stranger: true},
		{Sequence: 3, Patch: x.h.Patch(3), OtherDevice: true},
	} {
		b, err := x.h.Bundles.Make(ctx, d, spec)
		if err != nil {
			return unclear("make a bundle", err)
		}
		what := "a stranger's bundle"
		if spec.OtherDevice {
			what = "another device's bundle"
		}
		if err := x.bounces(ctx, d, what, b); err != nil {
			return err
		}
	}
	return nil
}

// damaged returns b with a flipped bit at several places, cut short, and unsigned.
func damaged(b Bundle) map[string]Bundle {
	out := map[string]Bundle{}
	for i := range 4 {
		out[fmt.Sprintf("a flipped bit, %d quarters into the bundle", i)] = Bundle{flip(b.Document, len(b.Document)*i/4), b.Signature}
	}
	out["half a bundle"] = Bundle{b.Document[:len(b.Document)/2], b.Signature}
	if len(b.Signature) > 0 {
		out["a flipped bit in the signature"] = Bundle{b.Document, flip(b.Signature, len(b.Signature)/2)}
		out["half a signature"] = Bundle{b.Document, b.Signature[:len(b.Signature)/2]}
		out["a bundle without signature"] = Bundle{Document: b.Document}
	}
	return out
}

// flip changes a bit of the byte at, or of the next one that a reader of text does not
// pass over.
func flip(data []byte, at int) []byte {
	out := bytes.Clone(data)
	for at < len(out)-1 && out[at] <= ' ' {
		at++
	}
	if at < len(out) {
		out[at] ^= 1
	}
	return out
}
