package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

func readAssessment(t *testing.T) *risk.Assessment {
	t.Helper()
	a, err := risk.Parse([]byte(assessment))
	require.NoError(t, err)
	require.NoError(t, a.Validate())
	return a
}

// delivered returns a gateway as it leaves the factory, with a TPM or without.
func delivered(t *testing.T, chip string) (start, *image) {
	t.Helper()
	l := &life{options: options{dir: t.TempDir(), chip: chip}, ctx: t.Context(), out: io.Discard, wake: make(chan struct{}, 1)}
	server, err := l.world(io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	require.NoError(t, l.factory())
	_, err = provision(t.Context(), l.dir, chip)
	require.NoError(t, err)
	img := image{Version: "1.0", Number: 10, Healthy: true}
	img.Root, img.CA, img.Signer, err = l.desk.bench.Anchors()
	require.NoError(t, err)
	return start{dir: l.dir, chip: chip, booted: "a", vendor: l.server, channel: channel, tell: func(message) {}}, &img
}

// composition returns what the parts of a gateway that really stands say of
// themselves: provisioned in a factory, opened from slot a, with its status page.
func composition(t *testing.T) []clause.Feature {
	t.Helper()
	how, img := delivered(t, "")
	how.page = true
	g, err := open(t.Context(), how, img)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.close()) })
	parts := g.parts(newConsole(strings.NewReader(""), io.Discard))
	require.NoError(t, clause.Check(parts.Features()))
	return parts.Features()
}

// What was approved is what is in the file, and nothing in it has run out. After a
// change of the assessment its owner decides again, about the state that is told here.
func TestAssessmentIsApproved(t *testing.T) {
	a := readAssessment(t)
	assert.Empty(t, a.Due(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)))
	assert.NotEmpty(t, a.Due(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)))
}

// What remains above the accepted level is accepted by a decision that says until when.
func TestAssessmentResidual(t *testing.T) {
	a := readAssessment(t)
	for _, r := range a.Risks {
		i := slices.IndexFunc(a.Decisions, func(d risk.Decision) bool {
			return d.Kind == risk.AcceptResidual && slices.Contains(d.Risks, r.ID)
		})
		assert.Equal(t, !a.Acceptable(r.Category, r.Residual), i >= 0, r.ID)
		assert.True(t, i < 0 || a.Decisions[i].Expires != "", r.ID)
	}
}

// Each need is answered by a part that is composed, or delegated in words.
func TestAssessmentNeeds(t *testing.T) {
	a, features := readAssessment(t), composition(t)
	require.NotEmpty(t, a.Needs())
	assert.Empty(t, a.Missing(features))
	for _, need := range a.Needs() {
		delegated := slices.ContainsFunc(a.Delegated, func(d risk.Delegation) bool { return slices.Contains(d.Clauses, need.Clause) })
		composed := len(clause.Answering(features, need.Clause)) > 0
		assert.NotEqual(t, composed, delegated, "%s: composed %v, delegated %v", need, composed, delegated)
	}
}

// Nothing is a part for its own sake: without any package of the composition the
// assessment lacks something, and says for which risk.
func TestAssessmentNeedsEveryPart(t *testing.T) {
	a, features := readAssessment(t), composition(t)
	for _, pkg := range []string{
		"access", "access/gate", "access/password", "config", "erase", "notify", "protect", "protect/eventlog", "reset", "update",
	} {
		less := slices.DeleteFunc(slices.Clone(features), func(f clause.Feature) bool { return f.Package == pkg })
		require.NotEqual(t, len(features), len(less), pkg)
		missing := a.Missing(less)
		require.NotEmpty(t, missing, pkg)
		for _, need := range missing {
			assert.NotEmpty(t, need.Risks, "%s: %s", pkg, need)
		}
	}
}

// The statement leaves nothing open but evidence: with a passed test for each entry
// that is composed, the gate lets every row pass; with none, no row fails for another
// reason than that.
func TestAssessmentStatement(t *testing.T) {
	a, features := readAssessment(t), composition(t)
	for _, f := range risk.Derive(a, features, nil).Failures() {
		assert.Equal(t, risk.IncludedUnproven, f.Status, "%s", f)
	}
	evidence := risk.Evidence{ID: "all", Result: risk.Pass, By: "test", At: "2026-11-20", Composition: clause.Digest(features)}
	for id := range clause.All() {
		if id.Capability() && len(clause.Answering(features, id)) > 0 {
			evidence.Clauses = append(evidence.Clauses, id)
		}
	}
	assert.Empty(t, risk.Derive(a, features, []risk.Evidence{evidence}).Failures())
}

// What is left out is told to users; that keys and program rest on no hardware is.
func TestAssessmentLeavesOut(t *testing.T) {
	st := risk.Derive(readAssessment(t), composition(t), nil)
	for id, want := range map[clause.ID]risk.Status{
		clause.C5_2_2_1_2:   risk.NotApplicable,
		clause.C5_2_6_2_F:   risk.NotApplicable,
		clause.C5_2_5_1_3:   risk.Excluded,
		clause.C5_2_7_2_J:   risk.Excluded,
		clause.C5_2_7_2_C:   risk.Excluded,
		clause.C5_2_5_1_1_B: risk.DelegatedShown,
		clause.C5_2_6_1_3:   risk.DelegatedShown,
	} {
		row, ok := st.Row(id)
		require.True(t, ok)
		assert.Equal(t, want, row.Status, id.String())
		assert.NotEmpty(t, row.Justification, id.String())
	}
}
