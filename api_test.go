package baseline_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/law"
)

var rewrite = flag.Bool("update", false, "write api/ anew from the source")

// TestAPI compares what each package exports with api/, so that a change of the
// API is seen in review. After a wanted change: go test . -run TestAPI -update
func TestAPI(t *testing.T) {
	tr := tree(t)
	stale := apiFiles(t)
	for _, p := range tr.Importable() {
		if p.Error != nil {
			t.Errorf("%s does not compile: %s", p.Path, p.Error.Err)
			continue
		}
		name := apiFile(p.Path)
		delete(stale, name)
		text := strings.Join(law.API(p), "\n") + "\n"
		if *rewrite {
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
			continue
		}
		committed, err := os.ReadFile(name)
		require.NoError(t, err, "no listing of %s: go test . -run TestAPI -update", p.Path)
		diffLines(t, name, string(committed), text)
	}
	for name := range stale {
		if *rewrite {
			require.NoError(t, os.Remove(name))
			continue
		}
		t.Errorf("%s lists a package that is gone", name)
	}
}

// apiFile names the listing of a package: api/durable/powercut.txt.
func apiFile(path string) string {
	if path == "." {
		path = "baseline"
	}
	return filepath.FromSlash("api/" + path + ".txt")
}

func apiFiles(t *testing.T) map[string]bool {
	files := map[string]bool{}
	err := filepath.WalkDir("api", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name] = true
		}
		return err
	})
	require.NoError(t, err)
	return files
}

// diffLines reports the lines that only one side has. Both sides are sorted, so
// that their order cannot differ.
func diffLines(t *testing.T, name, committed, source string) {
	t.Helper()
	before, after := lineSet(committed), lineSet(source)
	for line := range before {
		if !after[line] {
			t.Errorf("%s: - %s", name, line)
		}
	}
	for line := range after {
		if !before[line] {
			t.Errorf("%s: + %s", name, line)
		}
	}
}

func lineSet(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		set[strings.TrimSpace(line)] = true
	}
	return set
}

// TestAPIListing shows the form of a listing by the package that every other
// builds on.
func TestAPIListing(t *testing.T) {
	for _, p := range tree(t).Importable() {
		if p.Path != "durable" {
			continue
		}
		lines := law.API(p)
		assert.Contains(t, lines, "type File interface { Close, ReadAt, Sync, Truncate, WriteAt }")
		assert.Contains(t, lines, "type FS interface, Rename(string, string) error")
		assert.Contains(t, lines, "type Info struct, Size int64")
		assert.Contains(t, lines, "var ErrInUse error")
		return
	}
	t.Error("package durable is missing")
}
