package eventlog_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestSignedNote: others read a checkpoint, with golang.org/x/mod/sumdb/note and the log's
// key as its documentation writes it, and take it for one of sumdb/tlog.
func TestSignedNote(t *testing.T) {
	records, _ := written(t, 1, options())
	vkey, err := note.NewEd25519VerifierKey("gateway-7", publicKey())
	require.NoError(t, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	n, err := note.Open(noteOf(records), note.VerifierList(verifier))
	require.NoError(t, err)
	c, err := eventlog.ParseCheckpoint(noteOf(records), publicKey())
	require.NoError(t, err)
	lines := strings.Split(n.Text, "\n")
	require.Equal(t, []string{"gateway-7", strconv.FormatUint(c.Size, 10), base64.StdEncoding.EncodeToString(c.Root[:])}, lines[:3])
}

// TestNotesAreExact: a checkpoint that is written in any other way is none.
func TestNotesAreExact(t *testing.T) {
	records, _ := written(t, 1, options())
	good := string(noteOf(records))
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
