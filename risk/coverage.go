package risk

import (
	"fmt"
	"slices"

	"github.com/iot-device-baseline/baseline/clause"
)

// coverage checks exclusions and delegations: each entry in one place at most,
// and each reason on firm ground.
func (v *validator) coverage() {
	seen := map[clause.ID]string{}
	once := func(path string, ids []clause.ID) {
		for i, id := range ids {
			if other, ok := seen[id]; ok {
				v.failf(fmt.Sprintf("%s/%d", path, i), "%s is named by %s already", id, other)
			}
			seen[id] = path
		}
	}
	for i, e := range v.a.Exclusions {
		path := fmt.Sprintf("/exclusions/%d", i)
		once(path+"/clauses", e.Clauses)
		v.ref(path+"/by", e.By, aParty)
		v.exclusion(path, e)
	}
	for i, d := range v.a.Delegated {
		path := fmt.Sprintf("/delegated/%d", i)
		once(path+"/clauses", d.Clauses)
		if d.To == Composed {
			v.fail(path+"/to", "what the composition answers for is composed, not delegated")
		}
	}
}

func (v *validator) exclusion(path string, e Exclusion) {
	if e.Reason == ConditionNotMet {
		v.conditionNotMet(path, e)
		return
	}
	kinds := map[Reason][]kind{
		RiskAcceptable:      {aRisk},
		ConstraintPrevents:  {aConstraint},
		CompensatingControl: {aControl},
		EnvironmentProvides: {anEnviron, aControl},
		SafetyConflict:      {aRisk},
		LegalConflict:       {aStandard},
	}[e.Reason]
	for i, id := range e.Refs {
		if _, ok := v.ids[id]; !ok {
			v.fail(fmt.Sprintf("%s/refs/%d", path, i), "refers to nothing: "+quote(id))
		}
	}
	for _, k := range kinds {
		if !slices.ContainsFunc(e.Refs, func(id string) bool { return v.ids[id] == k }) {
			v.failf(path+"/refs", "%s must cite a %s", e.Reason, k)
		}
	}
	switch e.Reason {
	case RiskAcceptable:
		v.acceptedRisks(path, e)
	case EnvironmentProvides:
		v.userDuty(path, e)
	}
}

// conditionNotMet: the refs name conditions that are declared not to hold, and
// every entry depends on one of them.
func (v *validator) conditionNotMet(path string, e Exclusion) {
	for i, ref := range e.Refs {
		if !v.declaredFalse(ref) {
			v.failf(fmt.Sprintf("%s/refs/%d", path, i), "not a condition that is declared not to hold: %s", quote(ref))
		}
	}
	for i, id := range e.Clauses {
		if c := id.Condition(); c == "" || !slices.Contains(e.Refs, string(c)) {
			v.failf(fmt.Sprintf("%s/clauses/%d", path, i), "%s depends on none of the conditions in refs", id)
		}
	}
}

func (v *validator) declaredFalse(name string) bool {
	return slices.ContainsFunc(v.a.Conditions, func(d Declaration) bool { return string(d.Condition) == name && !d.Holds })
}

func (v *validator) acceptedRisks(path string, e Exclusion) {
	for _, r := range v.a.Risks {
		if slices.Contains(e.Refs, r.ID) && !v.a.Acceptable(r.Category, r.Residual) && !v.a.accepted(r.ID) {
			v.failf(path+"/refs", "what remains of %s is not accepted", r.ID)
		}
	}
}

// userDuty: what the place of use provides, users must keep up, so they are told.
func (v *validator) userDuty(path string, e Exclusion) {
	if !slices.ContainsFunc(v.a.Controls, func(c Control) bool { return c.Kind == ControlUser && slices.Contains(e.Refs, c.ID) }) {
		v.failf(path+"/refs", "%s must cite a control of kind %s", e.Reason, ControlUser)
	}
}
