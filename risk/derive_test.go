package risk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

func status(t *testing.T, st *risk.Statement, id clause.ID) risk.Status {
	t.Helper()
	row, ok := st.Row(id)
	require.True(t, ok)
	return row.Status
}

func TestWholeDevicePasses(t *testing.T) {
	a := load(t, sensor)
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	assert.Empty(t, st.Failures())
	assert.True(t, st.OK())
	assert.Len(t, st.Rows, 23+52+35)
	assert.Empty(t, a.Missing(whole()))
	assert.Empty(t, st.Orphans.Features)
	assert.Empty(t, st.Orphans.Controls)
	assert.Equal(t, risk.DelegatedShown, status(t, st, clause.C5_2_5_1_3))
	assert.Equal(t, risk.NotApplicable, status(t, st, clause.C5_2_7_1_1))
	row, _ := st.Row(clause.C5_2_5_1_1_B)
	assert.Equal(t, risk.Excluded, row.Status)
	assert.Equal(t, risk.EnvironmentProvides, row.Reason)
	assert.Equal(t, []string{"cabinet", "C-cabinet", "R-line"}, row.Refs)
	row, _ = st.Row(clause.C5_2_6_1_4)
	assert.Equal(t, []string{"R-limits", "R-common-secret"}, row.Drivers.Risks)
	assert.Equal(t, []string{"C-guard"}, row.Drivers.Controls)
	assert.Equal(t, []string{"tender-14 14.2"}, row.Drivers.Standards)
	assert.Equal(t, []string{"access.guard"}, row.Features)
	assert.Equal(t, []risk.Shown{{ID: "SUITE", Result: risk.Pass, At: "2026-11-20"}}, row.Evidence)
	_, ok := st.Row(clause.C5_1_1_1_1)
	assert.False(t, ok)
}

// TestEachPartMatters leaves out one feature at a time.
func TestEachPartMatters(t *testing.T) {
	a := load(t, sensor)
	for i, left := range whole() {
		features := append(whole()[:i:i], whole()[i+1:]...)
		st := risk.Derive(a, features, []risk.Evidence{passing(features)})
		assert.Len(t, st.Failures(), len(left.Clauses), left.ID)
		missing := a.Missing(features)
		require.Len(t, missing, len(left.Clauses), left.ID)
		for j, n := range missing {
			assert.Contains(t, left.Clauses, n.Clause)
			assert.Equal(t, st.Failures()[j].Clause, n.Clause)
			assert.NotEmpty(t, n.Risks)
		}
	}
}

func TestUpdatesAreMissedByName(t *testing.T) {
	a := load(t, updates)
	missing := a.Missing(whole())
	require.Len(t, missing, 3)
	assert.Equal(t, "update: 5.2.7.1.1 Updates use a secure procedure: risk R-unpatched; control C-update", missing[0].String())
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	require.Len(t, st.Failures(), 3)
	assert.Equal(t, "5.2.7.1.3 Interrupted update leaves safe state: gap (risk R-unpatched; control C-update)", st.Failures()[2].String())
	with := append(whole(), feature("update.engine", clause.C5_2_7_1_1, clause.C5_2_7_1_2, clause.C5_2_7_1_3))
	assert.True(t, risk.Derive(a, with, []risk.Evidence{passing(with)}).OK())
}

func TestDeniedConditionContradictsTheComposition(t *testing.T) {
	a := load(t, sensor)
	with := append(whole(), feature("update.engine", clause.C5_2_7_1_1))
	st := risk.Derive(a, with, []risk.Evidence{passing(with)})
	for _, id := range []clause.ID{clause.C5_2_7_1_1, clause.C5_2_7_1_2, clause.C5_2_7_1_3} {
		row, _ := st.Row(id)
		assert.Equal(t, risk.ContradictionComposed, row.Status)
		assert.Contains(t, row.Justification, "update.engine")
	}
	// Updating from afar is updating.
	with = append(whole(), feature("update.schedule", clause.C5_2_7_2_b_3))
	st = risk.Derive(a, with, nil)
	assert.Equal(t, risk.ContradictionComposed, status(t, st, clause.C5_2_7_1_1))
	assert.Equal(t, []string{"update.schedule"}, st.Orphans.Features)
}

