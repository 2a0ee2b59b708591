package tuf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// TestKnownKeys: a key counts only with the scheme that is made for it.
func TestKnownKeys(t *testing.T) {
	edward, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	curve := func(c elliptic.Curve) crypto.PublicKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return key.Public()
	}
	modulus := func(bits int) crypto.PublicKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		return key.Public()
	}
	p256, p384, p521, long := curve(elliptic.P256()), curve(elliptic.P384()), curve(elliptic.P521()), modulus(2048)
	for _, tc := range []struct {
		name   string
		key    crypto.PublicKey
		scheme string
		known  bool
	}{
		{"Ed25519", edward, metadata.KeySchemeEd25519, true},
		{"Ed25519 as another", edward, metadata.KeySchemeECDSA_SHA2_P256, false},
		{"P-256", p256, metadata.KeySchemeECDSA_SHA2_P256, true},
		{"P-256 as P-384", p256, metadata.KeySchemeECDSA_SHA2_P384, false},
		{"P-384", p384, metadata.KeySchemeECDSA_SHA2_P384, true},
		{"P-384 as P-256", p384, metadata.KeySchemeECDSA_SHA2_P256, false},
		{"P-521", p521, metadata.KeySchemeECDSA_SHA2_P384, false},
		{"RSA", long, metadata.KeySchemeRSASSA_PSS_SHA256, true},
		{"RSA of another scheme", long, "rsassa-pkcs1v15-sha256", false},
		{"short RSA", modulus(1024), metadata.KeySchemeRSASSA_PSS_SHA256, false},
	} {
		k, err := metadata.KeyFromPublicKey(tc.key)
		require.NoError(t, err, tc.name)
		k.Scheme = tc.scheme
		assert.Equal(t, tc.known, known(k), tc.name)
	}
	assert.False(t, known(nil))
	assert.False(t, known(&metadata.Key{Type: metadata.KeyTypeEd25519, Scheme: metadata.KeySchemeEd25519, Value: metadata.KeyVal{PublicKey: "00"}}))
}

// TestScreen: what no signature makes acceptable.
func TestScreen(t *testing.T) {
	role := func(kind, members string) []byte {
		return fmt.Appendf(nil, `{"signed": {"_type": %q, "spec_version": "1.0.31"%s}}`, kind, members)
	}
	require.NoError(t, screen("snapshot", role("snapshot", `, "version": 1, "meta": {"targets.json": {"version": 1}}`)))
	require.NoError(t, screen("snapshot", role("snapshot", `, "version": 9007199254740991, "meta": {}`)))
	for name, tc := range map[string]struct{ kind, members string }{
		"another role":        {"targets", `, "version": 1`},
		"version 0":           {"snapshot", `, "version": 0, "meta": {}`},
		"no version":          {"snapshot", `, "meta": {}`},
		"version at the end":  {"snapshot", `, "version": 9007199254740992, "meta": {}`},
		"null entry":          {"snapshot", `, "version": 1, "meta": {"targets.json": null}`},
		"null key":            {"snapshot", `, "version": 1, "keys": {"a": null}`},
		"null target":         {"snapshot", `, "version": 1, "targets": {"a": null}`},
		"listed at 0":         {"snapshot", `, "version": 1, "meta": {"targets.json": {"version": 0}}`},
		"listed at the end":   {"snapshot", `, "version": 1, "meta": {"targets.json": {"version": 9007199254740992}}`},
		"negative length":     {"snapshot", `, "version": 1, "meta": {"targets.json": {"version": 1, "length": -1}}`},
		"negative target":     {"snapshot", `, "version": 1, "targets": {"a": {"length": -1}}`},
		"null delegated key":  {"snapshot", `, "version": 1, "delegations": {"keys": {"a": null}}`},
		"delegates to root":   {"snapshot", `, "version": 1, "delegations": {"keys": {}, "roles": [{"name": "root"}]}`},
		"delegates two times": {"snapshot", `, "version": 1, "delegations": {"keys": {}, "roles": [{"name": "a"}, {"name": "a"}]}`},
	} {
		require.Error(t, screen("snapshot", role(tc.kind, tc.members)), name)
	}
	for version, want := range map[string]bool{"1.0": true, "1.0.31": true, "1": false, "1.": false, "2.0": false, "1.0-x": false, "": false} {
		assert.Equal(t, want, readable(version), version)
	}
}
