package baseline_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/law"
)

// What is written in a document between ``` and ``` says in the line before where
// it comes from: from a file of this module, or it is a test that runs as it stands.
var (
	fromFile = regexp.MustCompile(`^<!-- from (\S+) -->$`)
	runs     = "<!-- runs -->"
)

// block is a block of code in a document.
type block struct {
	document, language, mark string
	line                     int
	lines                    []string
}

// blocks reads the blocks of a document, with the line that stands before each.
func blocks(t *testing.T, document string) (list []block) {
	t.Helper()
	data, err := os.ReadFile(document)
	require.NoError(t, err)
	before, inside := "", false
	for i, line := range strings.Split(string(data), "\n") {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && inside:
			inside, before = false, ""
		case fence:
			inside = true
			list = append(list, block{document: document, language: language, mark: before, line: i + 1})
		case inside:
			last := &list[len(list)-1]
			last.lines = append(last.lines, line)
		default:
			before = strings.TrimSpace(line)
		}
	}
	require.False(t, inside, "%s: a block of code has no end", document)
	return list
}

// TestDocumentedCode shows that the Go code in the documents is real: it stands so
// in a file of this module, or it is compiled and run here.
func TestDocumentedCode(t *testing.T) {
	ran, quoted := 0, 0
	for _, document := range documents(t) {
		for _, b := range blocks(t, document) {
			switch m := fromFile.FindStringSubmatch(b.mark); {
			case m != nil:
				b.quotes(t, m[1])
				quoted++
			case b.mark == runs:
				b.run(t)
				ran++
			case b.language == "go":
				t.Errorf("%s:%d: Go code that is neither from a file nor runs", b.document, b.line)
			}
		}
	}
	assert.GreaterOrEqual(t, ran, 2)
	assert.GreaterOrEqual(t, quoted, 2)
}

// quotes wants the lines of b in file, in their order. A line of "…" alone leaves
// some out; without it lines follow each other.
func (b *block) quotes(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err, "%s:%d", b.document, b.line)
	have := strings.Split(string(data), "\n")
	at, skip := 0, true
	for i, line := range b.lines {
		if strings.TrimSpace(line) == "…" {
			skip = true
			continue
		}
		for skip && at < len(have) && have[at] != line {
			at++
		}
		if at >= len(have) || have[at] != line {
			t.Errorf("%s:%d: %q does not stand there in %s", b.document, b.line+i+1, line, file)
			return
		}
		at, skip = at+1, false
	}
}

// run runs b as the test file of a package docs that exists only in an overlay.
func (b *block) run(t *testing.T) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "sample_test.go")
	require.NoError(t, os.WriteFile(source, []byte(strings.Join(b.lines, "\n")+"\n"), 0o600))
	root, err := os.Getwd()
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "docs", "sample_test.go"): source,
	}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-overlay="+file, "./docs")
	cmd.Env = append(os.Environ(), "POWERCUT_BREAK=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:%d:\n%s", b.document, b.line, out)
	assert.Contains(t, string(out), "--- PASS: Test", "%s:%d holds no test", b.document, b.line)
}

var codeSpan = regexp.MustCompile("`([^`\n]+)`")

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// TestDocumentsLinkToFiles follows the links of the documents within the repository.
func TestDocumentsLinkToFiles(t *testing.T) {
	links := 0
	for _, document := range documents(t) {
		data, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(document), m[1]))
			assert.NoError(t, err, "%s links to %s", document, m[1])
			links++
		}
	}
	assert.Greater(t, links, 10)
}

// TestReadmeNamesEveryPackage keeps its table of packages whole.
func TestReadmeNamesEveryPackage(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, p := range tree(t).Importable() {
		name := p.Path
		if name == "." {
			name = "baseline"
		}
		assert.Contains(t, string(readme), "| [`"+name+"`](", "README.md has no row for %s", p.Path)
	}
}

var symbol = regexp.MustCompile(`^(?:([a-z]+)\.)?([A-Z]\w*)(?:\.([A-Z]\w*))?\b`)

// TestDocsNameRealSymbols looks up what the documents name as `pkg.Name`,
// `pkg.Type.Name` or `Type.Name`, for the packages of this module.
func TestDocsNameRealSymbols(t *testing.T) {
	words := map[string]map[string]bool{}
	for _, p := range tree(t).Importable() {
		known := map[string]bool{}
		for _, line := range law.API(p) {
			for word := range strings.FieldsFuncSeq(line, notInName) {
				known[word] = true
			}
		}
		words[p.Name] = known
	}
	named := 0
	for _, document := range documents(t) {
		for _, m := range codeSpan.FindAllStringSubmatch(prose(t, document), -1) {
			s := symbol.FindStringSubmatch(m[1])
			if s == nil || s[1] == "" && s[3] == "" || s[1] != "" && words[s[1]] == nil {
				continue
			}
			named++
			there := false
			for pkg, known := range words {
				there = there || (s[1] == "" || s[1] == pkg) && known[s[2]] && (s[3] == "" || known[s[3]])
			}
			assert.True(t, there, "%s names %s", document, m[1])
		}
	}
	assert.Greater(t, named, 50)
}

// prose is a document without its blocks of code.
func prose(t *testing.T, document string) string {
	t.Helper()
	data, err := os.ReadFile(document)
	require.NoError(t, err)
	var b strings.Builder
	code := false
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		} else if !code {
			b.WriteString(line)
		}
	}
	return b.String()
}

func notInName(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// TestLifeTranscript compares what is quoted of the gateway's life with a life that is
// lived here.
func TestLifeTranscript(t *testing.T) {
	const quoted = "examples/gateway/testdata/transcript.txt"
	out, err := exec.CommandContext(t.Context(), "go", "run", "./examples/gateway").CombinedOutput()
	require.NoError(t, err, "%s", out)
	lived := filepath.Join(t.TempDir(), "lived.txt")
	require.NoError(t, os.WriteFile(lived, out, 0o600))
	text, err := os.ReadFile(quoted)
	require.NoError(t, err)
	b := block{document: quoted, lines: strings.Split(strings.TrimRight(string(text), "\n"), "\n")}
	b.quotes(t, lived)
}
