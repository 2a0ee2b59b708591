package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
)

// TestCommittedDocument: docs/coverage.md is what the parts say today. After a
// wanted change: make docs
func TestCommittedDocument(t *testing.T) {
	committed, err := os.ReadFile("../../docs/coverage.md")
	require.NoError(t, err)
	dir := t.TempDir()
	for range 2 { // the second time over the state of the first
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), &out, dir, ""))
		require.Equal(t, string(committed), out.String(), "docs/coverage.md is not what the parts say: make docs")
	}
}

// TestEveryPackageIsComposed: what has features is in the device that is asked for them.
func TestEveryPackageIsComposed(t *testing.T) {
	features, err := compose(t.Context(), t.TempDir())
	require.NoError(t, err)
	composed := map[string]bool{}
	for _, f := range features {
		composed[f.Package] = true
	}
	found := 0
	require.NoError(t, fs.WalkDir(os.DirFS("../.."), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil, !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return err
		case strings.HasPrefix(name, "internal/"), strings.HasPrefix(name, "examples/"), path.Dir(name) == ".":
			return nil
		}
		text, err := os.ReadFile("../../" + name)
		if err == nil && bytes.Contains(text, []byte(") Features() []clause.Feature {")) {
			found++
			assert.True(t, composed[path.Dir(name)], "%s has features, and is not composed", name)
		}
		return err
	}))
	assert.Greater(t, found, 8)
}

// Every entry of clause 5.2 has one row, and no other has.
func TestEveryEntryHasARow(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, report(&out, nil, nil))
	asked := 0
	for id := range clause.All() {
		n := strings.Count(out.String(), "\n| "+id.String()+" | ")
		if id.Capability() {
			assert.Equal(t, 1, n, id)
		} else {
			assert.Zero(t, n, id)
		}
		if n > 0 && id.Kind() != clause.Information {
			asked++
		}
	}
	assert.Equal(t, asked, strings.Count(out.String(), "| not yet |"), "without features nothing is answered")
	assert.Contains(t, out.String(), "| **all of 5.2** | **0 of ")
}

func TestAnsweredOnlyByWhatClaimsIt(t *testing.T) {
	one := []clause.Feature{{ID: "x.y", Clauses: []clause.ID{clause.C5_2_3_1_1}, Package: "x", Summary: "resets"}}
	var out bytes.Buffer
	require.NoError(t, report(&out, one, nil))
	assert.Regexp(t, "(?m)^\\| 5\\.2\\.3\\.1\\.1 \\| requirement \\| .* \\| `x\\.y` \\| x \\|$", out.String())
	n, all := count(one, clause.AreaReset, clause.Requirement)
	assert.Equal(t, 1, n)
	assert.Greater(t, all, 1)
}

func TestLog(t *testing.T) {
	all, err := parseLog(strings.NewReader(`{"Action":"run","Package":"` + module + `/x","Test":"TestA"}
{"Action":"pass","Package":"` + module + `/x","Test":"TestA/sub"}
{"Action":"pass","Package":"` + module + `/x","Test":"TestA"}
{"Action":"fail","Package":"` + module + `/x","Test":"TestB"}
{"Action":"fail","Package":"` + module + `/x"}
{"Action":"pass","Package":"` + module + `","Test":"TestC"}
`))
	require.NoError(t, err)
	one := []clause.Feature{{ID: "x.y", Clauses: []clause.ID{clause.C5_2_3_1_1}, Package: "x", Summary: "resets"}}
	var out bytes.Buffer
	require.NoError(t, report(&out, one, all))
	assert.Contains(t, out.String(), "| `x.y` | x | 1 |\n")
	assert.Contains(t, out.String(), "| . | 1 | 0 | TestC |\n| x | 1 | 1 | **TestB failed**, TestA |\n")

	_, err = parseLog(strings.NewReader("ok  \tx\t0.1s\n"))
	require.ErrorContains(t, err, "line 1")
	_, err = parseLog(strings.NewReader(`{"Action":"pass","Package":"x"}` + "\n"))
	require.ErrorContains(t, err, "no test ran")
}

func TestDirectoryIsNeeded(t *testing.T) {
	var out bytes.Buffer
	require.Error(t, run(t.Context(), &out, "", ""))
	require.ErrorIs(t, run(t.Context(), &out, t.TempDir(), "nowhere.json"), os.ErrNotExist)
	assert.Empty(t, out.String())
}
