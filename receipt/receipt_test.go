package receipt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/receipt"
)

// keys are made once: RSA keys take a second each.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	r2048, _ := rsa.GenerateKey(rand.Reader, 2048)
	return map[string]crypto.Signer{"ed25519": ed, "p256": p256, "p384": p384, "rsa2048": r2048}
})

func statement() *receipt.Statement {
	return &receipt.Statement{
		Subject: []receipt.Subject{{
			Name:   "erase-job-17",
			Digest: map[string]string{"sha256": strings.Repeat("ab", 32)},
		}},
		PredicateType: "https://example.com/erasure/v1",
		Predicate:     json.RawMessage(`{"method":"crypto-erase","remains":["actor ids until 2027-01-01"]}`),
	}
}

func TestSignVerify(t *testing.T) {
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			env, err := receipt.Sign(statement(), key)
			require.NoError(t, err)
			got, err := receipt.Verify(env, key.Public())
			require.NoError(t, err)
			assert.Equal(t, statement(), got)
			for other, k := range keys() {
				if other != name {
					st, err := receipt.Verify(env, k.Public())
					assert.ErrorIs(t, err, receipt.ErrSignature)
					assert.Nil(t, st)
				}
			}
		})
	}
}

func TestThreshold(t *testing.T) {
	k := keys()
	env, err := receipt.Sign(statement(), k["ed25519"], k["p256"], k["rsa2048"])
	require.NoError(t, err)
	ed, p, r, other := k["ed25519"].Public(), k["p256"].Public(), k["rsa2048"].Public(), k["p384"].Public()
	_, err = receipt.VerifyThreshold(env, 3, ed, p, r, other)
	require.NoError(t, err)
	_, err = receipt.VerifyThreshold(env, 2, ed, other, p)
	require.NoError(t, err)
	_, err = receipt.VerifyThreshold(env, 2, ed, other)
	assert.ErrorIs(t, err, receipt.ErrSignature)
	_, err = receipt.VerifyThreshold(env, 2, ed, ed)
	assert.ErrorIs(t, err, receipt.ErrKey, "one key twice is one key")
	_, err = receipt.Verify(env)
	assert.ErrorIs(t, err, receipt.ErrKey)
	_, err = receipt.VerifyThreshold(env, 0, ed)
	assert.ErrorIs(t, err, receipt.ErrKey)
	// Two signatures by one key are one key's.
	env, err = receipt.Sign(statement(), k["ed25519"], k["ed25519"])
	require.NoError(t, err)
	_, err = receipt.VerifyThreshold(env, 2, ed, p)
	assert.ErrorIs(t, err, receipt.ErrSignature)
}

func TestEveryChangedBitIsRefused(t *testing.T) {
	key := keys()["ed25519"]
	env, err := receipt.Sign(statement(), key)
	require.NoError(t, err)
	for i := range env {
		for bit := range 8 {
			bad := bytes.Clone(env)
			bad[i] ^= 1 << bit
			st, err := receipt.Verify(bad, key.Public())
			if err == nil {
				// A key id is a hint and its bytes are not signed.
				assert.Equal(t, statement(), st)
				assert.Contains(t, string(env[max(0, i-80):i]), `"keyid"`)
			}
		}
	}
}

func TestKeyIDIsHashOfPKIX(t *testing.T) {
	for name, key := range keys() {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		require.NoError(t, err)
		sum := sha256.Sum256(der)
		id, err := receipt.KeyID(key.Public())
		require.NoError(t, err)
		assert.Equal(t, hex.EncodeToString(sum[:]), id, name)
	}
}

func TestKeysRefused(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	small := keys()["rsa2048"].Public().(*rsa.PublicKey)
	small = &rsa.PublicKey{N: smallModulus(), E: small.E}
	for name, key := range map[string]crypto.PublicKey{
		"P-224": &p224.PublicKey, "RSA 1024": small, "nil": nil, "bytes": []byte{1}, "no ECDSA": (*ecdsa.PublicKey)(nil),
		"no RSA": (*rsa.PublicKey)(nil), "empty RSA": &rsa.PublicKey{}, "short Ed25519": ed25519.PublicKey{1},
	} {
		_, err := receipt.KeyID(key)
		assert.ErrorIs(t, err, receipt.ErrKey, name)
		_, err = receipt.Verify([]byte("{}"), key)
		assert.ErrorIs(t, err, receipt.ErrKey, name)
	}
}

