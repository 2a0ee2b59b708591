package integrity_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

// FuzzManifest: no bytes are believed but those that were signed; and of lines that the
// right key signed, those that are accepted are in the one form, in order, and lead
// nowhere else.
func FuzzManifest(f *testing.F) {
	kept, err := os.ReadFile(golden)
	require.NoError(f, err)
	envelope, lines, _ := bytes.Cut(kept, []byte("\n"))
	for _, seed := range [][]byte{
		kept, envelope, lines, []byte(file("a") + file("b/c")), []byte(file("../x")), []byte(link("a/b", "../c")), []byte(link("a", "../x")),
		[]byte(file("a") + file("a")), []byte(file("a") + file("a/b")), []byte("\n"), []byte(`{"path":"a","size":1,"sha256":"00","mode":"xu"}` + "\n"),
	} {
		f.Add(seed)
	}
	_, signed, _ := bytes.Cut(kept, []byte("\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := check(t, software(), data, expect())
		if r.Checked {
			_, lines, _ := bytes.Cut(data, []byte("\n"))
			require.Equal(t, signed, lines)
		}
		r = check(t, fstest.MapFS{}, forge(t, data, nil), expect())
		require.False(t, r.Whole(), "nothing is there")
		for _, f := range r.Findings {
			require.Less(t, len(f.Got), 1200)
		}
		if r.Checked {
			accepted(t, data)
		}
	})
}

// accepted checks lines that were accepted, with the means of the standard library.
func accepted(t *testing.T, lines []byte) {
	last := ""
	for line := range bytes.Lines(lines) {
		var e struct {
			Path, SHA256, Target string
			Size                 int64
		}
		require.NoError(t, json.Unmarshal(line, &e))
		require.Greater(t, e.Path, last)
		require.True(t, fs.ValidPath(e.Path), e.Path)
		require.False(t, strings.HasPrefix(e.Path+"/", "var/"))
		require.GreaterOrEqual(t, e.Size, int64(0))
		require.NotEqual(t, e.SHA256 == "", e.Target == "")
		if e.Target != "" {
			require.True(t, fs.ValidPath(path.Join(path.Dir(e.Path), e.Target)), "%q -> %q", e.Path, e.Target)
			require.False(t, path.IsAbs(e.Target))
		}
		last = e.Path
	}
}

// FuzzTarget: a link that may be in a manifest stays in the tree, wherever it lies.
func FuzzTarget(f *testing.F) {
	for _, seed := range [][2]string{{"a", "b"}, {"a/b", "../c"}, {"a/b", ".."}, {"a", "../x"}, {"a/b", "c/../../../x"}, {"a/b", "../../x"}, {"a", "/x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, target string) {
		tree := fstest.MapFS{"z": {}, name: {Data: []byte(target), Mode: fs.ModeSymlink}}
		if !fs.ValidPath(name) || name == "." || name == "z" || strings.HasPrefix(name, "z/") {
			return
		}
		var b bytes.Buffer
		if integrity.WriteManifest(t.Context(), &b, tree, key("vendor"), integrity.Release{Product: "p", Version: "1", Number: 1}) != nil {
			return
		}
		require.True(t, fs.ValidPath(path.Join(path.Dir(name), target)))
		x := expect()
		x.Product, x.Version, x.MinNumber = "", "", 0
		r := check(t, tree, b.Bytes(), x)
		require.True(t, r.Whole(), r.Findings)
	})
}
