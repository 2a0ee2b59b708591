package baseline_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)

// TestDocsNameRealTests checks that a test which a document names exists, unless
// its line says that it is not there yet. Blocks of code are the reader's.
func TestDocsNameRealTests(t *testing.T) {
	real := map[string]bool{}
	for _, p := range tree(t).Own {
		for _, f := range append(p.Tests, p.Files...) {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					real[fn.Name.Name] = true
				}
			}
		}
	}
	for _, name := range documents(t) {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		code := false
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			}
			if code || strings.Contains(line, "not yet") {
				continue
			}
			for _, test := range testName.FindAllString(line, -1) {
				assert.True(t, begins(real, test), "%s names %s, which does not exist", name, test)
			}
		}
	}
}

// begins reports whether a test has this name, or one that begins so: documents
// name families as go test -run does.
func begins(real map[string]bool, prefix string) bool {
	for name := range real {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func documents(t *testing.T) []string {
	top, err := filepath.Glob("*.md")
	require.NoError(t, err)
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(top)+len(docs), 5)
	return append(top, docs...)
}
