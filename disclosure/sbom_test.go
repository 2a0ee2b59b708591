package disclosure_test

import (
	"debug/buildinfo"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/disclosure"
)

// document is the part of CycloneDX that the tests read.
type document struct {
	BOMFormat, SpecVersion, SerialNumber string
	Metadata                             struct{ Component componentOf }
	Components                           []componentOf
}

type componentOf struct {
	Type, Name, Version, PURL string
	Properties                []struct{ Name, Value string }
}

func (c componentOf) property(name string) string {
	for _, p := range c.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func read(t *testing.T, info *debug.BuildInfo) (document, string) {
	t.Helper()
	data, err := disclosure.SBOM(info)
	require.NoError(t, err)
	var d document
	require.NoError(t, json.Unmarshal(data, &d))
	return d, string(data)
}

// TestSBOMEqualsBinary: the list is that of "go version -m" on a program as a vendor
// ships it, stripped.
func TestSBOMEqualsBinary(t *testing.T) {
	program := filepath.Join(t.TempDir(), "quickstart")
	build := exec.Command("go", "build", "-ldflags=-s -w -X main.secret=hunter2", "-o", program, "../examples/quickstart")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	info, err := buildinfo.ReadFile(program)
	require.NoError(t, err)
	d, text := read(t, info)
	assert.NotContains(t, text, "hunter2", "flags of the linker hold a vendor's values")

	out, err = exec.Command("go", "version", "-m", program).Output()
	require.NoError(t, err)
	want := map[string]string{"std " + strings.TrimPrefix(info.GoVersion, "go"): ""}
	for line := range strings.Lines(string(out)) {
		cols := strings.Split(strings.TrimSpace(line), "\t")
		switch cols[0] {
		case "dep":
			want[cols[1]+" "+cols[2]] = cols[3]
		case "mod":
			assert.Equal(t, cols[1], d.Metadata.Component.Name)
			assert.Equal(t, cols[2], d.Metadata.Component.Version)
		}
	}
	got := map[string]string{}
	for _, c := range d.Components {
		got[c.Name+" "+c.Version] = c.property("baseline:go:sum")
		assert.Equal(t, "pkg:golang/"+c.Name+"@"+c.Version, c.PURL)
	}
	assert.Equal(t, want, got)
	assert.GreaterOrEqual(t, len(got), 3, "golang.org/x/crypto, golang.org/x/sys, std")
	assert.NotEmpty(t, d.Metadata.Component.property("baseline:go:build:GOARCH"))
	t.Logf("components=%d", len(got))
}

// TestSBOMOfReplacements: what is linked counts.
func TestSBOMOfReplacements(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8 X:jsonv2", Main: debug.Module{Path: "example.com/gw", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0+incompatible", Sum: "h1:x"}},
			{Path: "example.com/local", Version: "v1.0.0", Replace: &debug.Module{Path: "../local"}},
		},
	}
	d, text := read(t, info)
	require.Len(t, d.Components, 3)
	assert.Empty(t, d.Metadata.Component.PURL, "a program without a version is not on a proxy")
	assert.Empty(t, d.Components[0].PURL)
	assert.Equal(t, "example.com/local@v1.0.0", d.Components[0].property("baseline:go:replaces"))
	assert.Equal(t, "pkg:golang/example.com/fork@v2.0.0%2Bincompatible", d.Components[1].PURL)
	assert.Equal(t, "h1:x", d.Components[1].property("baseline:go:sum"))
	assert.Equal(t, "1.26.8", d.Components[2].Version)
	assert.Regexp(t, "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", d.SerialNumber)
	_, again := read(t, info)
	assert.Equal(t, text, again)
	assert.Contains(t, text, `"aggregate": "incomplete"`)
}

func TestSBOMNeedsBuildInfo(t *testing.T) {
	for _, info := range []*debug.BuildInfo{nil, {GoVersion: "go1.26"}} {
		_, err := disclosure.SBOM(info)
		require.ErrorContains(t, err, "no build information")
	}
}
