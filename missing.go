package baseline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// MissingError is what the assessment needs and the composition lacks.
type MissingError struct {
	Missing []Missing
}

// Missing is one entry of 27402 5.2, or one feature asked for by its id, that no
// composed part answers.
type Missing struct {
	Clause  clause.ID // 0 when Feature is set
	Feature string    // "" when Clause is set
	Part    string    // the field of Parts that would answer it, or ""
	Drivers risk.Drivers
}

func (m Missing) String() string {
	what := "feature " + m.Feature
	if m.Feature == "" {
		what = "27402 " + m.Clause.String()
	}
	part := m.Part
	if part == "" {
		part = "a part"
	}
	return fmt.Sprintf("%s for %s: %s", part, what, m.Drivers)
}

func (e *MissingError) Error() string {
	lines := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		lines[i] = m.String()
	}
	return "baseline: new: not composed: " + strings.Join(lines, "; ")
}

// Parts returns the names of the fields that are missing, sorted.
func (e *MissingError) Parts() []string {
	var names []string
	for _, m := range e.Missing {
		if m.Part != "" {
			names = append(names, m.Part)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// missing returns what the statement itself calls a gap, and is one. An approved
// statement has none: there a part that is gone is drift, and so is one that came
// after the statement was derived.
func missing(st *risk.Statement, features []clause.Feature) *MissingError {
	var list []Missing
	for _, row := range st.Rows {
		if len(clause.Answering(features, row.Clause)) > 0 {
			continue
		}
		switch row.Status {
		case risk.Gap, risk.ContradictionExcluded, risk.ContradictionNeeded:
			list = append(list, Missing{Clause: row.Clause, Part: field(row.Clause.Area()), Drivers: row.Drivers})
		}
	}
	for _, need := range st.Missing {
		if slices.ContainsFunc(features, func(f clause.Feature) bool { return f.ID == need.Feature }) {
			continue
		}
		list = append(list, Missing{Feature: need.Feature, Part: partOf(need.Feature), Drivers: need.Drivers})
	}
	if len(list) == 0 {
		return nil
	}
	return &MissingError{list}
}

// partOf guesses the field from a feature's id, which begins with its area.
func partOf(feature string) string {
	area, _, _ := strings.Cut(feature, ".")
	return field(clause.Area(area))
}
