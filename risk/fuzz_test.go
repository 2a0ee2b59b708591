package risk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// FuzzParse: never a panic; what is accepted reads back as the same state, gives
// one row an entry, and its statement reads back too.
func FuzzParse(f *testing.F) {
	good := read(f, sensor)
	f.Add(good)
	f.Add(read(f, updates))
	f.Add(edit(f, good, "/controls/0/clauses/0", "5.2.9.9"))
	f.Add(edit(f, good, "/risks/0/treatment", object{}))
	f.Add(edit(f, good, "/exclusions/0/refs", []any{"reset"}))
	f.Add(edit(f, good, "/conditions", []any{}))
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := risk.Parse(data)
		if err != nil {
			var fe *risk.FieldError
			require.ErrorAs(t, err, &fe)
			require.Nil(t, a)
			return
		}
		again, err := json.Marshal(a)
		require.NoError(t, err)
		b, err := risk.Parse(again)
		require.NoError(t, err)
		require.Equal(t, a.Hash(), b.Hash())
		st := risk.Derive(a, whole(), []risk.Evidence{passing(whole())})
		require.Len(t, st.Rows, 110)
		require.Equal(t, len(a.Missing(whole())) == 0 || !st.OK(), true, "what is missing does not pass")
		back(t, st)
	})
}

func back(t *testing.T, st *risk.Statement) {
	t.Helper()
	data, err := json.Marshal(st)
	require.NoError(t, err)
	other, err := risk.ParseStatement(data)
	require.NoError(t, err)
	require.Equal(t, st.OK(), other.OK())
	require.Equal(t, st.Failures(), other.Failures())
}

// FuzzParseStatement: never a panic; what is accepted reads back and says of
// itself whether it passes by its statuses alone.
func FuzzParseStatement(f *testing.F) {
	for _, name := range []string{sensor, updates} {
		st := risk.Derive(load(f, name), whole(), []risk.Evidence{passing(whole())})
		data, err := json.Marshal(st)
		require.NoError(f, err)
		f.Add(data)
		f.Add(edit(f, data, "/rows/0/ok", false))
		f.Add(edit(f, data, "/rows/0/drivers", object{"risks": []any{"R-1"}}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		st, err := risk.ParseStatement(data)
		if err != nil {
			return
		}
		back(t, st)
		require.Empty(t, st.Drift(st.Features))
		for _, r := range st.Rows {
			bad := r.Status == risk.Gap || r.Status == risk.ClaimedButFails || r.Status == risk.Unjustified
			require.False(t, bad && r.OK)
		}
	})
}

// FuzzParseEvidence: never a panic; what is accepted reads back.
func FuzzParseEvidence(f *testing.F) {
	f.Add([]byte(`{"evidence":[{"id":"ACC-02","clauses":["5.2.6.1.4"],"result":"pass","by":"ci","at":"2026-11-20"}]}`))
	f.Add([]byte(`{"evidence":[{"id":"X","clauses":["5.1.1.1.1"],"result":"fail","by":"ci","at":"2026-11-20","composition":"` +
		clause.Digest(nil) + `"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := risk.ParseEvidence(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(map[string]any{"evidence": list})
		require.NoError(t, err)
		other, err := risk.ParseEvidence(again)
		require.NoError(t, err)
		require.Equal(t, list, other)
	})
}
