package baseline_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/law"
)

// loadTree lists and type-checks this module once for all tests of laws.
var loadTree = sync.OnceValues(func() (*law.Tree, error) {
	return law.Load(context.Background(), ".")
})

func tree(t *testing.T) *law.Tree {
	t.Helper()
	tr, err := loadTree()
	require.NoError(t, err)
	require.Greater(t, len(tr.Own), 5, "the module has more packages than that")
	return tr
}

func obey(t *testing.T, violations ...[]law.Violation) {
	t.Helper()
	for _, list := range violations {
		for _, v := range list {
			t.Error(v)
		}
	}
}

// TestImportLaw holds the whole module to section 2 of docs/design.md.
func TestImportLaw(t *testing.T) {
	tr, table := tree(t), law.Baseline()
	obey(t, law.Broken(tr), law.Imports(tr, table), law.Signatures(tr, table), law.Syntax(tr, table), law.Network(tr, table))
	t.Logf("packages=%d", len(tr.Own))
}

// TestOnlyDurableWrites shows that every write to a medium goes through package
// durable, where power cuts are thought of.
func TestOnlyDurableWrites(t *testing.T) {
	tr := tree(t)
	obey(t, law.Broken(tr), law.Writes(tr, law.Baseline()))
}

// TestDocumented shows that every package and every exported symbol is documented.
func TestDocumented(t *testing.T) {
	obey(t, law.Documented(tree(t), law.Baseline()))
}

// TestShape keeps files, functions and packages small.
func TestShape(t *testing.T) {
	obey(t, law.Shape(tree(t), law.Baseline()))
}
