package clause_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/clause/internal/gen/emit"
)

func TestCounts(t *testing.T) {
	kinds := map[clause.Kind]int{}
	device := map[clause.Kind]int{}
	for id := range clause.All() {
		kinds[id.Kind()]++
		if id.Capability() {
			device[id.Kind()]++
			assert.True(t, strings.HasPrefix(id.String(), "5.2."))
		}
	}
	assert.Equal(t, map[clause.Kind]int{clause.Requirement: 46, clause.Recommendation: 74, clause.Information: 60}, kinds)
	assert.Equal(t, 180, kinds[clause.Requirement]+kinds[clause.Recommendation]+kinds[clause.Information])
	assert.Equal(t, map[clause.Kind]int{clause.Requirement: 23, clause.Recommendation: 52, clause.Information: 35}, device)
}

func TestGeneratedTableIsUpToDate(t *testing.T) {
	catalogue, err := os.ReadFile("catalogue/clauses.json")
	require.NoError(t, err)
	want, err := emit.Table(catalogue)
	require.NoError(t, err)
	got, err := os.ReadFile("table.go")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run go generate in clause")
}

func TestEmitRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"unknown kind":              `[{"id":"1","kind":"wish","area":"risk"}]`,
		"unknown area":              `[{"id":"1","kind":"requirement","area":"moon"}]`,
		"unknown condition":         `[{"id":"1","kind":"requirement","area":"risk","condition":"rain"}]`,
		"unknown alternative_group": `[{"id":"1","kind":"requirement","area":"risk","alternative_group":"x"}]`,
		"same name":                 `[{"id":"5.1","kind":"requirement","area":"risk"},{"id":"5(1)","kind":"requirement","area":"risk"}]`,
		"cannot unmarshal":          `{}`,
	} {
		_, err := emit.Table([]byte(in))
		assert.ErrorContains(t, err, name)
	}
	assert.ErrorContains(t, tooMany(), "do not fit")
}

func tooMany() error {
	_, err := emit.Table([]byte("[" + strings.Repeat("{},", 255) + "{}]"))
	return err
}

func TestNames(t *testing.T) {
	for id, want := range map[string]string{
		"5.2.7.2(b)(3)": "C5_2_7_2_b_3", "A.1.B": "CA_1_B", "5.1.1.1.3.N1": "C5_1_1_1_3_N1", "5.1.1.1.5(a)": "C5_1_1_1_5_a",
	} {
		assert.Equal(t, want, emit.Name(id))
	}
}

// TestUnknownClauseDoesNotCompile type-checks small programs against this package.
func TestUnknownClauseDoesNotCompile(t *testing.T) {
	pkg := typeCheck(t, sources(t))
	for expr, wrong := range map[string]string{
		"clause.C5_2_7_1_2":                      "",
		"clause.C5_2_7_2_b_3":                    "",
		"clause.C5_2_9_9":                        "undefined: clause.C5_2_9_9",
		`"5.2.2"`:                                "cannot use",
		`clause.ID("5.2.2.1.1")`:                 "cannot convert",
		"clause.Feature{}.ID":                    "cannot use",
		"clause.C5_2_7_1_2.Kind()":               "cannot use",
		"clause.Parse":                           "cannot use",
		"clause.CondSettings":                    "cannot use",
		"clause.ID(256)":                         "overflows",
		"300":                                    "overflows",
		"clause.C5_2_7_1_2 + clause.C5_2_7_9_9 ": "undefined",
	} {
		src := fmt.Sprintf("package p\nimport \"example/clause\"\nvar X clause.ID = %s\n", expr)
		err := check(t, src, pkg)
		if wrong == "" {
			assert.NoError(t, err, expr)
			continue
		}
		assert.ErrorContains(t, err, wrong, expr)
	}
}

func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"doc.go", "id.go", "kind.go", "feature.go", "table.go"} {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		out[name] = string(data)
	}
	return out
}

