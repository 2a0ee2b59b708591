package risk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

type object = map[string]any

// TestBrokenAssessments changes one member of a valid assessment each.
func TestBrokenAssessments(t *testing.T) {
	good := read(t, sensor)
	for _, c := range []struct {
		path  string
		value any
		want  string // path and rule
	}{
		// form
		{"/format", 2, "/format: 2, want 1"},
		{"/Format", 1, "/Format: unknown field"},
		{"/risks/0/level", "low", "/risks/0/level: unknown field"},
		{"/id", nil, "/id: required"},
		{"/id", "a b", "/id: want 1 to 64"},
		{"/id", strings.Repeat("a", 65), "/id: want 1 to 64"},
		{"/method", nil, "/method: required"},
		{"/method", "a\u202eb", "/method: want printable"},
		{"/method", strings.Repeat("a", risk.MaxText+1), "/method: 2001 bytes, at most 2000"},
		{"/method", 7, "/method: want a text"},
		{"/risks", []any{}, "/risks: required, with one"},
		{"/products", make501(), "/products: 501 elements, at most 500"},
		{"/performed_by", nil, "/performed_by: required"},
		{"/context/use_cases/0/outcomes", []any{}, "/context/use_cases/0/outcomes: required"},
		{"/assets/1/id", "limits", "/assets/1/id: the id of a asset already"},
		{"/controls/0/id", "R-power", "/controls/0/id: the id of a risk already"},
		{"/products/-", "ts-201", "/sharing_rationale: required for several"},
		{"/products/-", "ts-200", "/products/1: given twice"},
		{"/products/0", "ts/200", "/products/0: want 1 to"},
		// criteria
		{"/criteria/matrix/0", object{}, "/criteria/matrix/0/likelihood: required"},
		{"/criteria/matrix/0/level", "tiny", "/criteria/matrix/0/level: not on the scale"},
		{"/criteria/matrix/0/level", "high", "/criteria/matrix: rare, serious has a lower level"},
		{"/criteria/matrix/1/consequence", "minor", "/criteria/matrix/1: the pair is given twice"},
		{"/criteria/likelihood/-", object{"id": "sure", "meaning": "m"}, "/criteria/matrix: lacks the pair sure, minor"},
		{"/criteria/likelihood/1/id", "rare", "/criteria/likelihood/1/id: given twice"},
		{"/criteria/accept/safety", "none", "/criteria/accept/safety: not on the scale"},
		{"/criteria/accept", object{}, "/criteria/accept: 0 members"},
		{"/criteria/accept/a b", "low", "/criteria/accept/a b: want 1 to"},
		// risks
		{"/risks/0/category", "money", "/risks/0/category: criteria do not say"},
		{"/risks/0/owner", "nobody", "/risks/0/owner: refers to no party"},
		{"/risks/0/owner", "C-guard", "/risks/0/owner: refers to no party"},
		{"/risks/0/source", "moon", "/risks/0/source: refers to no source"},
		{"/risks/0/use_case", "moon", "/risks/0/use_case: refers to no use case"},
		{"/risks/0/assets/0", "moon", "/risks/0/assets/0: refers to no asset"},
		{"/risks/0/parties/0", "moon", "/risks/0/parties/0: refers to no party"},
		{"/risks/4/constraints/0", "cabinet", "/risks/4/constraints/0: refers to no constraint"},
		{"/risks/0/inherent/likelihood", "sure", "/risks/0/inherent/likelihood: not on the scale"},
		{"/risks/0/residual/consequence", nil, "/risks/0/residual/consequence: required"},
		{"/risks/0/inherent/confidence", "total", "/risks/0/inherent/confidence: unknown value"},
		{"/risks/0/treatment/controls/0", "C-none", "/risks/0/treatment/controls/0: refers to no control"},
		{"/risks/0/treatment/options/0", "hope", "/risks/0/treatment/options/0: unknown value"},
		{"/risks/0/treatment/options/1", "change-likelihood", "/risks/0/treatment/options/1: given twice"},
		{"/risks/0/treatment", object{}, "/risks/0/treatment/options: level high is above"},
		{"/risks/0/treatment/options", []any{}, "/risks/0/treatment/options: controls without an option"},
		{"/risks/0/treatment/controls", []any{}, "/risks/0/treatment/options/0: change-likelihood needs a control"},
		{"/risks/1/treatment", object{"options": []any{"remove-source"}}, "/risks/1/treatment/options/0: remove-source needs"},
		{"/risks/8/treatment/justification", nil, "/risks/8/treatment/options/0: retain needs a justification"},
		{"/risks/6/treatment/options/-", "analyse-further", ""},
		{"/risks/0/treatment/options/-", "analyse-further", "/risks/0/treatment/options/2: analyse-further needs an action"},
		{"/risks/6/treatment/actions/0/owner", "moon", "/risks/6/treatment/actions/0/owner: refers to no party"},
		{"/risks/6/treatment/actions/0/due", "2027-02-30", "/risks/6/treatment/actions/0/due: want a date"},
		{"/risks/0/residual/likelihood", "likely", "/risks/0/residual: level high is above what safety accepts"},
		{"/risks/8/residual/likelihood", "likely", "/risks/8/residual: higher than before"},
		{"/risks/0/treatment/options", []any{"analyse-further"}, "/risks/0/residual: lower than before"},
		// controls and standards
		{"/controls/0/kind", "magic", "/controls/0/kind: unknown value"},
		{"/controls/0/clauses", []any{}, "/controls/0/clauses: a device control needs"},
		{"/controls/0/clauses/0", "5.2.9.9", "/controls/0/clauses/0: not an entry of the standard: \"5.2.9.9\""},
		{"/controls/0/clauses/0", "5.1.1.1.1", "/controls/0/clauses/0: not an entry of 27402 5.2"},
		{"/controls/0/clauses/0", "5.2.6.1.4", "/controls/0/clauses/3: given twice"},
		{"/controls/0/clauses/0", 7, "/controls/0/clauses/0: want a text"},
		{"/controls/0", "x", "/controls/0: want an object"},
		{"/controls", object{}, "/controls: want a list"},
		{"/conditions/0/holds", "yes", "/conditions/0/holds: want true or false"},
		{"/format", 1.5, "/format: want a whole number"},
		{"/criteria/accept/safety", 1, "/criteria/accept/safety: want a text"},
		{"/controls/0/features", []any{"A"}, "/controls/0/features/0: not the id of a feature"},
		{"/controls/0/kind", "process", "/controls/0/clauses: not for a control of kind process"},
		{"/controls/5/features", []any{"a.b"}, "/controls/5/features: not for a control of kind user"},
		{"/standards/0/requirements/0/clauses", nil, "/standards/0/requirements/0/clauses: names neither"},
		{"/standards/0/requirements/0/features", []any{"."}, "/standards/0/requirements/0/features/0: not the id"},
		{"/standards/0/requirements", []any{}, "/standards/0/requirements: required"},
		// conditions, exclusions, delegations
		{"/conditions/0/condition", "rain", "/conditions/0/condition: unknown condition"},
		{"/conditions/1/condition", "settings", "/conditions/1/condition: declared twice"},
		{"/conditions/0/rationale", nil, "/conditions/0/rationale: required"},
		{"/conditions/9/holds", true, "/exclusions/0/refs/0: not a condition that is declared not to hold"},
		{"/exclusions/0/refs", []any{}, "/exclusions/0/clauses/0: 5.2.7.1.1 depends on none"},
		{"/exclusions/0/refs", []any{"reset"}, "/exclusions/0/clauses/0: 5.2.7.1.1 depends on none"},
		{"/exclusions/0/clauses/-", "5.2.5.1.3", "/exclusions/0/clauses/3: 5.2.5.1.3 depends on none"},
		{"/exclusions/0/reason", "no-time", "/exclusions/0/reason: unknown value"},
		{"/exclusions/0/reason", "constraint", "/exclusions/0/refs: constraint must cite a constraint"},
		{"/exclusions/0/by", "moon", "/exclusions/0/by: refers to no party"},
		{"/exclusions/0/text", nil, "/exclusions/0/text: required"},
		{"/exclusions/3/refs", []any{"cabinet"}, "/exclusions/3/refs: environment-provides must cite a control"},
		{"/exclusions/3/refs", []any{"C-cabinet"}, "/exclusions/3/refs: environment-provides must cite a environment"},
		{"/exclusions/3/refs", []any{"cabinet", "C-guard"}, "/exclusions/3/refs: environment-provides must cite a control of kind user"},
		{"/exclusions/3/refs/2", "moon", "/exclusions/3/refs/2: refers to nothing"},
		{"/exclusions/4/refs", []any{"C-guard"}, "/exclusions/4/refs: risk-acceptable must cite a risk"},
		{"/exclusions/4/reason", "legal-conflict", "/exclusions/4/refs: legal-conflict must cite a standard"},
		{"/exclusions/4/reason", "compensating-control", "/exclusions/4/refs: compensating-control must cite a control"},
		{"/exclusions/4/reason", "safety-conflict", ""},
		{"/exclusions/4/clauses/0", "5.2.5.1.1.B", "/exclusions/4/clauses/0: 5.2.5.1.1.B is named by /exclusions/3/clauses already"},
		{"/delegated/0/clauses/0", "5.2.5.1.2.D", "/delegated/0/clauses/0: 5.2.5.1.2.D is named by /exclusions/4/clauses already"},
		{"/delegated/0/to", "composition", "/delegated/0/to: what the composition answers for"},
		{"/delegated/0/to", "fate", "/delegated/0/to: unknown value"},
		// evidence and decisions
		{"/evidence/0/result", "maybe", "/evidence/0/result: unknown value"},
		{"/evidence/0/composition", "abc", "/evidence/0/composition: want 64"},
		{"/evidence/0/id", "a/b", "/evidence/0/id: want 1 to"},
		{"/evidence/0/at", nil, "/evidence/0/at: required"},
		{"/decisions/1/risks", []any{}, "/decisions/1/risks: names no risk"},
		{"/decisions/1/risks/0", "R-none", "/decisions/1/risks/0: refers to no risk"},
		{"/decisions/1/kind", "inform", "/risks/6/residual: level medium is above what security accepts"},
		{"/decisions/0/state", "abc", "/decisions/0/state: want 64"},
		{"/decisions/0/by", "moon", "/decisions/0/by: refers to no party"},
		{"/decisions/0/kind", "shrug", "/decisions/0/kind: unknown value"},
	} {
		a, err := risk.Parse(edit(t, good, c.path, c.value))
		if c.want == "" {
			assert.NoError(t, err, c.path)
			continue
		}
		if assert.Error(t, err, "%s %v", c.path, c.value) {
			assert.Contains(t, err.Error(), "risk: "+c.want)
		}
		assert.Nil(t, a)
		var fe *risk.FieldError
		assert.True(t, errors.As(err, &fe))
	}
}

