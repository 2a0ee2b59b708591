package baselinetest_test

import (
	"context"
	"crypto/ed25519"
	"errors"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
)

var (
	operator  = newSigner("Operator")
	intruder  = newSigner("Intruder")
	verifier  = must(openpgp.New(must(operator.PublicKey()), nil))
	deviceKey = ed25519.NewKeyFromSeed([]byte("the key of one pump, 32 bytes..."))
)

func newSigner(name string) *openpgp.Signer {
	key := must(openpgp.NewKey(name, "someone@example.com", nil))
	return must(openpgp.NewSigner(key, nil))
}

// bundleOptions enrol the operator, whom the vendor defines.
func (p *pump) bundleOptions() *config.Bundles {
	if p.fault == faultNoBundles {
		return nil
	}
	return config.NewBundles(config.BundleOptions{
		Verifier: verifier, Device: "pump-1", Issuer: p.guard.Issuer("openpgp"), Ownership: p.guard.Ownership, Receipts: bundle.NewReceipts(deviceKey),
		Signers: map[string]config.BundleSigner{operator.Fingerprint(): {Entity: "operator", Kind: access.KindService, Scope: []string{""}}},
	})
}

// receive is the vendor's handler of what comes in at the port.
func (p *pump) receive(ctx context.Context, document, signature []byte) error {
	_, err := p.settings.ApplyBundle(ctx, document, signature)
	if !errors.Is(err, config.ErrReplay) || p.fault != faultReplay {
		return err
	}
	// The sender has missed the answer, thinks the vendor, and does it again.
	again, err := config.ParseBundle(document)
	if err != nil {
		return err
	}
	ctx, err = access.AsService(ctx, p.guard.Issuer("port"), "operator")
	if err == nil {
		_, err = p.settings.Apply(ctx, again.Patch, "", again.Accept)
	}
	return err
}

func (l *lab) bundles() *baselinetest.Bundles {
	return &baselinetest.Bundles{
		Make: func(ctx context.Context, _ *baselinetest.Device, spec baselinetest.BundleSpec) (out baselinetest.Bundle, err error) {
			in := config.Bundle{Device: "pump-1", Sequence: spec.Sequence, Patch: spec.Patch}
			if spec.OtherDevice {
				in.Device = "pump-2"
			}
			signer := operator
			if spec.Stranger {
				signer = intruder
			}
			if out.Document, err = in.Encode(); err == nil {
				out.Signature, err = signer.Sign(ctx, out.Document)
			}
			return out, err
		},
		Send: func(ctx context.Context, d *baselinetest.Device, b baselinetest.Bundle) error {
			return of(d).receive(ctx, b.Document, b.Signature)
		},
		Refused: func(err error) bool {
			var e *config.BundleError
			return errors.As(err, &e)
		},
	}
}
