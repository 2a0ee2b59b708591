package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/clause"
)

// Drivers are why something is needed: ids of risks and of the controls that
// treat them, and "standard provision" pairs.
type Drivers struct {
	Risks     []string `json:"risks,omitempty"`
	Controls  []string `json:"controls,omitempty"`
	Standards []string `json:"standards,omitempty"`
}

func (d Drivers) any() bool { return len(d.Risks)+len(d.Controls)+len(d.Standards) > 0 }

func (d Drivers) and(o Drivers) Drivers {
	return Drivers{union(d.Risks, o.Risks), union(d.Controls, o.Controls), union(d.Standards, o.Standards)}
}

//go:noinline
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// String lists the drivers, such as "risk R-3 (control C-vault)".
func (d Drivers) String() string {
	var parts []string
	if len(d.Risks) > 0 {
		parts = append(parts, "risk "+strings.Join(d.Risks, ", "))
	}
	if len(d.Controls) > 0 {
		parts = append(parts, "control "+strings.Join(d.Controls, ", "))
	}
	if len(d.Standards) > 0 {
		parts = append(parts, "standard "+strings.Join(d.Standards, ", "))
	}
	return strings.Join(parts, "; ")
}

// Need is one entry of 27402 5.2, or one feature by its id, that an assessment
// asks for, and why.
type Need struct {
	Clause  clause.ID // 0 when Feature is set
	Feature string    // "" when Clause is set
	Drivers
}

// String is one line for people. It begins with the area of the entry, which is
// the name of the part that answers it.
func (n Need) String() string {
	if n.Feature != "" {
		return fmt.Sprintf("feature %s: %s", n.Feature, n.Drivers)
	}
	return fmt.Sprintf("%s: %s %s: %s", n.Clause.Area(), n.Clause, n.Clause.Title(), n.Drivers)
}

// Needs returns what the assessment asks for: the entries in the order of the
// standard, then the features in the order of the document. A control counts
// when a risk uses it.
func (a *Assessment) Needs() []Need {
	var out []Need
	entries, features := a.drivers()
	for id := range clause.All() {
		if d, ok := entries[id]; ok {
			out = append(out, Need{Clause: id, Drivers: d})
		}
	}
	return append(out, features...)
}

func (a *Assessment) drivers() (map[clause.ID]Drivers, []Need) {
	entries := map[clause.ID]Drivers{}
	var features []Need
	add := func(ids []clause.ID, names []string, d Drivers) {
		for _, id := range ids {
			entries[id] = entries[id].and(d)
		}
		for _, name := range names {
			i := slices.IndexFunc(features, func(n Need) bool { return n.Feature == name })
			if i < 0 {
				features = append(features, Need{Feature: name})
				i = len(features) - 1
			}
			features[i].Drivers = features[i].and(d)
		}
	}
	for _, r := range a.Risks {
		for _, c := range a.Controls {
			if slices.Contains(r.Treatment.Controls, c.ID) {
				add(c.Clauses, c.Features, Drivers{Risks: []string{r.ID}, Controls: []string{c.ID}})
			}
		}
	}
	for _, s := range a.Standards {
		for _, q := range s.Requirements {
			add(q.Clauses, q.Features, Drivers{Standards: []string{s.ID + " " + q.Ref}})
		}
	}
	return entries, features
}

// Missing returns the needs that neither the composition nor a delegation
// answers. One answered member of a group of alternatives answers the whole
// group. It needs no evidence: a device uses it at its start.
func (a *Assessment) Missing(features []clause.Feature) []Need {
	answered, groups, ids := map[clause.ID]bool{}, map[clause.Group]bool{}, map[string]bool{}
	answer := func(list []clause.ID) {
		for _, id := range list {
			answered[id] = true
			groups[id.Group()] = true
		}
	}
	for _, f := range features {
		ids[f.ID] = true
		answer(f.Clauses)
	}
	for _, d := range a.Delegated {
		answer(d.Clauses)
	}
	delete(groups, "")
	return slices.DeleteFunc(a.Needs(), func(n Need) bool {
		if n.Feature != "" {
			return ids[n.Feature]
		}
		return answered[n.Clause] || groups[n.Clause.Group()]
	})
}