func TestConditionIsKnownFromTheComposition(t *testing.T) {
	a := load(t, sensor)
	a.Conditions, a.Exclusions = nil, nil
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	row, _ := st.Row(clause.C5_2_2_1_1)
	assert.Equal(t, &risk.Condition{Name: clause.CondSettings, Value: risk.Holds, How: "composed: config.settings"}, row.Condition)
	assert.Equal(t, risk.IncludedProven, row.Status)
	assert.Equal(t, risk.Undetermined, status(t, st, clause.C5_2_7_1_1))
	assert.False(t, st.OK())
}

func TestEvidenceIsBoundToTheComposition(t *testing.T) {
	a := load(t, sensor)
	features := whole()
	for name, change := range map[string]func(*risk.Evidence){
		"none":              func(e *risk.Evidence) { e.Clauses = nil },
		"unbound":           func(e *risk.Evidence) { e.Composition = "" },
		"other composition": func(e *risk.Evidence) { e.Composition = clause.Digest(features[1:]) },
	} {
		e := passing(features)
		change(&e)
		st := risk.Derive(a, features, []risk.Evidence{e})
		assert.Equal(t, risk.IncludedUnproven, status(t, st, clause.C5_2_6_1_4), name)
		assert.False(t, st.OK(), name)
	}
	// Settings and summaries are not part of a composition.
	e := passing(features)
	features[0].Settings = []clause.Setting{{Name: "a", Value: "b"}}
	assert.True(t, risk.Derive(a, features, []risk.Evidence{e}).OK())
}

func TestFailureOutweighsPass(t *testing.T) {
	a := load(t, sensor)
	for _, results := range [][]risk.Result{{risk.Fail, risk.Pass}, {risk.Pass, risk.Fail}, {risk.Fail, risk.Attested}} {
		var evidence []risk.Evidence
		for _, r := range results {
			e := passing(whole())
			e.Result = r
			evidence = append(evidence, e)
		}
		assert.Equal(t, risk.ClaimedButFails, status(t, risk.Derive(a, whole(), evidence), clause.C5_2_6_1_4))
	}
	e1, e2 := passing(whole()), passing(whole())
	e1.Result = risk.Attested
	st := risk.Derive(a, whole(), []risk.Evidence{e1})
	assert.Equal(t, risk.IncludedAttested, status(t, st, clause.C5_2_6_1_4))
	st = risk.Derive(a, whole(), []risk.Evidence{e1, e2})
	assert.Equal(t, risk.IncludedProven, status(t, st, clause.C5_2_6_1_4))
}

func TestFeatureNeededByID(t *testing.T) {
	a := load(t, sensor)
	a.Controls[0].Features = []string{"access.guard", "access.throttle"}
	require.NoError(t, a.Validate())
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	require.Len(t, st.Failures(), 1)
	assert.Equal(t, "feature access.throttle: gap (risk R-limits, R-common-secret; control C-guard)", st.Failures()[0].String())
	missing := a.Missing(whole())
	require.Len(t, missing, 1)
	assert.Equal(t, "feature access.throttle: risk R-limits, R-common-secret; control C-guard", missing[0].String())
}

func TestControlsThatNoRiskUsesNeedNothing(t *testing.T) {
	a := load(t, sensor)
	a.Controls = append(a.Controls, risk.Control{
		ID: "C-spare", Title: "t", Kind: risk.ControlDevice, Clauses: []clause.ID{clause.C5_2_6_2_D}, Features: []string{"a.b"},
	})
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	assert.True(t, st.OK())
	assert.Equal(t, []string{"C-spare"}, st.Orphans.Controls)
}

func TestInputsAreLeftAlone(t *testing.T) {
	a, again := load(t, sensor), load(t, sensor)
	features := []clause.Feature{whole()[5], whole()[0]}
	st := risk.Derive(a, features, []risk.Evidence{passing(features)})
	assert.Equal(t, again, a)
	assert.Equal(t, "protect.vault", features[0].ID)
	assert.Equal(t, "access.guard", st.Features[0].ID)
}

// A feature without an id, or without clauses, answers nothing.
func TestNothingAnswersNothing(t *testing.T) {
	a := load(t, sensor)
	a.Controls[0].Features = append(a.Controls[0].Features, "access.guard")
	all := a.Missing(nil)
	require.NotEmpty(t, all)
	assert.Equal(t, all, a.Missing([]clause.Feature{{}}))
	assert.Equal(t, all, a.Missing([]clause.Feature{{ID: "something", Clauses: []clause.ID{0}}}))
	assert.Len(t, a.Missing([]clause.Feature{{ID: "access.guard"}}), len(all)-1)
}
