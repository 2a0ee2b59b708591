package risk

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/iot-device-baseline/baseline/clause"
)

// what an id stands for.
type kind string

const (
	aParty       kind = "party"
	aUseCase     kind = "use case"
	aConstraint  kind = "constraint"
	anEnviron    kind = "environment"
	anAssumption kind = "assumption"
	aSource      kind = "source"
	anAsset      kind = "asset"
	aRisk        kind = "risk"
	aControl     kind = "control"
	aStandard    kind = "standard"
	aDecision    kind = "decision"
)

type validator struct {
	checker
	a   *Assessment
	ids map[string]kind
}

// Validate checks an assessment by the rules of [Parse] and these: a matrix
// names every pair once and never falls while likelihood or consequence rises;
// a risk above what its category accepts has a treatment; what remains above it
// has a decision to accept it or an action with a date; a change of likelihood
// or consequence has a control; avoiding, sharing, keeping and taking a risk has
// a justification; a device control names an entry of 5.2 and no other control
// does; an exclusion refers to what its reason rests on, see [Reason]; an entry
// is not excluded and delegated, nor either twice; several products have a
// rationale. It is for assessments written in Go; Parse calls it.
func (a *Assessment) Validate() error {
	v := &validator{a: a, ids: map[string]kind{}}
	if a.Format != Format {
		v.failf("/format", "%d, want %d", a.Format, Format)
		return v.err()
	}
	v.walk("", reflect.ValueOf(*a), false)
	if len(v.errs) > 0 {
		return v.err() // cross references in a broken document only add noise
	}
	v.define()
	v.criteria()
	v.context()
	for i := range a.Risks {
		v.risk(fmt.Sprintf("/risks/%d", i), &a.Risks[i])
	}
	for i := range a.Controls {
		v.control(fmt.Sprintf("/controls/%d", i), &a.Controls[i])
	}
	v.declarations()
	v.coverage()
	for i, e := range a.Evidence {
		v.evidence(fmt.Sprintf("/evidence/%d", i), e)
	}
	for i := range a.Decisions {
		v.decision(fmt.Sprintf("/decisions/%d", i), &a.Decisions[i])
	}
	return v.err()
}

// define collects the ids, in the order of the document.
func (v *validator) define() {
	a := v.a
	v.each("/performed_by", aParty, len(a.PerformedBy), func(i int) string { return a.PerformedBy[i].ID })
	v.each("/context/use_cases", aUseCase, len(a.Context.UseCases), func(i int) string { return a.Context.UseCases[i].ID })
	v.each("/context/parties", aParty, len(a.Context.Parties), func(i int) string { return a.Context.Parties[i].ID })
	v.each("/context/constraints", aConstraint, len(a.Context.Constraints), func(i int) string { return a.Context.Constraints[i].ID })
	v.each("/context/environment", anEnviron, len(a.Context.Environment), func(i int) string { return a.Context.Environment[i].ID })
	v.each("/context/assumptions", anAssumption, len(a.Context.Assumptions), func(i int) string { return a.Context.Assumptions[i].ID })
	v.each("/sources", aSource, len(a.Sources), func(i int) string { return a.Sources[i].ID })
	v.each("/assets", anAsset, len(a.Assets), func(i int) string { return a.Assets[i].ID })
	v.each("/risks", aRisk, len(a.Risks), func(i int) string { return a.Risks[i].ID })
	v.each("/controls", aControl, len(a.Controls), func(i int) string { return a.Controls[i].ID })
	v.each("/standards", aStandard, len(a.Standards), func(i int) string { return a.Standards[i].ID })
	v.each("/decisions", aDecision, len(a.Decisions), func(i int) string { return a.Decisions[i].ID })
}

func (v *validator) each(path string, k kind, n int, idOf func(int) string) {
	for i := range n {
		id, at := idOf(i), fmt.Sprintf("%s/%d/id", path, i)
		if !v.id(at, id) {
			continue
		}
		if other, ok := v.ids[id]; ok {
			v.failf(at, "the id of a %s already", other)
			continue
		}
		v.ids[id] = k
	}
}

// ref checks that id stands for one of the kinds.
func (v *validator) ref(path, id string, kinds ...kind) {
	if k, ok := v.ids[id]; !ok || !slices.Contains(kinds, k) {
		v.failf(path, "refers to no %s: %s", kinds[0], quote(id))
	}
}

func (v *validator) refs(path string, list []string, kinds ...kind) {
	for i, id := range list {
		v.ref(fmt.Sprintf("%s/%d", path, i), id, kinds...)
	}
}

func (v *validator) context() {
	v.id("/id", v.a.ID)
	for i, p := range v.a.Products {
		v.id(fmt.Sprintf("/products/%d", i), p)
	}
	if len(v.a.Products) > 1 && v.a.SharingRationale == "" {
		v.fail("/sharing_rationale", "required for several products")
	}
}

func (v *validator) control(path string, c *Control) {
	v.features(path+"/features", c.Features)
	switch {
	case c.Kind == ControlDevice && len(c.Clauses) == 0:
		v.fail(path+"/clauses", "a device control needs one entry of 27402 5.2 at least")
	case c.Kind != ControlDevice && len(c.Clauses) > 0:
		v.failf(path+"/clauses", "not for a control of kind %s", c.Kind)
	case c.Kind != ControlDevice && len(c.Features) > 0:
		v.failf(path+"/features", "not for a control of kind %s", c.Kind)
	}
}

func (v *validator) features(path string, ids []string) {
	for i, id := range ids {
		if !clause.ValidFeatureID(id) {
			v.failf(fmt.Sprintf("%s/%d", path, i), "not the id of a feature: %s", quote(id))
		}
	}
}

func (v *validator) declarations() {
	seen := map[clause.Condition]bool{}
	for i, d := range v.a.Conditions {
		path := fmt.Sprintf("/conditions/%d/condition", i)
		if !slices.Contains(clause.Conditions(), d.Condition) {
			v.failf(path, "unknown condition %s", quote(string(d.Condition)))
		}
		if seen[d.Condition] {
			v.fail(path, "declared twice")
		}
		seen[d.Condition] = true
	}
	for i, s := range v.a.Standards {
		for j, r := range s.Requirements {
			path := fmt.Sprintf("/standards/%d/requirements/%d", i, j)
			if len(r.Clauses)+len(r.Features) == 0 {
				v.fail(path+"/clauses", "names neither an entry of 27402 5.2 nor a feature")
			}
			v.features(path+"/features", r.Features)
		}
	}
}

func (c *checker) evidence(path string, e Evidence) {
	c.id(path+"/id", e.ID)
	if e.Composition != "" && !isDigest(e.Composition) {
		c.fail(path+"/composition", "want 64 lower-case hex digits")
	}
}

func (v *validator) decision(path string, d *Decision) {
	v.ref(path+"/by", d.By, aParty)
	v.refs(path+"/risks", d.Risks, aRisk)
	if d.Kind == AcceptResidual && len(d.Risks) == 0 {
		v.fail(path+"/risks", "names no risk to accept")
	}
	if !isDigest(d.State) {
		v.fail(path+"/state", "want 64 lower-case hex digits")
	}
}

func isDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}
