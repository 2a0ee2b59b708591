package risk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

func TestStatementRoundTrip(t *testing.T) {
	for _, name := range []string{sensor, updates} {
		features := whole()
		features[0].Settings = []clause.Setting{{Name: "roles", Value: "3"}}
		st := risk.Derive(load(t, name), features, []risk.Evidence{passing(features)})
		data, err := json.Marshal(st)
		require.NoError(t, err)
		back, err := risk.ParseStatement(data)
		require.NoError(t, err)
		assert.Equal(t, st, back)
		assert.Equal(t, st.OK(), back.OK())
	}
}

func TestStatementsRefused(t *testing.T) {
	st := risk.Derive(load(t, updates), whole(), []risk.Evidence{passing(whole())})
	good, err := json.Marshal(st)
	require.NoError(t, err)
	gap := -1
	for i, r := range st.Rows {
		if r.Status == risk.Gap {
			gap = i
		}
	}
	at := "/rows/" + itoa(gap)
	for _, c := range []struct {
		path  string
		value any
		want  string
	}{
		{at + "/ok", true, at + "/ok: not what follows"},
		{at + "/status", "fine", at + "/status: unknown value"},
		{at + "/clause", "5.2.9.9", at + "/clause: not an entry of the standard"},
		{at + "/clause", "5.2.2.1.1", at + "/clause: want the row of"},
		{at + "/clause", "5.1.1.1.1", at + "/clause: not an entry of 27402 5.2"},
		{at + "/kind", "recommendation", at + "/kind: 5.2.7.1.3 is a requirement"},
		{at + "/kind", "wish", at + "/kind: not an entry"},
		{at + "/condition", nil, at + "/condition: not the condition"},
		{at + "/condition/name", "reset", at + "/condition: not the condition"},
		{at + "/condition/value", "maybe", at + "/condition/value: unknown"},
		{"/rows/-", map[string]any{"clause": "5.2.2.1.1", "kind": "requirement", "status": "gap"}, "/rows/110: a row too many"},
		{"/rows", []any{}, "/rows: required"},
		{"/composition", strings.Repeat("0", 64), "/composition: not the digest"},
		{"/features/0/id", "Bad", "/features: clause: feature"},
		{"/features/0/summary", "a\nb", "/features/0: want printable"},
		{"/features/0/clauses/0", "5.9", "/features/0/clauses/0: not an entry"},
		{"/format", 2, "/format: 2, want 1"},
		{"/extra", 2, "/extra: unknown field"},
		{"/products/0", "a\x00", "/products/0: want printable"},
	} {
		_, err := risk.ParseStatement(edit(t, good, c.path, c.value))
		assert.ErrorContains(t, err, c.want)
	}
	_, err = risk.ParseStatement(bytes.Repeat([]byte(" "), 8*risk.MaxBytes+1))
	assert.ErrorContains(t, err, "at most")
}

func itoa(i int) string { return string(must(json.Marshal(i))) }

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestDrift(t *testing.T) {
	st := risk.Derive(load(t, sensor), whole(), nil)
	assert.Empty(t, st.Drift(whole()))
	now := whole()
	now[0].Settings = []clause.Setting{{Name: "a", Value: "b"}}
	assert.Empty(t, st.Drift(now), "settings are the owner's")
	now = whole()[1:]
	now[0].Clauses = append(now[0].Clauses, clause.C5_2_6_2_A)
	now = append(now, feature("x.y", clause.C5_2_6_2_B))
	assert.Equal(t, []string{
		"feature access.guard is in the statement and not composed",
		"feature access.password is not what it was in the statement",
		"feature x.y is composed and not in the statement",
	}, st.Drift(now))
	st.Composition = ""
	assert.Equal(t, []string{"the composition is not the statement's"}, st.Drift(whole()))
}

func TestWriteText(t *testing.T) {
	a := load(t, updates)
	a.Controls[0].Features = []string{"access.throttle"}
	st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
	var b strings.Builder
	require.NoError(t, st.WriteText(&b))
	text := b.String()
	marked := 0
	for line := range strings.Lines(text) {
		assert.Equal(t, strings.TrimRight(line, " \n"), strings.TrimSuffix(line, "\n"))
		if strings.HasPrefix(line, "! ") {
			marked++
		}
	}
	assert.Equal(t, len(st.Failures()), marked)
	assert.Contains(t, text, "gate: fails, 4 lines marked !\n")
	assert.Contains(t, text, "! feature access.throttle is missing: risk R-limits")
	for _, r := range st.Rows {
		if r.Kind == clause.Requirement {
			assert.Contains(t, text, r.Clause.String()+" ")
		}
	}
	full := errors.New("full")
	assert.ErrorIs(t, st.WriteText(failing{full}), full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
