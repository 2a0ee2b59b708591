package catalogue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/clause/catalogue"
)

func TestEntriesAgreeWithTheTable(t *testing.T) {
	entries, err := catalogue.Entries()
	require.NoError(t, err)
	var i int
	kinds := map[clause.Kind]int{}
	for id := range clause.All() {
		e := entries[i]
		i++
		kinds[e.Kind]++
		assert.Equal(t, id, e.ID)
		assert.Equal(t, id.Kind(), e.Kind, "%s", id)
		assert.Equal(t, id.Area(), e.Area, "%s", id)
		assert.Equal(t, id.Title(), e.Title, "%s", id)
		assert.Equal(t, id.Group(), e.AlternativeGroup, "%s", id)
		assert.Equal(t, id.Conditional(), e.Condition != "", "%s", id)
		assert.NotEmpty(t, e.Summary, "%s", id)
		assert.NotEmpty(t, e.VerifiableBy.Means, "%s", id)
		assert.Contains(t, []string{"standard", "sdk"}, e.Suffix, "%s", id)
	}
	assert.Len(t, entries, i)
	assert.Equal(t, map[clause.Kind]int{clause.Requirement: 46, clause.Recommendation: 74, clause.Information: 60}, kinds)
}

func TestMappingsAreRead(t *testing.T) {
	entries, err := catalogue.Entries()
	require.NoError(t, err)
	m := entries[clause.C5_2_2_1_1-1].Mappings
	assert.Equal(t, []catalogue.ETSI{{V2_1_1: "5.5-5", V3_1_3: []string{"5.5-5"}, Confidence: "high"}}, m.ETSI303645)
	assert.Equal(t, catalogue.Capability{Capability: "Device Configuration", Element: "2", Confidence: "high"}, m.NIST8259A[0])
	assert.Equal(t, "CR 2.1", m.IEC62443[0].Ref)
	assert.Equal(t, "Part I (2)(d)", m.CRAAnnexI[0].Ref)
}

func TestCasesCoverEveryRequirementOfADevice(t *testing.T) {
	cases, err := catalogue.Cases()
	require.NoError(t, err)
	require.Len(t, cases, 64)
	tiers, ids, covered := map[int]int{}, map[string]bool{}, map[clause.ID]bool{}
	for _, c := range cases {
		tiers[c.Tier]++
		assert.False(t, ids[c.ID], "%s twice", c.ID)
		ids[c.ID] = true
		assert.Contains(t, []string{"sim", "net", "fleet", "build"}, c.Layer, c.ID)
		assert.NotEmpty(t, c.Pass, c.ID)
		for _, id := range c.Clauses {
			covered[id] = true
		}
	}
	assert.Equal(t, map[int]int{1: 44, 2: 20}, tiers)
	for id := range clause.All() {
		if id.Capability() && id.Kind() == clause.Requirement {
			assert.True(t, covered[id], "%s has no test case", id)
		}
	}
}
