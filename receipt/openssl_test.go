package receipt_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/receipt"
)

const cryptoHash0 = crypto.Hash(0)

// TestOpenSSLVerifies shows that a program which shares no code with this one
// accepts the signatures over the pre-authentication encoding, and refuses them
// over other bytes.
func TestOpenSSLVerifies(t *testing.T) {
	pss := []string{"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"}
	for name, args := range map[string][]string{
		"ed25519": nil,
		"p256":    {"-sha256"},
		"p384":    {"-sha384"},
		"rsa2048": append([]string{"-sha256"}, pss...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			key := keys()[name]
			pae := foreign(t, dir, key)
			cmd := []string{"dgst", "-verify", "key.pem", "-signature", "sig"}
			cmd = append(append(cmd, args...), "pae")
			if _, ok := key.Public().(ed25519.PublicKey); ok {
				cmd = []string{"pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-sigfile", "sig", "-in", "pae"}
			}
			out, err := openssl(dir, cmd)
			require.NoError(t, err, out)
			assert.Regexp(t, `Verified OK|Signature Verified Successfully`, out)

			pae[len(pae)-1] ^= 1
			require.NoError(t, os.WriteFile(filepath.Join(dir, "pae"), pae, 0o600))
			out, err = openssl(dir, cmd)
			require.Error(t, err, out)
		})
	}
}

// foreign takes an envelope apart without this package: payload and signature
// from the JSON, the encoding written out by hand.
func foreign(t *testing.T, dir string, key crypto.Signer) []byte {
	t.Helper()
	env, err := receipt.Sign(statement(), key)
	require.NoError(t, err)
	var e struct {
		PayloadType, Payload string
		Signatures           []struct{ Sig string }
	}
	require.NoError(t, json.Unmarshal(env, &e))
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	require.NoError(t, err)
	sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(payload), payload)
	for name, data := range map[string][]byte{
		"pae": pae, "sig": sig, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return pae
}

// openssl must be installed: without it nothing foreign was shown, and the test fails.
func openssl(dir string, args []string) (string, error) {
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
