package config_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// pen is a signer with Ed25519 from the standard library. That of gpg is tested in
// package backends/openpgp.
type pen struct{ key ed25519.PrivateKey }

func newPen(seed byte) pen {
	return pen{ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))}
}

func (p pen) id() string                  { return hex.EncodeToString(p.key.Public().(ed25519.PublicKey)) }
func (p pen) sign(document []byte) []byte { return ed25519.Sign(p.key, document) }

var (
	operator = newPen(1) // enrolled by the owner
	vendor   = newPen(2) // enrolled by who composed the device
	stranger = newPen(3) // whose key verifies, and who is not enrolled
	unknown  = newPen(4)
	deviceID = newPen(9).key
)

// pens verifies what one of them signed.
type pens []pen

func (p pens) Verify(ctx context.Context, document, signature []byte) (string, error) {
	for _, one := range p {
		if ed25519.Verify(one.key.Public().(ed25519.PublicKey), document, signature) {
			return one.id(), ctx.Err()
		}
	}
	return "", errors.New("no such signature")
}

// bothAuth is the guard, and admin beside it.
type bothAuth struct{ *access.Guard }

func (b bothAuth) Decide(ctx context.Context, e *access.Entity, p access.Permission, resource string) access.Decision {
	if e == admin {
		return access.Decision{Allowed: true}
	}
	return b.Guard.Decide(ctx, e, p, resource)
}

var bundlePolicy = access.PolicySpec{
	Roles: []access.Role{{Name: "owner"}, {Name: "fleet"}},
	Grants: []access.Grant{
		{Role: "owner", Permission: "access.*", Resources: []string{"**"}},
		{Role: "fleet", Permission: access.ConfigWrite, Resources: []string{"**"}},
	},
}

// owned is a guard in service, whose owner is ann, with the operator enrolled.
type owned struct {
	*access.Guard
	t     require.TestingT
	label string
}

func newOwned(t require.TestingT) *owned {
	ctx := context.Background()
	store, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	secret, err := access.Provision(ctx, store, nil)
	require.NoError(t, err)
	policy, err := access.NewPolicy(bundlePolicy, nil)
	require.NoError(t, err)
	g, err := access.OpenGuard(ctx, store, policy, &access.GuardOptions{
		Local: []string{"usb"}, Parts: []string{}, Services: map[string][]string{"vendor": {"fleet"}},
	})
	require.NoError(t, err)
	o := &owned{g, t, secret.Reveal()}
	o.commission("ann")
	o.enrol("ann")
	return o
}

func (o *owned) as(id string) context.Context {
	e, err := o.Issuer("password").Issue(access.Facts{ID: id, Kind: access.KindPerson})
	require.NoError(o.t, err)
	return access.WithEntity(context.Background(), e)
}

func (o *owned) commission(id string) {
	first, err := o.Initial(context.Background(), o.label, "usb")
	require.NoError(o.t, err)
	owner := access.Owner{ID: id, Roles: []string{"owner"}}
	require.NoError(o.t, o.Commission(access.WithEntity(context.Background(), first), owner, func(context.Context) error { return nil }))
}

func (o *owned) enrol(owner string) {
	require.NoError(o.t, o.Assign(o.as(owner), access.Assignment{ID: "operator", Kind: access.KindDevice, Roles: []string{"fleet"}}))
}

// sold ends ann's ownership and begins that of bob.
func (o *owned) sold() {
	require.NoError(o.t, o.EndOwnership(o.as("ann")))
	o.commission("bob")
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func (o *owned) bundles() *config.Bundles {
	return config.NewBundles(config.BundleOptions{
		Verifier: pens{operator, vendor, stranger}, Device: "meter-7", Groups: []string{"meters"},
		Signers: map[string]config.BundleSigner{
			operator.id(): {Entity: "operator", Scope: []string{"/name", "/interval", "/network", "/users/ann", "/log"}},
			vendor.id():   {Entity: "vendor", Kind: access.KindService, Scope: []string{""}},
		},
		Issuer: o.Issuer("openpgp"), Ownership: o.Ownership, Receipts: bundle.NewReceipts(deviceID),
		Now: func() (time.Time, durable.Quality) { return noon, durable.Set },
	})
}

// bundled is a device that takes bundles.
type bundled struct {
	*device
	*owned
}

func newBundled(t testing.TB) *bundled {
	o := newOwned(t)
	d := newDevice(t, func(d *device) {
		d.auth = bothAuth{o.Guard}
		d.opts.Bundles = o.bundles()
	})
	return &bundled{d, o}
}

func document(t testing.TB, b config.Bundle) []byte {
	if b.Device == "" {
		b.Device = "meter-7"
	}
	doc, err := b.Encode()
	require.NoError(t, err)
	return doc
}

func (d *bundled) send(p pen, b config.Bundle) (config.BundleResult, error) {
	doc := document(d.device.t, b)
	return d.settings.ApplyBundle(context.Background(), doc, p.sign(doc))
}

func (d *bundled) mustSend(p pen, b config.Bundle) config.BundleResult {
	r, err := d.send(p, b)
	require.NoError(d.device.t, err)
	return r
}

// last is what is kept of a signer.
func (d *bundled) last(p pen) config.AppliedBundle {
	list, err := d.settings.AppliedBundles(asAdmin())
	require.NoError(d.device.t, err)
	for _, a := range list {
		if a.Signer == p.id() {
			return a
		}
	}
	return config.AppliedBundle{}
}
