package risk

import (
	"fmt"
	"slices"

	"github.com/iot-device-baseline/baseline/clause"
)

// Statement is the statement of applicability (27402 5.1.1.1.5 e, f): one row
// for each entry of 5.2. It is bound to one assessment and one composition.
type Statement struct {
	Format      int              `json:"format"`      // 1
	Assessment  string           `json:"assessment"`  // id
	Version     string           `json:"version"`     // of the assessment
	State       string           `json:"state"`       // [Assessment.Hash]
	Products    []string         `json:"products"`    // that it is true of
	Composition string           `json:"composition"` // [clause.Digest] of Features
	Features    []clause.Feature `json:"features,omitempty"`
	Rows        []Row            `json:"rows"`
	Missing     []FeatureNeed    `json:"missing,omitempty"` // features asked for by id that are not composed
	Orphans     Orphans          `json:"orphans"`
}

// Row is what a statement says about one entry.
type Row struct {
	Clause         clause.ID      `json:"clause"`
	Kind           clause.Kind    `json:"kind"`
	Condition      *Condition     `json:"condition,omitempty"` // nil when the entry always applies
	Necessary      bool           `json:"necessary"`
	Drivers        Drivers        `json:"drivers"`
	Features       []string       `json:"features,omitempty"` // ids of the features that answer it
	Evidence       []Shown        `json:"evidence,omitempty"`
	Responsibility Responsibility `json:"responsibility,omitempty"`
	Status         Status         `json:"status"`
	OK             bool           `json:"ok"`               // the gate lets it pass
	Reason         Reason         `json:"reason,omitempty"` // of an exclusion
	Refs           []string       `json:"refs,omitempty"`   // ids that the reason rests on
	Justification  string         `json:"justification,omitempty"`
}

// Condition is a condition as it was evaluated.
type Condition struct {
	Name  clause.Condition `json:"name"`
	Value Truth            `json:"value"`
	How   string           `json:"how"` // "composed: ID", the declared rationale, or that nobody said
}

// Shown is a piece of evidence that counted.
type Shown struct {
	ID     string `json:"id"`
	Result Result `json:"result"`
	At     Date   `json:"at"`
}

// FeatureNeed is a feature that is asked for by its id.
type FeatureNeed struct {
	Feature string  `json:"feature"`
	Drivers Drivers `json:"drivers"`
}

// Orphans are features that nothing needs and controls that no risk uses. They
// are allowed (27402 5.1.1.3) and worth a look.
type Orphans struct {
	Features []string `json:"features,omitempty"`
	Controls []string `json:"controls,omitempty"`
}

// Failure is a row, or a missing feature, that the gate does not let pass.
type Failure struct {
	Clause  clause.ID // 0 when Feature is set
	Feature string
	Status  Status
	Drivers Drivers
	Text    string // why, in words; may be empty
}

// String is one line for people.
func (f Failure) String() string {
	what := "feature " + f.Feature
	if f.Feature == "" {
		what = f.Clause.String() + " " + f.Clause.Title()
	}
	s := what + ": " + string(f.Status)
	if f.Drivers.any() {
		s += " (" + f.Drivers.String() + ")"
	}
	if f.Text != "" {
		s += ": " + f.Text
	}
	return s
}

// OK reports whether the gate passes: every row does, and no feature is missing.
func (st *Statement) OK() bool { return len(st.Failures()) == 0 }

// Failures returns what the gate does not let pass, in the order of the standard.
func (st *Statement) Failures() []Failure {
	var out []Failure
	for _, r := range st.Rows {
		if !r.OK {
			out = append(out, Failure{Clause: r.Clause, Status: r.Status, Drivers: r.Drivers, Text: r.Justification})
		}
	}
	for _, m := range st.Missing {
		out = append(out, Failure{Feature: m.Feature, Status: Gap, Drivers: m.Drivers})
	}
	return out
}

// Row returns the row of an entry, and false when there is none: an entry that
// is not of 5.2 has none.
func (st *Statement) Row(id clause.ID) (Row, bool) {
	i := slices.IndexFunc(st.Rows, func(r Row) bool { return r.Clause == id })
	if i < 0 {
		return Row{}, false
	}
	return st.Rows[i], true
}

// Drift compares a composition with the one that the statement was made for, and
// says in words which features are gone, new or changed. Nothing means that the
// statement is about this composition. Settings play no part.
func (st *Statement) Drift(features []clause.Feature) []string {
	var out []string
	for _, f := range st.Features {
		switch now, ok := byID(features, f.ID); {
		case !ok:
			out = append(out, fmt.Sprintf("feature %s is in the statement and not composed", f.ID))
		case clause.Digest([]clause.Feature{f}) != clause.Digest([]clause.Feature{now}):
			out = append(out, fmt.Sprintf("feature %s is not what it was in the statement", f.ID))
		}
	}
	for _, f := range features {
		if _, ok := byID(st.Features, f.ID); !ok {
			out = append(out, fmt.Sprintf("feature %s is composed and not in the statement", f.ID))
		}
	}
	if len(out) == 0 && st.Composition != clause.Digest(features) {
		out = append(out, "the composition is not the statement's")
	}
	return out
}

func byID(features []clause.Feature, id string) (clause.Feature, bool) {
	i := slices.IndexFunc(features, func(f clause.Feature) bool { return f.ID == id })
	if i < 0 {
		return clause.Feature{}, false
	}
	return features[i], true
}