func make501() []any {
	out := make([]any, risk.MaxList+1)
	for i := range out {
		out[i] = fmt.Sprint("p", i)
	}
	return out
}

func TestBytesRefused(t *testing.T) {
	good := read(t, sensor)
	for want, data := range map[string][]byte{
		"/format: given twice":    bytes.Replace(good, []byte(`"format": 1,`), []byte(`"format": 1, "format": 1,`), 1),
		"ends too early":          good[:len(good)/2],
		"after the end":           append(bytes.Clone(good), '{'),
		"at most 524288":          append(bytes.Clone(good), bytes.Repeat([]byte(" "), risk.MaxBytes)...),
		"not valid UTF-8":         bytes.Replace(good, []byte("Cold-store"), []byte("Cold\xffstore"), 1),
		"/method: null":           bytes.Replace(good, []byte(`"method": "`), []byte(`"method": null, "x": "`), 1),
		"nested deeper than":      bytes.Replace(good, []byte(`"system": `), []byte(`"system": [[[[[[[[[[[[]]]]]]]]]]]], "x": `), 1),
		"risk: document ends too": nil,
	} {
		_, err := risk.Parse(data)
		assert.ErrorContains(t, err, want)
	}
}

func TestErrorsAreCollectedAndBounded(t *testing.T) {
	a := load(t, sensor)
	for i := range a.Risks {
		a.Risks[i].Owner, a.Risks[i].Assets, a.Risks[i].Category = "x", []string{"y"}, "z"
	}
	err := a.Validate()
	var joined interface{ Unwrap() []error }
	require.ErrorAs(t, err, &joined)
	assert.Len(t, joined.Unwrap(), 20)
}

