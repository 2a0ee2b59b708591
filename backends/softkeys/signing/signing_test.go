package signing_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// device is signing keys with the machine that their record lies on.
type device struct {
	*signing.Keys
	m *powercut.Machine
}

func openOn(t testing.TB, m *powercut.Machine) *device {
	keys, err := openKeys(t.Context(), m)
	require.NoError(t, err)
	return &device{keys, m}
}

func openKeys(ctx context.Context, m *powercut.Machine) (*signing.Keys, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	soft, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	return signing.New(soft), nil
}

func TestKeyStore(t *testing.T) {
	open := func(t testing.TB) protect.KeyStore { return openOn(t, powercut.New()) }
	reopen := func(t testing.TB, ks protect.KeyStore) protect.KeyStore {
		m := ks.(*device).m
		m.Drop()
		return openOn(t, m)
	}
	protecttest.TestKeyStore(t, protecttest.Harness{
		Open: open, Other: open, Reopen: reopen,
		Interrupt: func(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
			m := ks.(*device).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, ks), cut
		},
		Abilities: protecttest.Abilities{SigningKeys: true, Revoker: true},
	})
}

func TestUnwrap(t *testing.T) {
	keys := openOn(t, powercut.New())
	bare := keys.Unwrap()
	assert.IsType(t, (*softkeys.Keys)(nil), bare)
	assert.Equal(t, bare.Info(), keys.Info())
	_, ok := protect.SigningKeysOf(bare)
	assert.False(t, ok, "who does not import signing has no signing keys")
	found, ok := protect.SigningKeysOf(keys)
	assert.True(t, ok)
	assert.Same(t, keys.Keys, found.(*device).Keys)

	blob, err := bare.Seal(t.Context(), []byte("secret"))
	require.NoError(t, err)
	secret, err := keys.Unseal(t.Context(), blob)
	require.NoError(t, err, "they are one key store")
	assert.Equal(t, "secret", string(secret))
}

// What a blob holds does not change between releases. The Ed25519 key is the first
// of RFC 8032 7.1; the one on P-256 is 1, whose public key is the base point.
func TestKnownKeys(t *testing.T) {
	ctx, keys := t.Context(), openOn(t, powercut.New())
	open := func(alg byte, private string) crypto.PublicKey {
		raw, err := hex.DecodeString(private)
		require.NoError(t, err)
		blob, err := keys.SealLasting(ctx, append([]byte{alg}, raw...))
		require.NoError(t, err)
		signer, err := keys.OpenKey(ctx, blob)
		require.NoError(t, err)
		signs(t, signer)
		return signer.Public()
	}
	edwards := open(2, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	assert.Equal(t, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", hex.EncodeToString(edwards.(ed25519.PublicKey)))
	p256, err := open(1, "0000000000000000000000000000000000000000000000000000000000000001").(*ecdsa.PublicKey).Bytes()
	require.NoError(t, err)
	assert.Equal(t, "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"+
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", hex.EncodeToString(p256))
}

// signs makes a signature and checks it.
func signs(t *testing.T, signer protect.Signer) {
	message := []byte("message")
	digest := sha256.Sum256(message)
	switch public := signer.Public().(type) {
	case ed25519.PublicKey:
		sig, err := signer.Sign(rand.Reader, message, crypto.Hash(0))
		require.NoError(t, err)
		assert.True(t, ed25519.Verify(public, message, sig))
	case *ecdsa.PublicKey:
		sig, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		require.NoError(t, err)
		assert.Equal(t, elliptic.P256(), public.Curve)
		assert.True(t, ecdsa.VerifyASN1(public, digest[:], sig))
	default:
		t.Fatalf("public key is a %T", public)
	}
}

func TestSignersOutliveEverything(t *testing.T) {
	for _, alg := range []protect.Algorithm{protect.ECDSAP256, protect.Ed25519} {
		ctx, m := t.Context(), powercut.New()
		keys := openOn(t, m)
		blob, err := keys.CreateKey(ctx, alg)
		require.NoError(t, err)
		signer, err := keys.OpenKey(ctx, blob)
		require.NoError(t, err)
		require.NoError(t, keys.Advance(ctx, 1))
		require.NoError(t, keys.Close())
		signs(t, signer)
		again, err := openOn(t, m).OpenKey(ctx, blob)
		require.NoError(t, err)
		assert.Equal(t, signer.Public(), again.Public())
		require.NoError(t, signer.Close())
		require.NoError(t, signer.Close())
		_, err = signer.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
		require.ErrorIs(t, err, fs.ErrClosed)
		signs(t, again)
	}
}

func TestRefuses(t *testing.T) {
	ctx, keys := t.Context(), openOn(t, powercut.New())
	_, err := keys.CreateKey(ctx, 9)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	mortal, err := keys.Seal(ctx, append([]byte{2}, make([]byte, 32)...))
	require.NoError(t, err)
	_, err = keys.OpenKey(ctx, mortal)
	require.ErrorIs(t, err, protect.ErrTampered, "a sealed secret is no signing key")
	for name, c := range map[string]struct {
		secret []byte
		want   error
	}{
		"short":             {[]byte{2, 1}, protect.ErrTampered},
		"long":              {append([]byte{2}, make([]byte, 33)...), protect.ErrTampered},
		"other algorithm":   {append([]byte{3}, make([]byte, 32)...), errors.ErrUnsupported},
		"P-256, zero":       {append([]byte{1}, make([]byte, 32)...), protect.ErrTampered},
		"P-256, over order": {append([]byte{1}, bytes.Repeat([]byte{0xff}, 32)...), protect.ErrTampered},
	} {
		blob, err := keys.SealLasting(ctx, c.secret)
		require.NoError(t, err)
		signer, err := keys.OpenKey(ctx, blob)
		assert.ErrorIs(t, err, c.want, name)
		assert.Nil(t, signer, name)
		assert.ErrorContains(t, err, "signing: open key: ")
	}
	require.NoError(t, keys.Close())
	_, err = keys.CreateKey(ctx, protect.Ed25519)
	require.ErrorIs(t, err, fs.ErrClosed)
}
