package baselinetest_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// bundles applies signed settings: addressed, in sequence.
type bundles struct {
	pump *pump
	last *durable.Value[sequence]
}

type sequence struct {
	Last uint64 `json:"last"`
}

// bundle is what is signed.
type bundle struct {
	Device   string          `json:"device"`
	Sequence uint64          `json:"sequence"`
	Patch    json.RawMessage `json:"patch"`
}

func newBundles(p *pump) *bundles {
	return &bundles{p, durable.NewValue[sequence](p.floor, "bundles", nil)}
}

func (b *bundles) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "pump.bundles", Clauses: []clause.ID{clause.C5_2_2_2_b, clause.C5_2_2_2_c}, Package: "example.com/pump",
		Summary: "settings bundles are signed, addressed and taken in sequence",
	}}
}

var errBundle = errors.New("bundle refused")

// apply asks whoever brings the bundle for the right to change settings, too.
func (b *bundles) apply(ctx context.Context, document, signature []byte) error {
	if !ed25519.Verify(vendorKey.Public().(ed25519.PublicKey), document, signature) {
		return fmt.Errorf("signature: %w", errBundle)
	}
	var in bundle
	if err := json.Unmarshal(document, &in); err != nil {
		return err
	}
	last, err := b.last.LoadOr(ctx, sequence{})
	switch {
	case err != nil:
		return err
	case in.Device != "pump-1":
		return fmt.Errorf("for %q: %w", in.Device, errBundle)
	case in.Sequence <= last.Last && b.pump.fault != faultReplay:
		return fmt.Errorf("sequence %d, the last was %d: %w", in.Sequence, last.Last, errBundle)
	}
	if _, err := b.pump.settings.Apply(ctx, in.Patch, "", nil); err != nil {
		return err
	}
	return b.last.Store(ctx, sequence{in.Sequence})
}

func (l *lab) bundles() *baselinetest.Bundles {
	return &baselinetest.Bundles{
		Make: func(_ context.Context, _ *baselinetest.Device, spec baselinetest.BundleSpec) (baselinetest.Bundle, error) {
			in := bundle{Device: "pump-1", Sequence: spec.Sequence, Patch: spec.Patch}
			if spec.OtherDevice {
				in.Device = "pump-2"
			}
			key := vendorKey
			if spec.Stranger {
				key = strangerKey
			}
			document, err := json.Marshal(in)
			return baselinetest.Bundle{Document: document, Signature: ed25519.Sign(key, document)}, err
		},
		Send: func(ctx context.Context, d *baselinetest.Device, b baselinetest.Bundle) error {
			p := of(d)
			owner, err := p.logIn(ctx, "ann")
			if err != nil {
				return err
			}
			return p.bundles.apply(access.WithEntity(ctx, owner), b.Document, b.Signature)
		},
	}
}
