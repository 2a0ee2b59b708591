package baselinetest

import (
	"strings"
	"testing"
)

// Run tries every case on the composed device and prints the report. A case that
// fails or is inconclusive fails the test; entries that are unproven do not: the gate
// over Report.Statement is where they count.
func Run(t *testing.T, h Harness) *Report {
	t.Helper()
	r, err := Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range r.Results {
		t.Run(strings.ReplaceAll(res.Case+" "+res.Name, " ", "-"), func(t *testing.T) { report(t, res) })
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	return r
}

func report(t testing.TB, res Result) {
	for _, s := range res.Steps {
		t.Log(s)
	}
	if res.Outcome == Fail || res.Outcome == Inconclusive {
		t.Errorf("%s: %s\nthe rule: %s", res.Outcome, res.Detail, sentence(res.Case))
	}
}

func sentence(id string) string {
	for _, c := range Cases() {
		if c.ID == id {
			return c.Sentence
		}
	}
	return ""
}