// TestGoLiteralsAreChecked: an assessment need not come from JSON.
func TestGoLiteralsAreChecked(t *testing.T) {
	a := load(t, sensor)
	require.NoError(t, a.Validate())
	a.Controls[0].Clauses[0] = 0
	assert.ErrorContains(t, a.Validate(), "/controls/0/clauses/0: not an entry of 27402 5.2: invalid")
	assert.Empty(t, a.Hash())
	assert.Error(t, new(risk.Assessment).Validate())
}

func TestLevels(t *testing.T) {
	a := load(t, sensor)
	assert.Equal(t, "high", a.Level(a.Risks[0].Inherent))
	assert.Equal(t, "low", a.Level(a.Risks[0].Residual))
	assert.Empty(t, a.Level(risk.Rating{}))
	assert.True(t, a.Acceptable("safety", a.Risks[0].Residual))
	assert.False(t, a.Acceptable("safety", a.Risks[0].Inherent))
	assert.False(t, a.Acceptable("money", a.Risks[0].Residual))
	assert.False(t, a.Acceptable("safety", risk.Rating{}))
}

func TestDue(t *testing.T) {
	day := func(s risk.Date) time.Time {
		at, ok := s.Time()
		require.True(t, ok)
		return at
	}
	for _, name := range []string{sensor, updates} {
		assert.Empty(t, load(t, name).Due(day("2026-11-22")), "decisions are bound to the present state")
	}
	a := load(t, sensor)
	paths := func(at risk.Date) (out []string) {
		for _, e := range a.Due(day(at)) {
			out = append(out, e.Path)
		}
		return out
	}
	assert.Empty(t, paths("2027-06-30"), "a day lasts to its end")
	assert.Equal(t, []string{"/risks/6/treatment/actions/0/due"}, paths("2027-07-01"))
	assert.Contains(t, paths("2027-11-03"), "/reviews/0/next")
	late := paths("2028-01-01")
	for _, want := range []string{"/decisions", "/decisions/1/expires", "/exclusions/0/expires", "/evidence/0/expires"} {
		assert.Contains(t, late, want)
	}
	a.Risks[0].Residual.Rationale = "changed"
	assert.Equal(t, []string{"/decisions/0/state", "/decisions/1/state", "/decisions"}, paths("2026-11-22"))
	assert.Contains(t, a.Due(day("2026-11-22"))[0].Rule, a.Hash())
	a.Evidence, a.Reviews = nil, nil
	assert.Equal(t, a.Hash(), func() string { b := *a; b.Decisions = nil; return b.Hash() }())
}

