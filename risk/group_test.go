package risk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

const (
	c1 = clause.C5_2_5_2_1_C1
	c2 = clause.C5_2_5_2_1_C2
	c3 = clause.C5_2_5_2_1_C3
	c4 = clause.C5_2_5_2_1_C4
)

// TestAlternatives: one answered member of a group is enough, and what the group
// is needed for binds the one that is chosen.
func TestAlternatives(t *testing.T) {
	type rows map[clause.ID]risk.Status
	for name, c := range map[string]struct {
		needed, composed, delegated, excluded, proven []clause.ID
		want                                          rows
		ok                                            bool
	}{
		"nothing": {
			want: rows{c1: risk.NotAdopted, c2: risk.NotAdopted, c3: risk.NotAdopted, c4: risk.NotAdopted}, ok: true,
		},
		"needed, none answered": {
			needed: []clause.ID{c1}, want: rows{c1: risk.Gap, c2: risk.NotAdopted}, ok: false,
		},
		"needed, another answered": {
			needed: []clause.ID{c1}, composed: []clause.ID{c3}, proven: []clause.ID{c3},
			want: rows{c1: risk.Alternative, c2: risk.Alternative, c3: risk.IncludedProven, c4: risk.Alternative}, ok: true,
		},
		"needed, another answered without proof": {
			needed: []clause.ID{c1}, composed: []clause.ID{c3},
			want: rows{c1: risk.Alternative, c3: risk.IncludedUnproven}, ok: false,
		},
		"not needed, one composed": {
			composed: []clause.ID{c2}, want: rows{c1: risk.Alternative, c2: risk.IncludedUnproven, c3: risk.Alternative}, ok: true,
		},
		"not needed, one composed and shown": {
			composed: []clause.ID{c2}, proven: []clause.ID{c2}, want: rows{c1: risk.Alternative, c2: risk.Additional}, ok: true,
		},
		"shown is chosen before claimed": {
			needed: []clause.ID{c1}, composed: []clause.ID{c2, c3}, proven: []clause.ID{c3},
			want: rows{c1: risk.Alternative, c2: risk.IncludedUnproven, c3: risk.IncludedProven}, ok: true,
		},
		"several needed, one answered": {
			needed: []clause.ID{c1, c2, c4}, composed: []clause.ID{c4}, proven: []clause.ID{c4},
			want: rows{c1: risk.Alternative, c2: risk.Alternative, c4: risk.IncludedProven}, ok: true,
		},
		"delegated answers": {
			needed: []clause.ID{c1}, delegated: []clause.ID{c4}, proven: []clause.ID{c4},
			want: rows{c1: risk.Alternative, c4: risk.DelegatedShown}, ok: true,
		},
		"delegated without evidence does not pass": {
			needed: []clause.ID{c1}, delegated: []clause.ID{c4},
			want: rows{c1: risk.Alternative, c4: risk.DelegatedUnproven}, ok: false,
		},
		"excluded and needed, another answered": {
			needed: []clause.ID{c1}, excluded: []clause.ID{c1}, composed: []clause.ID{c3}, proven: []clause.ID{c3},
			want: rows{c1: risk.Alternative, c3: risk.IncludedProven}, ok: true,
		},
		"excluded stays told to users": {
			excluded: []clause.ID{c1}, composed: []clause.ID{c3}, proven: []clause.ID{c3},
			want: rows{c1: risk.Excluded, c2: risk.Alternative, c3: risk.Additional}, ok: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := load(t, sensor)
			a.Controls[0].Clauses = append(a.Controls[0].Clauses, c.needed...)
			features := whole()
			if len(c.composed) > 0 {
				features = append(features, feature("protect.start", c.composed...))
			}
			if len(c.delegated) > 0 {
				a.Delegated = append(a.Delegated, risk.Delegation{Clauses: c.delegated, To: risk.Platform, Text: "t"})
			}
			if len(c.excluded) > 0 {
				a.Exclusions = append(a.Exclusions, risk.Exclusion{Clauses: c.excluded, Reason: risk.RiskAcceptable, Text: "t"})
			}
			e := passing(whole())
			e.Clauses = append(e.Clauses, c.proven...)
			e.Composition = clause.Digest(features)
			st := risk.Derive(a, features, []risk.Evidence{e})
			for id, want := range c.want {
				assert.Equal(t, want, status(t, st, id), "%s", id)
			}
			assert.Equal(t, c.ok, st.OK(), "%v", st.Failures())
			answered := len(c.composed)+len(c.delegated) > 0 || len(c.needed) == 0
			assert.Equal(t, answered, len(a.Missing(features)) == 0)
		})
	}
}

// TestFailingAlternativeAnswersNothing: what fails does not satisfy a group.
func TestFailingAlternativeAnswersNothing(t *testing.T) {
	a := load(t, sensor)
	a.Controls[0].Clauses = append(a.Controls[0].Clauses, c1)
	features := append(whole(), feature("protect.start", c3))
	bad := risk.Evidence{ID: "X", Clauses: []clause.ID{c3}, Result: risk.Fail, Composition: clause.Digest(features)}
	st := risk.Derive(a, features, []risk.Evidence{passing(features), bad})
	assert.Equal(t, risk.Gap, status(t, st, c1))
	assert.Equal(t, risk.ClaimedButFails, status(t, st, c3))
}

// TestChosenAlternativeCarriesTheDrivers keeps the trace from risk to feature.
func TestChosenAlternativeCarriesTheDrivers(t *testing.T) {
	a := load(t, sensor)
	a.Controls[0].Clauses = append(a.Controls[0].Clauses, c1)
	features := append(whole(), feature("protect.start", c3))
	row, _ := risk.Derive(a, features, []risk.Evidence{passing(features)}).Row(c3)
	assert.True(t, row.Necessary)
	assert.Equal(t, []string{"C-guard"}, row.Drivers.Controls)
	assert.Equal(t, risk.Composed, row.Responsibility)
}
