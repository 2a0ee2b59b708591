package risk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// oracle is the table of the design, first match wins: condition, composed,
// necessary, justified, delegated, evidence, status for a requirement or a
// needed entry, gate, status for the others, gate.
const oracle = `
unknown -   -   -   -   -               undetermined               fail  undetermined             fail
false   yes -   -   -   -               contradiction:_composed    fail  contradiction:_composed  fail
false   no  yes -   -   -               contradiction:_needed      fail  -                        -
false   no  no  -   -   -               not_applicable             ok    not_applicable           ok
true    yes -   -   -   fail            claimed_but_fails          fail  claimed_but_fails        fail
true    yes -   -   -   pass            included,_proven           ok    additional               ok
true    yes -   -   -   attested        included,_attested         ok    additional               ok
true    yes -   -   -   none            included,_unproven         fail  included,_unproven       ok
true    no  -   -   yes pass,attested   delegated                  ok    delegated                ok
true    no  -   -   yes none,fail       delegated,_unproven        fail  delegated,_unproven      ok
true    no  yes yes no  -               contradiction:_excluded    fail  -                        -
true    no  yes no  no  -               gap                        fail  -                        -
true    no  no  yes no  -               excluded                   ok    excluded                 ok
true    no  no  no  no  -               unjustified_exclusion      fail  not_adopted              ok
`

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func expect(t *testing.T, f risk.Facts) (string, string) {
	t.Helper()
	evidence := string(f.Evidence)
	if evidence == "" {
		evidence = "none"
	}
	in := []string{string(f.Condition), yes(f.Composed), yes(f.Necessary), yes(f.Justified), yes(f.Delegated), evidence}
	for line := range strings.Lines(strings.TrimSpace(oracle)) {
		cols := strings.Fields(line)
		require.Len(t, cols, 10)
		matches := true
		for i, v := range in {
			matches = matches && (cols[i] == "-" || strings.Contains(","+cols[i]+",", ","+v+","))
		}
		switch {
		case !matches:
		case f.Kind == clause.Requirement || f.Necessary:
			return strings.ReplaceAll(cols[6], "_", " "), cols[7]
		default:
			return strings.ReplaceAll(cols[8], "_", " "), cols[9]
		}
	}
	require.Fail(t, "the table has no line", "%+v", f)
	return "", ""
}

// combinations are the 384 inputs of the table for requirements and recommendations.
func combinations() []risk.Facts {
	var out []risk.Facts
	for i := range 384 {
		bit := func(n int) bool { return i>>n&1 == 1 }
		kind := clause.Requirement
		if bit(0) {
			kind = clause.Recommendation
		}
		out = append(out, risk.Facts{
			Kind: kind, Necessary: bit(1), Composed: bit(2), Justified: bit(3), Delegated: bit(4),
			Evidence:  []risk.Result{risk.NoEvidence, risk.Pass, risk.Fail, risk.Attested}[i>>5&3],
			Condition: []risk.Truth{risk.Unknown, risk.Holds, risk.DoesNotHold}[i>>7],
		})
	}
	return out
}

func TestEveryCombination(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range combinations() {
		seen[fmt.Sprintf("%+v", f)] = true
		status, ok := f.Decide()
		wantStatus, wantGate := expect(t, f)
		assert.Equal(t, wantStatus, string(status), "%+v", f)
		assert.Equal(t, wantGate == "ok", ok, "%+v", f)
		properties(t, f, status, ok)
	}
	assert.Len(t, seen, 384)
}

// properties are those that must hold whatever the table says.
func properties(t *testing.T, f risk.Facts, status risk.Status, ok bool) {
	t.Helper()
	applies := f.Condition == risk.Holds
	if f.Kind == clause.Requirement && applies && !f.Composed && !f.Delegated && !f.Justified {
		assert.False(t, ok, "a requirement left out in silence: %+v", f)
	}
	if f.Necessary && !f.Composed && !(applies && f.Delegated) {
		assert.False(t, ok, "a needed entry missing without failure: %+v", f)
	}
	if f.Composed && f.Evidence == risk.Fail {
		assert.False(t, ok, "failing evidence accepted: %+v", f)
	}
	if (f.Kind == clause.Requirement || f.Necessary) && ok && (f.Composed || f.Delegated) && applies {
		assert.Contains(t, []risk.Result{risk.Pass, risk.Attested}, f.Evidence, "claimed without evidence: %+v", f)
	}
	assert.NotEqual(t, risk.Alternative, status)
}

// TestInformationIsTreatedAsRecommendation: 5.2.8 holds nothing else.
func TestInformationIsTreatedAsRecommendation(t *testing.T) {
	for _, f := range combinations() {
		if f.Kind != clause.Recommendation {
			continue
		}
		status, ok := f.Decide()
		f.Kind = clause.Information
		gotStatus, gotOK := f.Decide()
		assert.Equal(t, status, gotStatus)
		assert.Equal(t, ok, gotOK)
	}
}

// TestDeriveAgreesWithTheTable builds, for every combination that can occur, an
// assessment, a composition and evidence, and looks at the row.
func TestDeriveAgreesWithTheTable(t *testing.T) {
	base := load(t, sensor)
	built := 0
	for _, f := range combinations() {
		if f.Condition == risk.Unknown && f.Composed {
			continue // what is composed shows its condition
		}
		built++
		id := clause.C5_2_7_1_1 // depends on updates
		if f.Kind == clause.Recommendation {
			id = clause.C5_2_2_2_b // depends on a procedure for settings
		}
		st := risk.Derive(assemble(base, f, id), compose(f, id), nil)
		row, ok := st.Row(id)
		require.True(t, ok)
		status, pass := f.Decide()
		assert.Equal(t, status, row.Status, "%+v", f)
		assert.Equal(t, pass, row.OK, "%+v", f)
		if !pass {
			assert.False(t, st.OK())
		}
	}
	assert.Equal(t, 384-64, built)
}

func compose(f risk.Facts, id clause.ID) []clause.Feature {
	if !f.Composed {
		return nil
	}
	return []clause.Feature{feature("x.y", id)}
}

func assemble(base *risk.Assessment, f risk.Facts, id clause.ID) *risk.Assessment {
	a := *base
	a.Controls = append([]risk.Control(nil), base.Controls...)
	a.Conditions, a.Exclusions, a.Delegated, a.Evidence = nil, nil, nil, nil
	if f.Condition != risk.Unknown {
		a.Conditions = []risk.Declaration{{Condition: id.Condition(), Holds: f.Condition == risk.Holds, Rationale: "r"}}
	}
	for i := range a.Controls {
		a.Controls[i].Clauses = nil
	}
	if f.Necessary {
		a.Controls[0].Clauses = []clause.ID{id}
	}
	if f.Justified {
		a.Exclusions = []risk.Exclusion{{Clauses: []clause.ID{id}, Reason: risk.RiskAcceptable, Text: "t"}}
	}
	if f.Delegated {
		a.Delegated = []risk.Delegation{{Clauses: []clause.ID{id}, To: risk.Platform, Text: "t"}}
	}
	if f.Evidence != risk.NoEvidence {
		a.Evidence = []risk.Evidence{{ID: "E", Clauses: []clause.ID{id}, Result: f.Evidence, Composition: clause.Digest(compose(f, id))}}
	}
	return &a
}
