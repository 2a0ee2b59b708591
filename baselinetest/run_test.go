package baselinetest_test

import (
	"bytes"

	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// TestRun: a device without fault passes every case, and what it shows turns rows of
// the statement from unproven to included.
func TestRun(t *testing.T) {
	l := newLab(t, "")
	var log bytes.Buffer
	h := l.harness()
	h.Log, h.At = &log, "2026-06-01"
	r := baselinetest.Run(t, h)
	require.Equal(t, 8, r.Count(baselinetest.Pass))

	evidence, err := baselinetest.ReadLog(&log)
	require.NoError(t, err)
	require.Len(t, evidence, 7, "refuses on gap is about the process, not about 5.2")
	before := risk.Derive(l.assessment, r.Statement.Features, nil)
	after := risk.Derive(l.assessment, r.Statement.Features, evidence)
	changed := map[clause.ID]bool{}
	for _, e := range evidence {
		for _, id := range e.Clauses {
			was, _ := before.Row(id)
			is, _ := after.Row(id)
			assert.Equal(t, risk.IncludedUnproven, was.Status, id)
			assert.Equal(t, risk.IncludedProven, is.Status, id)
			changed[id] = true
		}
	}
	assert.Equal(t, after, r.Statement)
	assert.Len(t, before.Failures(), len(after.Failures())+len(changed))
	t.Logf("proven=%d before=%d unproven=%d", len(changed), len(before.Failures()), len(r.Unproven))
	for _, e := range r.Unproven {
		row, _ := after.Row(e.Clause)
		assert.False(t, row.OK, e)
	}
	assert.Len(t, r.Unproven, len(after.Failures()), "all that the gate does not let pass is named")
}

// TestEvidenceIsBound: evidence of one composition shows nothing of another.
func TestEvidenceIsBound(t *testing.T) {
	l := newLab(t, "")
	r, err := baselinetest.Check(t.Context(), l.harness(), baselinetest.Cases()[1])
	require.NoError(t, err)
	features := append([]clause.Feature{{ID: "pump.more", Clauses: []clause.ID{clause.C5_2_8_1_C}, Package: "example.com/pump"}}, r.Statement.Features...)
	row, _ := risk.Derive(l.assessment, features, r.Evidence()).Row(clause.C5_2_2_1_1)
	assert.Equal(t, risk.IncludedUnproven, row.Status)
	row, _ = risk.Derive(l.assessment, r.Statement.Features, r.Evidence()).Row(clause.C5_2_2_1_1)
	assert.Equal(t, risk.IncludedProven, row.Status)
}
