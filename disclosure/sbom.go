package disclosure

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// SBOM lists what is linked into a program, as CycloneDX 1.6 in JSON, from its build
// information: debug.ReadBuildInfo for the running one, debug/buildinfo.ReadFile for a
// file. Equal programs give equal documents: it holds no time.
//
// What build information does not know, the document does not say: which module needs
// which, licences, and all that is not Go. It declares the dependencies incomplete.
// Flags of the linker are left out, since vendors inject values by them.
func SBOM(info *debug.BuildInfo) ([]byte, error) {
	if info == nil || info.Main.Path == "" {
		return nil, errors.New("disclosure: sbom: the program has no build information of a module")
	}
	main := componentOf("application", &info.Main)
	main.Properties = append(main.Properties, buildSettings(info)...)
	doc := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{main}, Components: []component{standardLibrary(info.GoVersion)},
	}
	for _, m := range info.Deps {
		doc.Components = append(doc.Components, componentOf("library", m))
	}
	slices.SortFunc(doc.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	doc.Compositions = []composition{{Aggregate: "incomplete", Dependencies: []string{main.Ref}}}
	return doc.encode()
}

type bom struct {
	Schema       string        `json:"$schema"`
	BOMFormat    string        `json:"bomFormat"`
	SpecVersion  string        `json:"specVersion"`
	Serial       string        `json:"serialNumber,omitempty"`
	Version      int           `json:"version"`
	Metadata     metadata      `json:"metadata"`
	Components   []component   `json:"components"`
	Compositions []composition `json:"compositions"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type composition struct {
	Aggregate    string   `json:"aggregate"`
	Dependencies []string `json:"dependencies"`
}

// encode gives the document a serial number that follows from its content.
func (b bom) encode() ([]byte, error) {
	data, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("disclosure: sbom: %w", err)
	}
	sum := sha256.Sum256(data)
	b.Serial = "urn:uuid:" + uuid(sum[:16])
	if data, err = json.MarshalIndent(b, "", "  "); err != nil {
		return nil, fmt.Errorf("disclosure: sbom: %w", err)
	}
	return append(data, '\n'), nil
}

// uuid is version 8 of RFC 9562: from a digest of our own.
func uuid(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// componentOf follows a replacement: what is linked counts, and what it stands for is a
// property.
func componentOf(kind string, m *debug.Module) component {
	linked, replaced := m, ""
	if m.Replace != nil {
		linked, replaced = m.Replace, m.Path+"@"+m.Version
	}
	c := component{Type: kind, Ref: linked.Path + "@" + linked.Version, Name: linked.Path, Version: linked.Version, PURL: purl(linked)}
	if linked.Sum != "" {
		// The digest of a module is of its files as the go command sorts them; as a hash
		// of the component it would match no file.
		c.Properties = append(c.Properties, property{"baseline:go:sum", linked.Sum})
	}
	if replaced != "" {
		c.Properties = append(c.Properties, property{"baseline:go:replaces", replaced})
	}
	return c
}

// purl names a module as package-url/purl-spec does. A local replacement has none, nor
// has a program without a version.
func purl(m *debug.Module) string {
	if m.Version == "" || m.Version == "(devel)" || strings.HasPrefix(m.Path, ".") || strings.HasPrefix(m.Path, "/") {
		return ""
	}
	return "pkg:golang/" + percent(m.Path, "/") + "@" + percent(m.Version, "")
}

func percent(s, also string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved+also, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func standardLibrary(version string) component {
	v := strings.TrimPrefix(version, "go")
	v, _, _ = strings.Cut(v, " ") // "go1.26.8 X:experiment"
	return component{Type: "library", Ref: "std@" + v, Name: "std", Version: v, PURL: "pkg:golang/std@" + percent(v, "")}
}

// buildSettings are those that say how it was built, and hold nothing of the vendor's.
func buildSettings(info *debug.BuildInfo) []property {
	var out []property
	for _, s := range info.Settings {
		switch s.Key {
		case "-ldflags", "-gcflags", "-asmflags", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS":
			continue
		}
		out = append(out, property{"baseline:go:build:" + s.Key, s.Value})
	}
	return append(out, property{"baseline:go:version", info.GoVersion})
}
