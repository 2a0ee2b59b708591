package clause_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
)

func features() []clause.Feature {
	return []clause.Feature{
		{ID: "config.authorised", Clauses: []clause.ID{clause.C5_2_2_1_1, clause.C5_2_2_2_a}, Package: "config", Summary: "s"},
		{ID: "notify.center", Clauses: []clause.ID{clause.C5_2_8_1_A}, Package: "notify"},
	}
}

func TestDigest(t *testing.T) {
	base := clause.Digest(features())
	assert.Len(t, base, 64)
	same := map[string]func([]clause.Feature){
		"order":    func(f []clause.Feature) { slices.Reverse(f) },
		"clauses":  func(f []clause.Feature) { slices.Reverse(f[0].Clauses) },
		"summary":  func(f []clause.Feature) { f[0].Summary = "other" },
		"settings": func(f []clause.Feature) { f[0].Settings = []clause.Setting{{Name: "a", Value: "b"}} },
	}
	for name, change := range same {
		f := features()
		change(f)
		assert.Equal(t, base, clause.Digest(f), name)
	}
	other := map[string]func(*[]clause.Feature){
		"id":         func(f *[]clause.Feature) { (*f)[0].ID = "config.x" },
		"package":    func(f *[]clause.Feature) { (*f)[0].Package = "x" },
		"clause":     func(f *[]clause.Feature) { (*f)[0].Clauses[0] = clause.C5_2_2_1_2 },
		"one fewer":  func(f *[]clause.Feature) { *f = (*f)[:1] },
		"none":       func(f *[]clause.Feature) { *f = nil },
		"moved":      func(f *[]clause.Feature) { (*f)[1].Clauses, (*f)[0].Clauses = (*f)[0].Clauses, (*f)[1].Clauses },
		"injection":  func(f *[]clause.Feature) { (*f)[0].Package = "config\" 0\n\"notify" },
		"repetition": func(f *[]clause.Feature) { *f = append(*f, (*f)[0]) },
	}
	for name, change := range other {
		f := features()
		change(&f)
		assert.NotEqual(t, base, clause.Digest(f), name)
	}
	f := features()
	slices.Reverse(f)
	clause.Digest(f)
	assert.Equal(t, "notify.center", f[0].ID, "the argument is left alone")
}

func TestCheck(t *testing.T) {
	require.NoError(t, clause.Check(features()))
	for want, change := range map[string]func(f *clause.Feature){
		"not a feature id":     func(f *clause.Feature) { f.ID = "Config" },
		"given twice":          func(f *clause.Feature) { f.ID = "notify.center" },
		"names no package":     func(f *clause.Feature) { f.Package = "" },
		"answers no clause":    func(f *clause.Feature) { f.Clauses = nil },
		"unknown clause":       func(f *clause.Feature) { f.Clauses[0] = 0 },
		"clause 5.2.2.1.1 giv": func(f *clause.Feature) { f.Clauses[1] = clause.C5_2_2_1_1 },
	} {
		f := features()
		change(&f[0])
		assert.ErrorContains(t, clause.Check(f), want)
	}
}

func TestValidFeatureID(t *testing.T) {
	for _, s := range []string{"a", "config.authorised", "vendor.x-1.2", "0a", strings.Repeat("a", clause.MaxFeatureID)} {
		assert.True(t, clause.ValidFeatureID(s), s)
	}
	for _, s := range []string{"", ".", "a.", ".a", "a..b", "-a", "a.-b", "A", "a b", "a/b", "ä", "a\n", strings.Repeat("a", clause.MaxFeatureID+1)} {
		assert.False(t, clause.ValidFeatureID(s), s)
	}
}

func TestAnswering(t *testing.T) {
	assert.Equal(t, features()[1:], clause.Answering(features(), clause.C5_2_8_1_A))
	assert.Empty(t, clause.Answering(features(), clause.C5_2_7_1_1))
}
