package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
)

// bundles enrols the manufacturer as one who may sign settings.
func (g *gateway) bundles(_ context.Context, opts *config.Options) error {
	verifier, err := openpgp.New(g.img.Signer, &openpgp.Options{Now: g.clock.Now})
	if err != nil {
		return err
	}
	enrolled := verifier.Signers()
	if len(enrolled) != 1 {
		return errors.New("the image has no key of signed settings, or several")
	}
	opts.Bundles = config.NewBundles(config.BundleOptions{
		Verifier: g.verifier(verifier, enrolled[0]), Device: device, Groups: []string{product},
		Signers: map[string]config.BundleSigner{enrolled[0]: {
			Entity: serviceVendor, Kind: access.KindService, Scope: []string{"/interval", "/limit", "/rooms", "/console"},
		}},
		Issuer: g.guard.Issuer("openpgp"), Ownership: g.guard.Ownership, Receipts: bundle.NewReceipts(g.deviceKey), Now: g.clock.Now,
	})
	return nil
}

// The steps in which settings come as signed documents.

func (l *life) bundle() error {
	l.step("5.2.2.2", "Settings signed by the manufacturer with OpenPGP are applied, and receipted")
	b, err := l.desk.sign(l.ctx, config.Bundle{
		Sequence: 1, Device: device, Patch: json.RawMessage(`{"limit":12,"rooms":{"cellar":"north"}}`), Reason: "winter",
	})
	if err != nil {
		return err
	}
	var receipt []byte
	if err := l.ask("", "", "bundle", b, &receipt); err != nil {
		return err
	}
	key, err := l.desk.publicKey("device.pem")
	if err != nil {
		return err
	}
	r, err := bundle.VerifyReceipt(receipt, key)
	if err != nil {
		return err
	}
	if r.Device != device || r.Digest != bundle.Digest(b.Document) {
		return unexpected("the receipt is of another device or bundle")
	}
	now, err := l.settingsNow("ann", annsPassword)
	if err != nil {
		return err
	}
	if now.Limit != 12 || now.Rooms["cellar"] != "north" {
		return unexpected("the receipt says in force, and the settings are %+v", now)
	}
	l.tellf("    in force; the receipt of %s is signed by the device", r.Device)
	return errors.Join(
		l.desk.save("bundle.json", b.Document), l.desk.save("bundle.json.asc", b.Signature), l.desk.save("bundle.receipt", receipt),
	)
}

func (l *life) forgedBundle() error {
	l.step("5.2.2.1.1", "The same with one number changed is refused")
	b, err := l.bundleOnDesk()
	if err != nil {
		return err
	}
	b.Document = []byte(`{"format":1,"sequence":2,"device":"` + device + `","patch":{"limit":60}}`)
	return l.refused(l.ask("", "", "bundle", b, nil), "signature")
}

func (l *life) replay() error {
	l.step("5.2.2.2", "The bundle once more is refused, though its signature is good")
	if err := l.restartWith(); err != nil { // it knows after a power cut, too
		return err
	}
	if err := l.ask("ann", annsPassword, "change", change{Patch: json.RawMessage(`{"limit":20}`)}, nil); err != nil {
		return err
	}
	b, err := l.bundleOnDesk()
	if err != nil {
		return err
	}
	if err := l.refused(l.ask("", "", "bundle", b, nil), "sequence"); err != nil {
		return err
	}
	now, err := l.settingsNow("ann", annsPassword)
	if err != nil {
		return err
	}
	if now.Limit != 20 {
		return unexpected("the limit is %v", now.Limit)
	}
	return nil
}

// seen are settings as the device tells them.
type seen struct {
	Limit float64           `json:"limit"`
	Rooms map[string]string `json:"rooms"`
}

func (l *life) settingsNow(user, secret string) (now seen, err error) {
	err = l.ask(user, secret, "settings", nil, &now)
	return now, err
}

func (l *life) bundleOnDesk() (b signed, err error) {
	if b.Document, err = l.desk.read("bundle.json"); err != nil {
		return b, err
	}
	b.Signature, err = l.desk.read("bundle.json.asc")
	return b, err
}
