package baseline_test

import (
	"go/ast"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/law"
)

// TestPowerCutsAreDocumented compares docs/power-cuts.md with the ops of the tests: it
// names each, and no other.
func TestPowerCutsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("docs/power-cuts.md")
	require.NoError(t, err)
	written := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 4 { // no row of a table
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[len(cells)-2], -1) {
			written[m[1]] = true
		}
	}
	texts, names := literals(tree(t))
	require.Greater(t, len(names), 30)
	for name := range names {
		assert.True(t, written[name], "docs/power-cuts.md does not name %s", name)
	}
	for name := range written {
		stem := name[:strings.LastIndexByte(name, '-')+1] // "erase-" + the name of a key store
		assert.True(t, texts[name] || stem != "" && texts[stem], "docs/power-cuts.md names %s, which no test of power cuts has", name)
	}
}

// literals gives the strings in the files with ops, and of them the names of
// ops of device packages that are written out.
func literals(tr *law.Tree) (texts, names map[string]bool) {
	texts, names = map[string]bool{}, map[string]bool{}
	for _, p := range tr.Own {
		for _, f := range p.Tests {
			inspectOps(f, p.Path != "durable/powercut", texts, names)
		}
	}
	return texts, names
}

func inspectOps(f *ast.File, device bool, texts, names map[string]bool) {
	if !usesPowercut(f) {
		return
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				texts[s] = true
			}
		case *ast.CompositeLit:
			if name := opName(n); name != "" && device {
				names[name] = true
			}
		}
		return true
	})
}

// opName gives the name of a literal that has the fields of a powercut.Op.
func opName(lit *ast.CompositeLit) (name string) {
	fields := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				fields[key.Name] = kv.Value
			}
		}
	}
	text, ok := fields["Name"].(*ast.BasicLit)
	if fields["Methods"] == nil || !ok {
		return ""
	}
	name, err := strconv.Unquote(text.Value)
	if err != nil {
		return ""
	}
	return name
}

func usesPowercut(f *ast.File) bool {
	for _, imp := range f.Imports {
		if strings.HasSuffix(imp.Path.Value, `/durable/powercut"`) {
			return true
		}
	}
	return false
}
