package eventlog_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestSignedNote: the key hash is that of c2sp.org/signed-note, by the key and the note
// in its reference implementation's documentation (golang.org/x/mod/sumdb/note).
func TestSignedNote(t *testing.T) {
	const (
		vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
		text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
		sig  = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
	)
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	key := ed25519.PublicKey(raw[1:])
	signed, err := base64.StdEncoding.DecodeString(sig)
	require.NoError(t, err)
	require.Equal(t, signed[:4], eventlog.KeyHash(parts[0], key))
	require.True(t, ed25519.Verify(key, []byte(text), signed[4:]))
}

// TestNotesAreExact: a checkpoint that is written in any other way is none.
func TestNotesAreExact(t *testing.T) {
	records, _ := written(t, 1, options())
	good := string(note(records))
	_, err := eventlog.ParseCheckpoint([]byte(good), publicKey())
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"size":           {"\n4\n", "\n5\n"},
		"size with zero": {"\n4\n", "\n04\n"},
		"origin":         {"gateway-7", "gateway-8"},
		"quality":        {" set", " authenticated"},
		"no newline":     {"=\n", "="},
		"another line":   {"\n\n", "\nmore\n\n"},
		"no signature":   {"— ", "- "},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if name == "no newline" {
			bad = strings.TrimSuffix(good, "\n")
		}
		require.NotEqual(t, good, bad, name)
		_, err := eventlog.ParseCheckpoint([]byte(bad), publicKey())
		require.ErrorIs(t, err, eventlog.ErrTampered, name)
	}
}
