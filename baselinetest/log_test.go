package baselinetest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/clause/catalogue"
	"github.com/iot-device-baseline/baseline/risk"
)

func catalogueCases(t *testing.T) map[string]map[clause.ID]bool {
	t.Helper()
	all, err := catalogue.Cases()
	require.NoError(t, err)
	known := map[string]map[clause.ID]bool{}
	for _, c := range all {
		known[c.ID] = map[clause.ID]bool{}
		for _, id := range c.Clauses {
			known[c.ID][id] = true
		}
	}
	return known
}

const goodLine = `{"result":{"case":"CFG-01","name":"unauthorised change","outcome":"pass","clauses":["5.2.2.1.1"],` +
	`"evidence":{"id":"CFG-01","clauses":["5.2.2.1.1"],"result":"pass","by":"bench","at":"2026-06-01",` +
	`"composition":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}}`

func TestReadLog(t *testing.T) {
	evidence, err := baselinetest.ReadLog(strings.NewReader(goodLine + "\n" + `{"unproven":{"clause":"5.2.5.1.4","cases":["PRO-13"]}}` + "\n"))
	require.NoError(t, err)
	require.Len(t, evidence, 1)
	assert.Equal(t, risk.Pass, evidence[0].Result)
	evidence, err = baselinetest.ReadLog(strings.NewReader(""))
	require.NoError(t, err)
	assert.Empty(t, evidence)
}

// TestReadLogRefuses: a log that says more than was shown.
func TestReadLogRefuses(t *testing.T) {
	swap := func(old, new string) string { return strings.Replace(goodLine, old, new, 1) }
	for name, line := range map[string]string{
		"cut":                   goodLine[:len(goodLine)-5],
		"neither":               `{}`,
		"both":                  strings.TrimSuffix(goodLine, "}") + `,"unproven":{"clause":"5.2.5.1.4"}}`,
		"unknown member":        swap(`"case"`, `"kase"`),
		"outcome that is none":  swap(`"outcome":"pass"`, `"outcome":"passed"`),
		"inconclusive":          swap(`"outcome":"pass"`, `"outcome":"inconclusive"`),
		"fail told as pass":     swap(`"outcome":"pass"`, `"outcome":"fail"`),
		"attested":              swap(`"result":"pass"`, `"result":"attested"`),
		"of another case":       swap(`"id":"CFG-01"`, `"id":"CFG-02"`),
		"of another entry":      swap(`"id":"CFG-01","clauses":["5.2.2.1.1"]`, `"id":"CFG-01","clauses":["5.2.4.1.1"]`),
		"not of 5.2":            swap(`"clauses":["5.2.2.1.1"],"evidence"`, `"clauses":["5.2.2.1.1","5.2.9"],"evidence"`),
		"unbound":               swap(`,"composition":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`, ``),
		"short digest":          swap(`:"0123456789abcdef`, `:"`),
		"no day":                swap(`2026-06-01`, `yesterday`),
		"pass without evidence": `{"result":{"case":"CFG-01","name":"x","outcome":"pass","clauses":["5.2.2.1.1"]}}`,
		"long line":             `{"result":{"case":"` + strings.Repeat("a", baselinetest.MaxLine) + `"}}`,
		"many lines":            strings.Repeat(`{"unproven":{"clause":"5.2.5.1.4"}}`+"\n", baselinetest.MaxLines+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := baselinetest.ReadLog(strings.NewReader(line))
			require.ErrorIs(t, err, baselinetest.ErrLog)
		})
	}
}

// TestLogIsWritten: what is written is read back, and a medium that fails is told.
func TestLogIsWritten(t *testing.T) {
	var log bytes.Buffer
	h := newLab(t, "").harness()
	h.Log, h.By = &log, "bench 3"
	r, err := baselinetest.Check(t.Context(), h, caseOf(t, "CFG-01"), caseOf(t, "DOC-01"))
	require.NoError(t, err)
	assert.Equal(t, 2+len(r.Unproven), strings.Count(log.String(), "\n"))
	evidence, err := baselinetest.ReadLog(&log)
	require.NoError(t, err)
	assert.Equal(t, r.Evidence(), evidence)
	assert.Equal(t, "bench 3", evidence[0].By)

	h.Log = full{}
	_, err = baselinetest.Check(t.Context(), h, caseOf(t, "DOC-01"))
	require.ErrorIs(t, err, errFull)
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzReadLog: what is read was well formed, or is refused as no log.
func FuzzReadLog(f *testing.F) {
	f.Add([]byte(goodLine))
	f.Add([]byte(`{"unproven":{"clause":"5.2.5.1.4","cases":["PRO-13"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		evidence, err := baselinetest.ReadLog(bytes.NewReader(data))
		if err != nil {
			require.ErrorIs(t, err, baselinetest.ErrLog)
			require.Empty(t, evidence)
			return
		}
		for _, e := range evidence {
			require.Contains(t, []risk.Result{risk.Pass, risk.Fail}, e.Result)
			require.Len(t, e.Composition, 64)
			for _, id := range e.Clauses {
				require.True(t, id.Capability())
			}
		}
	})
}
