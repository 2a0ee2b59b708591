package openpgp_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
)

var document = []byte("{\"format\":1,\"sequence\":7}\r\n")

// home is a GnuPG of its own. gpg must be installed: without it nothing foreign was
// shown, and the tests fail.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) *home {
	// Not t.TempDir: the path of the agent's socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	h := &home{t, dir}
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all")
		stop.Env = append(os.Environ(), "GNUPGHOME="+dir)
		assert.NoError(t, stop.Run())
		assert.NoError(t, os.RemoveAll(dir))
	})
	return h
}

func (h *home) try(stdin []byte, args ...string) (stdout, stderr []byte, err error) {
	cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--homedir", h.dir}, args...)...)
	var out, text bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &text
	err = cmd.Run()
	return out.Bytes(), text.Bytes(), err
}

func (h *home) gpg(stdin []byte, args ...string) []byte {
	h.t.Helper()
	out, text, err := h.try(stdin, args...)
	require.NoError(h.t, err, "gpg %s: %s", strings.Join(args, " "), text)
	return out
}

// key makes a key that signs; args are algorithm, usage, expiry of gpg.
func (h *home) key(name string, args ...string) (fingerprint string) {
	h.gpg(nil, append([]string{"--quick-generate-key", name}, args...)...)
	return h.fingerprint(name)
}

func (h *home) fingerprint(name string) string {
	for line := range strings.Lines(string(h.gpg(nil, "--with-colons", "--list-keys", name))) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			return f[9]
		}
	}
	h.t.Fatal("no fingerprint of " + name)
	return ""
}

func (h *home) sign(name string, doc []byte, args ...string) []byte {
	return h.gpg(doc, append(append([]string{"--local-user", name}, args...), "--detach-sign")...)
}

func (h *home) file(name string, data []byte) string {
	path := filepath.Join(h.dir, name)
	require.NoError(h.t, os.WriteFile(path, data, 0o600))
	return path
}

// TestVerifiesGPG: what gpg signs with any of the usual keys verifies, armored or
// not, and only over these bytes; the fingerprint is the one that gpg shows.
func TestVerifiesGPG(t *testing.T) {
	h := newHome(t)
	ids := map[string]string{}
	for name, algo := range map[string]string{"rsa": "rsa3072", "ed": "ed25519", "p256": "nistp256"} {
		ids[name] = h.key(name, algo, "sign", "never")
	}
	for _, keyring := range [][]byte{h.gpg(nil, "--export"), h.gpg(nil, "--armor", "--export")} {
		v, err := openpgp.New(keyring, nil)
		require.NoError(t, err)
		require.Len(t, v.Signers(), 3)
		for name, id := range ids {
			for _, armor := range []string{"--armor", "--no-armor"} {
				sig := h.sign(name, document, armor)
				signer, err := v.Verify(t.Context(), document, sig)
				require.NoError(t, err, name)
				assert.Equal(t, id, signer)
				_, err = v.Verify(t.Context(), append(bytes.Clone(document), ' '), sig)
				require.ErrorIs(t, err, openpgp.ErrSignature, name)
			}
		}
	}
	// Two files of keys, one after the other, are one keyring.
	two := append(h.gpg(nil, "--armor", "--export", "rsa"), h.gpg(nil, "--armor", "--export", "ed")...)
	v, err := openpgp.New(two, nil)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{ids["rsa"], ids["ed"]}, v.Signers())
	_, err = v.Verify(t.Context(), document, h.sign("p256", document))
	require.ErrorIs(t, err, openpgp.ErrSigner)
}

// TestGPGVerifies: gpg accepts what a Signer signs, refuses it over other bytes, and
// shows the same fingerprint.
func TestGPGVerifies(t *testing.T) {
	h := newHome(t)
	s := newSigner(t, nil)
	public, err := s.PublicKey()
	require.NoError(t, err)
	h.gpg(public, "--import")
	assert.Equal(t, s.Fingerprint(), h.fingerprint("vendor@example.com"))
	sig, err := s.Sign(t.Context(), document)
	require.NoError(t, err)
	path := h.file("sig", sig)
	status, text, err := h.try(document, "--status-fd", "1", "--verify", path, "-")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, string(status), "VALIDSIG "+s.Fingerprint())
	_, text, err = h.try(append(bytes.Clone(document), ' '), "--verify", path, "-")
	require.Error(t, err)
	assert.Contains(t, string(text), "BAD signature")

	// And a key that gpg made signs here.
	id := h.key("bench", "ed25519", "sign", "never")
	s, err = openpgp.NewSigner(h.gpg(nil, "--armor", "--export-secret-keys", "bench"), nil)
	require.NoError(t, err)
	assert.Equal(t, id, s.Fingerprint())
	sig, err = s.Sign(t.Context(), document)
	require.NoError(t, err)
	h.gpg(document, "--verify", h.file("sig", sig), "-")
}