func TestUnsigned(t *testing.T) {
	env, err := receipt.Unsigned(statement(), "vault closed: TPM not found")
	require.NoError(t, err)
	_, err = receipt.Verify(env, keys()["ed25519"].Public())
	assert.ErrorIs(t, err, receipt.ErrUnsigned)
	assert.ErrorContains(t, err, "TPM not found")
	in, err := receipt.Inspect(env)
	require.NoError(t, err)
	assert.Equal(t, &receipt.Inspection{Statement: statement(), Unsigned: "vault closed: TPM not found"}, in)
	var plain map[string]any
	require.NoError(t, json.Unmarshal(env, &plain))
	assert.Equal(t, "none", plain["signature"])
	assert.Empty(t, plain["signatures"])
	for _, reason := range []string{"", "  ", "a\nb", strings.Repeat("x", receipt.MaxText+1)} {
		_, err = receipt.Unsigned(statement(), reason)
		var fe *receipt.FieldError
		require.ErrorAs(t, err, &fe)
		assert.Equal(t, "/reason", fe.Path)
	}
}

func TestInspect(t *testing.T) {
	key := keys()["p256"]
	env, err := receipt.Sign(statement(), key)
	require.NoError(t, err)
	in, err := receipt.Inspect(env)
	require.NoError(t, err)
	id, err := receipt.KeyID(key.Public())
	require.NoError(t, err)
	assert.Equal(t, []string{id}, in.KeyIDs)
	assert.Empty(t, in.Unsigned)
}

// TestPAE uses the example of the DSSE specification.
func TestPAE(t *testing.T) {
	got := receipt.PAE("http://example.com/HelloWorld", []byte("hello world"))
	assert.Equal(t, "DSSEv1 29 http://example.com/HelloWorld 11 hello world", string(got))
}

func TestURLSafeBase64IsRead(t *testing.T) {
	key := keys()["ed25519"]
	env, err := receipt.Sign(statement(), key)
	require.NoError(t, err)
	env = rewrite(t, env, func(m map[string]any) {
		raw, err := base64.StdEncoding.DecodeString(m["payload"].(string))
		require.NoError(t, err)
		m["payload"] = base64.URLEncoding.EncodeToString(raw)
		sig := m["signatures"].([]any)[0].(map[string]any)
		raw, err = base64.StdEncoding.DecodeString(sig["sig"].(string))
		require.NoError(t, err)
		sig["sig"] = base64.URLEncoding.EncodeToString(raw)
	})
	_, err = receipt.Verify(env, key.Public())
	require.NoError(t, err)
}

func rewrite(t *testing.T, env []byte, change func(map[string]any)) []byte {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(env, &m))
	change(m)
	out, err := json.Marshal(m)
	require.NoError(t, err)
	return out
}

type badSigner struct {
	crypto.Signer
	err error
}

func (b badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 64), b.err
}

func TestSignerFailures(t *testing.T) {
	broken := errors.New("TPM is gone")
	_, err := receipt.Sign(statement(), badSigner{keys()["ed25519"], broken})
	assert.ErrorIs(t, err, broken)
	_, err = receipt.Sign(statement(), badSigner{keys()["ed25519"], nil})
	assert.ErrorContains(t, err, "does not verify")
	_, err = receipt.Sign(statement())
	assert.ErrorContains(t, err, "0 signers")
	_, err = receipt.Sign(statement(), nil)
	assert.ErrorIs(t, err, receipt.ErrKey)
	_, err = receipt.Sign(statement(), make([]crypto.Signer, receipt.MaxSignatures+1)...)
	assert.ErrorContains(t, err, "9 signers")
}
