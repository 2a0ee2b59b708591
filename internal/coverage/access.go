package main

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

// operator is the service whose signature is under bundles of settings.
const operator = "operator"

func (d *device) openAccess(ctx context.Context) error {
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}},
		Grants: []access.Grant{{Role: "owner", Permission: access.ConfigWrite, Resources: []string{"**"}}},
	}, nil)
	if err != nil {
		return err
	}
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	d.guard, err = access.OpenGuard(ctx, floor, policy, &access.GuardOptions{Services: map[string][]string{operator: {"owner"}}, Log: d.log})
	if err != nil {
		return err
	}
	d.vault.Guard(d.guard)
	d.events.Guard(d.guard)
	hasher, err := password.NewHasher(nil)
	if err != nil {
		return err
	}
	security, err := d.vault.Compartment(ctx, protect.ClassSecurity)
	if err != nil {
		return err
	}
	d.users, err = password.NewStore(security, d.guard, hasher, &password.Options{Log: d.log})
	return err
}

// openSettings opens settings that bundles change as well.
func (d *device) openSettings(ctx context.Context) error {
	schema, err := config.For[settings](nil)
	if err != nil {
		return err
	}
	store, err := d.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	verifier, err := enrolled()
	if err != nil {
		return err
	}
	signers := map[string]config.BundleSigner{}
	for _, fingerprint := range verifier.Signers() {
		signers[fingerprint] = config.BundleSigner{Entity: operator, Kind: access.KindService, Scope: []string{"/name"}}
	}
	d.settings, err = config.Open(ctx, store, schema, d.guard, &config.Options{
		Floor: floor, Interlock: d.lock, Log: d.log,
		Bundles: config.NewBundles(config.BundleOptions{
			Verifier: verifier, Device: "device", Signers: signers, Issuer: d.guard.Issuer("openpgp"),
			Ownership: d.guard.Ownership, Receipts: bundle.NewReceipts(d.key),
		}),
	})
	return err
}

// enrolled returns a verifier with a key that nobody has any more.
func enrolled() (*openpgp.Verifier, error) {
	key, err := openpgp.NewKey("Operator", "operator@example.com", nil)
	if err != nil {
		return nil, err
	}
	signer, err := openpgp.NewSigner(key, nil)
	if err != nil {
		return nil, err
	}
	public, err := signer.PublicKey()
	if err != nil {
		return nil, err
	}
	return openpgp.New(public, nil)
}

// page is an interface of which each connection uses TLS as package transport makes it.
type page struct{ tls *tls.Config }

// Features implements baseline.Part.
func (*page) Features() []clause.Feature { return transport.Features() }

func (d *device) openWays(ctx context.Context) (err error) {
	d.gate, err = gate.New(gate.List{
		Interfaces: []gate.Interface{{Name: "page", Network: "tcp", Address: "127.0.0.1:0", Reason: "the owner's page"}},
		Flows:      []gate.Flow{{Name: "updates", Hosts: []string{host}, Reason: "releases"}},
	}, &gate.Options{Log: d.log})
	if err != nil {
		return err
	}
	identity, err := transport.SelfSigned(ctx, d.key, "device.local", transport.Validity{NotBefore: time.Unix(0, 0)})
	if err != nil {
		return err
	}
	server, err := transport.Server(identity, &transport.Peers{Pins: [][32]byte{{1}}}, nil)
	d.page = &page{server}
	return err
}