// TestRefusesOfGPG: each of what gpg accepts, or can be made to, and we do not.
func TestRefusesOfGPG(t *testing.T) {
	h := newHome(t)
	h.key("rsa", "rsa3072", "sign", "never")
	h.key("gone", "ed25519", "sign", "never")
	v, err := openpgp.New(h.gpg(nil, "--export"), nil)
	require.NoError(t, err)
	good := h.sign("rsa", document)
	for name, c := range map[string]struct {
		sig  []byte
		want error
	}{
		"SHA-1":          {h.sign("rsa", document, "--digest-algo", "SHA1"), openpgp.ErrSignature},
		"SHA-224":        {h.sign("rsa", document, "--digest-algo", "SHA224"), openpgp.ErrSignature},
		"text":           {h.sign("rsa", document, "--textmode"), openpgp.ErrSignature},
		"inline":         {h.gpg(document, "--local-user", "rsa", "--sign"), openpgp.ErrSignature},
		"clear":          {h.gpg(document, "--local-user", "rsa", "--clear-sign"), openpgp.ErrSignature},
		"five":           {bytes.Repeat(good, 5), openpgp.ErrSignature},
		"nothing":        {nil, openpgp.ErrSignature},
		"half":           {good[:len(good)/2], openpgp.ErrSignature},
		"too long":       {append(bytes.Clone(good), make([]byte, openpgp.MaxSignature)...), openpgp.ErrSignature},
		"a key":          {h.gpg(nil, "--export", "rsa"), openpgp.ErrSignature},
		"armored key":    {h.gpg(nil, "--armor", "--export", "rsa"), openpgp.ErrSignature},
		"before the key": {h.sign("rsa", document, "--faked-system-time", "20200101T000000!", "--ignore-time-conflict"), openpgp.ErrKey},
	} {
		_, err := v.Verify(t.Context(), document, c.sig)
		require.ErrorIs(t, err, c.want, "%s", name)
	}
	for n := 1; n <= 4; n++ {
		_, err := v.Verify(t.Context(), document, bytes.Repeat(good, n))
		require.NoError(t, err, n)
	}
	// One signature that verifies is enough, wherever it stands.
	both := append(h.sign("gone", []byte("other")), good...)
	_, err = v.Verify(t.Context(), document, both)
	require.NoError(t, err)
}

func TestRevokedAndWeakKeysOfGPG(t *testing.T) {
	h := newHome(t)
	id := h.key("gone", "ed25519", "sign", "never")
	sig := h.sign("gone", document)
	revocation, err := os.ReadFile(filepath.Join(h.dir, "openpgp-revocs.d", id+".rev"))
	require.NoError(t, err)
	h.gpg(bytes.ReplaceAll(revocation, []byte("\n:-----"), []byte("\n-----")), "--import")
	v, err := openpgp.New(h.gpg(nil, "--export", "gone"), nil)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), document, sig)
	require.ErrorIs(t, err, openpgp.ErrKey, "also what it signed before")

	for _, algo := range []string{"rsa1024", "dsa2048", "brainpoolP256r1", "secp256k1"} {
		h.key(algo, algo, "sign", "never")
		_, err = openpgp.New(h.gpg(nil, "--export", algo), nil)
		require.ErrorIs(t, err, openpgp.ErrKeyring, algo)
	}
	_, err = openpgp.New(h.gpg(nil, "--export-secret-keys", "gone"), nil)
	require.ErrorContains(t, err, "private key")
}

// TestSubkeyOfGPG: a subkey signs, the signer is the primary key.
func TestSubkeyOfGPG(t *testing.T) {
	h := newHome(t)
	id := h.key("org", "ed25519", "cert", "never")
	h.gpg(nil, "--quick-add-key", id, "ed25519", "sign", "never")
	v, err := openpgp.New(h.gpg(nil, "--export"), nil)
	require.NoError(t, err)
	signer, err := v.Verify(t.Context(), document, h.sign("org", document))
	require.NoError(t, err)
	assert.Equal(t, id, signer)
}
