package risk

import (
	"slices"

	"github.com/iot-device-baseline/baseline/clause"
)

// groups lets one answered member of a group of alternatives answer for all.
func (d *deriver) groups(rows []Row) {
	members := map[clause.Group][]*Row{}
	for i := range rows {
		if g := rows[i].Clause.Group(); g != "" {
			members[g] = append(members[g], &rows[i])
		}
	}
	for _, group := range members {
		d.group(group)
	}
}

func (d *deriver) group(rows []*Row) {
	var all Drivers
	for _, r := range rows {
		all = all.and(r.Drivers)
	}
	chosen := choose(rows)
	if chosen == nil {
		return // every member stays what it is: a needed one is a gap
	}
	if all.any() {
		// What a risk needs of the group it now needs of this member.
		d.bind(chosen, all)
	}
	for _, r := range rows {
		switch r.Status {
		case Gap, ContradictionExcluded, Unjustified, NotAdopted:
			r.Status, r.OK, r.Reason, r.Refs = Alternative, true, "", nil
			r.Justification = chosen.Clause.String() + " is chosen instead"
		}
	}
}

// choose prefers what is shown over what is only claimed; what fails is no answer.
func choose(rows []*Row) *Row {
	for _, want := range [][]Status{
		{IncludedProven, IncludedAttested, Additional}, {DelegatedShown}, {IncludedUnproven}, {DelegatedUnproven},
	} {
		for _, r := range rows {
			if slices.Contains(want, r.Status) {
				return r
			}
		}
	}
	return nil
}

func (d *deriver) bind(r *Row, drivers Drivers) {
	facts := Facts{Kind: r.Kind, Condition: Holds, Necessary: true, Composed: len(r.Features) > 0}
	facts.Delegated = !facts.Composed
	_, facts.Evidence = d.shown(r.Clause, facts.Composed)
	r.Necessary, r.Drivers = true, drivers
	r.Status, r.OK = facts.Decide()
}
