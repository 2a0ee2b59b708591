package integrity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
	"github.com/iot-device-baseline/baseline/receipt"
)

// key is an Ed25519 key whose seed is the SHA-256 of "baseline integrity " and a name.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("baseline integrity " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

var release = integrity.Release{Product: "gateway", Version: "1.4.2", Number: 7, Exclude: []string{"var", "*.manifest"}}

func expect() integrity.Expect {
	return integrity.Expect{Keys: []crypto.PublicKey{key("vendor").Public()}, Product: "gateway", Version: "1.4.2", MinNumber: 7}
}

// software is the tree of the golden manifest.
func software() fstest.MapFS {
	return fstest.MapFS{
		"bin/agent":       {Data: []byte("\x7fELF agent"), Mode: 0o755},
		"bin/su":          {Data: []byte("su"), Mode: 0o755 | fs.ModeSetuid},
		"etc/empty":       {Mode: 0o644},
		"etc/name <&> é":  {Data: []byte("odd"), Mode: 0o600},
		"lib/libz.so":     {Data: []byte("libz.so.1"), Mode: fs.ModeSymlink | 0o777},
		"lib/libz.so.1":   {Data: []byte("code"), Mode: 0o644},
		"lib/up":          {Data: []byte("../bin/agent"), Mode: fs.ModeSymlink | 0o777},
		"own.manifest":    {Data: []byte("itself"), Mode: 0o644},
		"var/state/table": {Data: []byte("changes"), Mode: 0o600},
	}
}

func write(t testing.TB, fsys fs.FS, signer crypto.Signer, rel integrity.Release) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, integrity.WriteManifest(context.Background(), &b, fsys, signer, rel))
	return b.Bytes()
}

func check(t testing.TB, fsys fs.FS, manifest []byte, x integrity.Expect) *integrity.Report {
	t.Helper()
	r, err := integrity.Check(context.Background(), fsys, manifest, x, nil)
	require.NoError(t, err)
	return r
}

// found lists kinds and paths.
func found(r *integrity.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		out = append(out, strings.TrimSuffix(string(f.Kind)+" "+f.Path, " "))
	}
	return out
}

// forge signs lines as a manifest, whatever they are. edit may change the predicate and
// the statement.
func forge(t testing.TB, lines []byte, edit func(predicate map[string]any, st *receipt.Statement), signers ...crypto.Signer) []byte {
	t.Helper()
	sum := sha256.Sum256(lines)
	predicate := map[string]any{
		"version": "1.4.2", "number": 7, "entries": bytes.Count(lines, []byte("\n")), "bytes": len(lines), "exclude": []string{"var", "*.manifest"},
	}
	st := &receipt.Statement{
		Subject:       []receipt.Subject{{Name: "gateway", Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}},
		PredicateType: integrity.PredicateType,
	}
	if edit != nil {
		edit(predicate, st)
	}
	if st.Predicate == nil {
		var err error
		st.Predicate, err = json.Marshal(predicate)
		require.NoError(t, err)
	}
	if len(signers) == 0 {
		signers = []crypto.Signer{key("vendor")}
	}
	envelope, err := receipt.Sign(st, signers...)
	require.NoError(t, err)
	return slices.Concat(envelope, []byte("\n"), lines)
}

// file is the line of an empty file.
func file(path string) string {
	return fmt.Sprintf(`{"path":%q,"size":0,"sha256":"%x"}`+"\n", path, sha256.Sum256(nil))
}

func link(path, target string) string {
	return fmt.Sprintf(`{"path":%q,"target":%q}`+"\n", path, target)
}

// onDisk puts a tree into a folder, and opens it as a device should.
func onDisk(t testing.TB, tree fstest.MapFS) (string, fs.FS) {
	t.Helper()
	dir := t.TempDir()
	for name, f := range tree {
		at := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if f.Mode&fs.ModeSymlink != 0 {
			require.NoError(t, os.Symlink(string(f.Data), at))
			continue
		}
		require.NoError(t, os.WriteFile(at, f.Data, 0o600))
		require.NoError(t, os.Chmod(at, f.Mode))
	}
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return dir, root.FS()
}
