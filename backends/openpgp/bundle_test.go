package openpgp_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

var _ config.BundleVerifier = (*openpgp.Verifier)(nil)

// lamp is the settings type of a device.
type lamp struct {
	Level int  `json:"level" setting:"doc=Brightness; default=50; min=0; max=100; unit=%"`
	Debug bool `json:"debug" setting:"doc=Debugging; default=false; insecure=true: the log would hold personal data"`
}

// lampDevice is a device in service whose composition lets a service called vendor
// write settings.
type lampDevice struct {
	dir   *durable.Dir
	guard *access.Guard
	key   ed25519.PrivateKey
}

func newLamp(t *testing.T) *lampDevice {
	ctx := t.Context()
	floor, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	secret, err := access.Provision(ctx, floor, nil)
	require.NoError(t, err)
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}, {Name: "bundles"}},
		Grants: []access.Grant{{Role: "bundles", Permission: access.ConfigWrite, Resources: []string{"level"}}},
	}, nil)
	require.NoError(t, err)
	guard, err := access.OpenGuard(ctx, floor, policy, &access.GuardOptions{
		Local: []string{"usb"}, Parts: []string{}, Services: map[string][]string{"vendor": {"bundles"}},
	})
	require.NoError(t, err)
	first, err := guard.Initial(ctx, secret.Reveal(), "usb")
	require.NoError(t, err)
	owner := access.Owner{ID: "ann", Roles: []string{"owner"}}
	require.NoError(t, guard.Commission(access.WithEntity(ctx, first), owner, func(context.Context) error { return nil }))
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &lampDevice{dir, guard, key}
}

func (d *lampDevice) open(t *testing.T, verifier *openpgp.Verifier, signer string) (*config.Settings, *config.View[lamp]) {
	return d.openFor(t, verifier, map[string]config.BundleSigner{
		signer: {Entity: "vendor", Kind: access.KindService, Scope: []string{""}},
	})
}

func (d *lampDevice) openFor(t *testing.T, verifier *openpgp.Verifier, signers map[string]config.BundleSigner) (*config.Settings, *config.View[lamp]) {
	schema, err := config.For[lamp](nil)
	require.NoError(t, err)
	s, err := config.Open(t.Context(), d.dir, schema, d.guard, &config.Options{Bundles: config.NewBundles(config.BundleOptions{
		Verifier: verifier, Device: "lamp-1", Issuer: d.guard.Issuer("openpgp"), Ownership: d.guard.Ownership, Receipts: bundle.NewReceipts(d.key),
		Signers: signers,
	})})
	require.NoError(t, err)
	view, err := config.NewView[lamp](s)
	require.NoError(t, err)
	return s, view
}

// TestBundleByGPG: a settings bundle that gpg signed is applied by a device, once, and
// its sender verifies the receipt.
func TestBundleByGPG(t *testing.T) {
	h := newHome(t)
	id := h.key("vendor", "ed25519", "sign", "never")
	h.key("other", "ed25519", "sign", "never")
	verifier, err := openpgp.New(h.gpg(nil, "--armor", "--export"), nil)
	require.NoError(t, err)
	d := newLamp(t)
	s, view := d.open(t, verifier, id)

	b := config.Bundle{Sequence: 1, Device: "lamp-1", Patch: json.RawMessage(`{"level":80}`), Reason: "evening"}
	document, err := b.Encode()
	require.NoError(t, err)
	signature := h.sign("vendor", document, "--armor")
	h.gpg(document, "--verify", h.file("sig", signature), "-")
	r, err := s.ApplyBundle(t.Context(), document, signature)
	require.NoError(t, err)
	assert.Equal(t, 80, view.Load().Level)
	got, err := bundle.VerifyReceipt(r.Receipt, d.key.Public())
	require.NoError(t, err)
	assert.Equal(t, id, got.Signer)
	assert.Equal(t, []string{"/level"}, got.Changed)

	s, view = d.open(t, verifier, id)
	assert.Equal(t, 80, view.Load().Level)
	for name, c := range map[string]struct {
		document, signature []byte
		want                error
	}{
		"replay":     {document, h.sign("vendor", document), config.ErrReplay},
		"other key":  {document, h.sign("other", document), access.ErrDenied},
		"other text": {append(document, '\n'), signature, openpgp.ErrSignature},
		"no role":    {[]byte(`{"format":1,"sequence":2,"device":"*","patch":{"debug":true}}`), nil, access.ErrDenied},
		"SHA-1":      {document, h.sign("vendor", document, "--digest-algo", "SHA1"), openpgp.ErrSignature},
	} {
		if c.signature == nil {
			c.signature = h.sign("vendor", c.document)
		}
		_, err := s.ApplyBundle(t.Context(), c.document, c.signature)
		require.True(t, errors.Is(err, c.want), "%s: %v", name, err)
		assert.Equal(t, 80, view.Load().Level)
	}
}

// TestBundleOfTwoSignatures: a bundle that two keys of the vendor have signed is one
// bundle. Whoever takes one of the signatures off does not bring it back.
func TestBundleOfTwoSignatures(t *testing.T) {
	h := newHome(t)
	signers := map[string]config.BundleSigner{}
	for _, name := range []string{"old", "new"} {
		signers[h.key(name, "ed25519", "sign", "never")] = config.BundleSigner{Entity: "vendor", Kind: access.KindService, Scope: []string{""}}
	}
	verifier, err := openpgp.New(h.gpg(nil, "--export"), nil)
	require.NoError(t, err)
	d := newLamp(t)
	s, view := d.openFor(t, verifier, signers)
	type sent struct{ document, first, second []byte }
	bundleOf := func(sequence uint64, patch string) sent {
		b := config.Bundle{Sequence: sequence, Device: "lamp-1", Patch: json.RawMessage(patch)}
		document, err := b.Encode()
		require.NoError(t, err)
		return sent{document, h.sign("old", document), h.sign("new", document)}
	}
	for _, b := range []sent{bundleOf(1, `{"level":80}`), bundleOf(2, `{"level":20}`)} {
		_, err := s.ApplyBundle(t.Context(), b.document, slices.Concat(b.first, b.second))
		require.NoError(t, err)
		for _, signature := range [][]byte{b.first, b.second, slices.Concat(b.second, b.first)} {
			_, err = s.ApplyBundle(t.Context(), b.document, signature)
			require.ErrorIs(t, err, config.ErrReplay)
		}
	}
	again := bundleOf(1, `{"level":80}`)
	_, err = s.ApplyBundle(t.Context(), again.document, again.second)
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Equal(t, 20, view.Load().Level)
}
