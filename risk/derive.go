package risk

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/iot-device-baseline/baseline/clause"
)

// Derive makes the statement of applicability for a composition. The assessment
// must be valid and the features pass [clause.Check]; the assessment's own evidence counts beside the given one. Evidence for a composed entry counts when
// it was made for this composition, evidence for a delegated one also when it
// names none. One result of fail outweighs every pass.
//
// A group of alternatives is answered by one member. What any member is needed
// for then binds the chosen one, and those that are neither composed nor
// delegated are [Alternative].
//
// Derive reads no clock: give it [Fresh] evidence where age matters.
func Derive(a *Assessment, features []clause.Feature, evidence []Evidence) *Statement {
	d := newDeriver(a, features, evidence)
	st := &Statement{
		Format: Format, Assessment: a.ID, Version: a.Version, State: a.Hash(),
		Products: slices.Clone(a.Products), Composition: d.composition, Features: d.features,
	}
	for id := range clause.All() {
		if id.Capability() {
			st.Rows = append(st.Rows, d.row(id))
		}
	}
	d.groups(st.Rows)
	for _, n := range d.named {
		if _, ok := byID(features, n.Feature); !ok {
			st.Missing = append(st.Missing, FeatureNeed{n.Feature, n.Drivers})
		}
	}
	st.Orphans = d.orphans()
	return st
}

type deriver struct {
	a           *Assessment
	features    []clause.Feature // sorted by id
	composition string
	evidence    []Evidence
	needed      map[clause.ID]Drivers
	named       []Need // features needed by id
	exclusions  map[clause.ID]Exclusion
	delegated   map[clause.ID]Delegation
}

func newDeriver(a *Assessment, features []clause.Feature, evidence []Evidence) *deriver {
	d := &deriver{
		a: a, features: slices.Clone(features), composition: clause.Digest(features),
		evidence:   slices.Concat(a.Evidence, evidence),
		exclusions: map[clause.ID]Exclusion{}, delegated: map[clause.ID]Delegation{},
	}
	sort.SliceStable(d.features, func(i, j int) bool { return d.features[i].ID < d.features[j].ID })
	d.needed, d.named = a.drivers()
	for _, e := range a.Exclusions {
		for _, id := range e.Clauses {
			d.exclusions[id] = e
		}
	}
	for _, g := range a.Delegated {
		for _, id := range g.Clauses {
			d.delegated[id] = g
		}
	}
	return d
}

func (d *deriver) row(id clause.ID) Row {
	r := Row{Clause: id, Kind: id.Kind(), Condition: d.condition(id.Condition()), Drivers: d.needed[id]}
	r.Necessary = r.Drivers.any()
	r.Features = ids(clause.Answering(d.features, id))
	facts := Facts{Kind: r.Kind, Condition: Holds, Necessary: r.Necessary, Composed: len(r.Features) > 0}
	if r.Condition != nil {
		facts.Condition = r.Condition.Value
		// A capability that is denied and composed contradicts every entry that
		// depends on it, not only those which its features name.
		facts.Composed = facts.Composed || facts.Condition == DoesNotHold && len(d.witnesses(r.Condition.Name)) > 0
	}
	_, facts.Justified = d.exclusions[id]
	_, facts.Delegated = d.delegated[id]
	r.Evidence, facts.Evidence = d.shown(id, facts.Composed)
	r.Status, r.OK = facts.Decide()
	d.explain(&r, facts)
	return r
}

// explain adds who answers for the entry and the words that belong to its status.
func (d *deriver) explain(r *Row, f Facts) {
	exclusion, delegation := d.exclusions[r.Clause], d.delegated[r.Clause]
	switch r.Status {
	case ContradictionComposed:
		r.Justification = "declared not to hold, but composed: " + listed(d.witnessesOf(r))
	case NotApplicable, ContradictionNeeded, Undetermined:
		r.Justification = r.Condition.How
		if f.Justified {
			r.Reason, r.Justification, r.Refs = exclusion.Reason, exclusion.Text, exclusion.Refs
		}
	case Excluded, ContradictionExcluded:
		r.Reason, r.Justification, r.Refs = exclusion.Reason, exclusion.Text, exclusion.Refs
	case DelegatedShown, DelegatedUnproven:
		r.Responsibility, r.Justification = delegation.To, delegation.Text
	}
	if f.Composed {
		r.Responsibility = Composed
	}
}

func (d *deriver) witnessesOf(r *Row) []string {
	return union(r.Features, d.witnesses(r.Condition.Name))
}

// condition evaluates a condition: as declared, else as composed.
func (d *deriver) condition(name clause.Condition) *Condition {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(d.a.Conditions, func(c Declaration) bool { return c.Condition == name })
	composed := d.witnesses(name)
	switch {
	case i >= 0 && d.a.Conditions[i].Holds:
		return &Condition{name, Holds, d.a.Conditions[i].Rationale}
	case i >= 0:
		return &Condition{name, DoesNotHold, d.a.Conditions[i].Rationale}
	case len(composed) > 0:
		return &Condition{name, Holds, "composed: " + listed(composed)}
	default:
		return &Condition{name, Unknown, "neither declared nor composed"}
	}
}

// witnesses are the features that show a condition to hold: those that answer an
// entry which depends on it, or on one that implies it.
func (d *deriver) witnesses(name clause.Condition) []string {
	implied := map[clause.Condition]clause.Condition{
		clause.CondRemoteUpdates:     clause.CondUpdates,
		clause.CondSettingsProcedure: clause.CondSettings,
	}
	var out []string
	for _, f := range d.features {
		if slices.ContainsFunc(f.Clauses, func(id clause.ID) bool {
			c := id.Condition()
			return c == name || implied[c] == name && c != ""
		}) {
			out = append(out, f.ID)
		}
	}
	return out
}

// shown returns the evidence that counts for an entry, and its outcome.
func (d *deriver) shown(id clause.ID, composed bool) ([]Shown, Result) {
	var out []Shown
	result := NoEvidence
	for _, e := range d.evidence {
		bound := e.Composition == d.composition || !composed && e.Composition == ""
		if !bound || !slices.Contains(e.Clauses, id) {
			continue
		}
		out = append(out, Shown{e.ID, e.Result, e.At})
		switch {
		case e.Result == Fail || result == Fail:
			result = Fail
		case e.Result == Pass || result == Pass:
			result = Pass
		case e.Result == Attested:
			result = Attested
		}
	}
	return out, result
}

func (d *deriver) orphans() Orphans {
	var o Orphans
	for _, f := range d.features {
		needed := slices.ContainsFunc(f.Clauses, func(id clause.ID) bool { return d.needed[id].any() }) ||
			slices.ContainsFunc(d.named, func(n Need) bool { return n.Feature == f.ID })
		if !needed {
			o.Features = append(o.Features, f.ID)
		}
	}
	for _, c := range d.a.Controls {
		if !slices.ContainsFunc(d.a.Risks, func(r Risk) bool { return slices.Contains(r.Treatment.Controls, c.ID) }) {
			o.Controls = append(o.Controls, c.ID)
		}
	}
	return o
}

// listed keeps long lists out of texts.
func listed(ids []string) string {
	const most = 5
	if len(ids) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
	}
	return strings.Join(ids, ", ")
}

func ids(features []clause.Feature) []string {
	var out []string
	for _, f := range features {
		out = append(out, f.ID)
	}
	return out
}