func typeCheck(t *testing.T, files map[string]string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	var parsed []*ast.File
	for name, src := range files {
		f, err := parser.ParseFile(fset, name, src, 0)
		require.NoError(t, err)
		parsed = append(parsed, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := conf.Check("clause", fset, parsed, nil)
	require.NoError(t, err)
	return pkg
}

type only struct{ pkg *types.Package }

func (o only) Import(string) (*types.Package, error) { return o.pkg, nil }

func check(t *testing.T, src string, pkg *types.Package) error {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, 0)
	require.NoError(t, err)
	conf := types.Config{Importer: only{pkg}}
	_, err = conf.Check("p", fset, []*ast.File{f}, nil)
	return err
}

func TestTextRoundTrip(t *testing.T) {
	for id := range clause.All() {
		back, err := clause.Parse(id.String())
		require.NoError(t, err)
		assert.Equal(t, id, back)
		assert.NotEmpty(t, id.Title())
		assert.NotEmpty(t, id.Area())
	}
	data, err := json.Marshal(map[clause.ID]clause.Kind{clause.C5_2_7_2_b_3: clause.Recommendation})
	require.NoError(t, err)
	assert.JSONEq(t, `{"5.2.7.2(b)(3)":"recommendation"}`, string(data))
	var back map[clause.ID]clause.Kind
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, clause.Recommendation, back[clause.C5_2_7_2_b_3])
}

func TestUnknown(t *testing.T) {
	for _, s := range []string{"", "5.2", "5.2.9.9", "5.2.7.2(B)(3)", " 5.2.2.1.1", "invalid", strings.Repeat("5.", 1000)} {
		id, err := clause.Parse(s)
		assert.ErrorIs(t, err, clause.ErrUnknown)
		assert.Less(t, len(err.Error()), 100)
		assert.Zero(t, id)
	}
	for _, id := range []clause.ID{0, 181, 255} {
		assert.Equal(t, "invalid", id.String())
		assert.False(t, id.Valid())
		assert.False(t, id.Capability())
		assert.Zero(t, id.Kind())
		assert.Empty(t, id.Title())
		_, err := id.MarshalText()
		assert.ErrorIs(t, err, clause.ErrUnknown)
	}
	var k clause.Kind
	assert.ErrorIs(t, k.UnmarshalText([]byte("invalid")), clause.ErrUnknown)
	assert.Equal(t, "invalid", k.String())
	_, err := k.MarshalText()
	assert.ErrorIs(t, err, clause.ErrUnknown)
}

func TestConditionsAndGroups(t *testing.T) {
	conds, groups, conditionalRequirements := map[clause.Condition]int{}, map[clause.Group]int{}, 0
	for id := range clause.All() {
		if id.Conditional() {
			conds[id.Condition()]++
			if id.Kind() == clause.Requirement {
				conditionalRequirements++
			}
		}
		if g := id.Group(); g != "" {
			groups[g]++
		}
	}
	assert.Equal(t, 9, conditionalRequirements)
	assert.Equal(t, map[clause.Group]int{clause.GroupStartFailure: 4, clause.GroupLogSync: 2, clause.GroupImpact: 2}, groups)
	assert.ElementsMatch(t, clause.Conditions(), slices.Collect(maps.Keys(conds)))
	assert.Equal(t, clause.CondCompartments, clause.C5_2_5_2_1_F.Condition())
	assert.Equal(t, clause.CondLogging, clause.C5_2_5_2_2_A.Condition())
}

func TestTitlesAreShort(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Z][A-Za-z0-9/:, .'-]{5,60}$`)
	for id := range clause.All() {
		assert.Regexp(t, plain, id.Title())
	}
}

func FuzzParse(f *testing.F) {
	f.Add("5.2.7.2(b)(3)")
	f.Add("A.1.B")
	f.Add("invalid")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := clause.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, clause.ErrUnknown)
			return
		}
		require.Equal(t, s, id.String())
	})
}