func TestFresh(t *testing.T) {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	in := []risk.Evidence{
		{ID: "kept"}, {ID: "later", Expires: "2027-01-01"}, {ID: "gone", Expires: "2026-12-31"},
		{ID: "failed", Result: risk.Fail, Expires: "2026-12-31"},
	}
	var ids []string
	for _, e := range risk.Fresh(in, at) {
		ids = append(ids, e.ID)
	}
	assert.Equal(t, []string{"kept", "later", "failed"}, ids)
}

func TestParseEvidence(t *testing.T) {
	list, err := risk.ParseEvidence([]byte(`{"evidence":[{"id":"ACC-02","clauses":["5.2.6.1.4"],"result":"pass","by":"ci",
		"at":"2026-11-20","composition":"` + clause.Digest(nil) + `"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []clause.ID{clause.C5_2_6_1_4}, list[0].Clauses)
	for in, want := range map[string]string{
		`{}`:                               "/evidence: required",
		`[]`:                               "want an object",
		`{"evidence":[{"id":"a"}]}`:        "/evidence/0/clauses: required",
		`{"evidence":[{"clauses":["5"]}]}`: "/evidence/0/clauses/0: not an entry",
	} {
		list, err := risk.ParseEvidence([]byte(in))
		assert.ErrorContains(t, err, want)
		assert.Nil(t, list)
	}
}
