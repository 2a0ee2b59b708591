package integrity_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/receipt"
)

var update = flag.Bool("update", false, "write the golden manifest anew")

const golden = "testdata/golden.manifest"

// TestGolden: the format is that of the release before. The key is the Ed25519 key with
// the seed SHA-256("baseline integrity vendor").
func TestGolden(t *testing.T) {
	made := write(t, software(), key("vendor"), release)
	if *update {
		require.NoError(t, os.WriteFile(golden, made, 0o644))
	}
	kept, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(kept), string(made))
	assert.True(t, check(t, software(), kept, expect()).Whole())
}

// TestGoldenByHand verifies the golden manifest as docs/formats.md says, without a line
// of this module.
func TestGoldenByHand(t *testing.T) {
	kept, err := os.ReadFile(golden)
	require.NoError(t, err)
	first, lines, _ := bytes.Cut(kept, []byte("\n"))
	var env struct {
		PayloadType, Payload string
		Signatures           []struct{ Sig string }
	}
	require.NoError(t, json.Unmarshal(first, &env))
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	require.NoError(t, err)
	sig, err := base64.StdEncoding.DecodeString(env.Signatures[0].Sig)
	require.NoError(t, err)
	signed := fmt.Sprintf("DSSEv1 %d %s %d %s", len(env.PayloadType), env.PayloadType, len(payload), payload)
	require.True(t, ed25519.Verify(key("vendor").Public().(ed25519.PublicKey), []byte(signed), sig))

	var st struct {
		Subject       []struct{ Digest map[string]string }
		PredicateType string
		Predicate     struct {
			Number  uint64
			Entries int
			Exclude []string
		}
	}
	require.NoError(t, json.Unmarshal(payload, &st))
	sum := sha256.Sum256(lines)
	assert.Equal(t, hex.EncodeToString(sum[:]), st.Subject[0].Digest["sha256"])
	assert.Equal(t, uint64(7), st.Predicate.Number)
	assert.Equal(t, []string{"*.manifest", "var"}, st.Predicate.Exclude)

	tree, n := software(), 0
	for line := range strings.Lines(string(lines)) {
		var e struct{ Path, SHA256, Target string }
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		if data := tree[e.Path].Data; e.Target == "" {
			sum := sha256.Sum256(data)
			assert.Equal(t, hex.EncodeToString(sum[:]), e.SHA256)
		} else {
			assert.Equal(t, string(data), e.Target)
		}
		n++
	}
	assert.Equal(t, st.Predicate.Entries, n)
}

// TestEveryBitOfTheTree: a bit that is not as it was is found where it is.
func TestEveryBitOfTheTree(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	bits := 0
	for name, f := range software() {
		if release.Exclude[0] == strings.SplitN(name, "/", 2)[0] || strings.HasSuffix(name, ".manifest") {
			continue
		}
		for i := range len(f.Data) * 8 {
			tree := software()
			tree[name].Data[i/8] ^= 1 << (i % 8)
			require.Equal(t, []string{"changed " + name}, found(check(t, tree, manifest, expect())))
			bits++
		}
	}
	t.Logf("bits=%d", bits)
	require.Greater(t, bits, 200)
}

// TestEveryBitOfTheManifest: no bit of it can be other than it was signed, but those
// that say nothing: of the name of the key, which helps to find it and is not believed.
func TestEveryBitOfTheManifest(t *testing.T) {
	tree := software()
	manifest := write(t, tree, key("vendor"), release)
	id, err := receipt.KeyID(key("vendor").Public())
	require.NoError(t, err)
	from := bytes.Index(manifest, []byte(id))
	require.Positive(t, from)
	free := 0
	for i := range len(manifest) * 8 {
		flipped := bytes.Clone(manifest)
		flipped[i/8] ^= 1 << (i % 8)
		r := check(t, tree, flipped, expect())
		if r.Whole() && i/8 >= from && i/8 < from+len(id) {
			free++
			continue
		}
		require.Equal(t, []string{"unsigned"}, found(r), "byte %d", i/8)
	}
	t.Logf("bits=%d free=%d", len(manifest)*8, free)
	for n := range len(manifest) {
		require.Equal(t, []string{"unsigned"}, found(check(t, tree, manifest[:n], expect())))
	}
}
