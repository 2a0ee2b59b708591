package risk

import (
	"fmt"
	"slices"
)

func (c *Criteria) level(r Rating) (index int, ok bool) {
	for _, cell := range c.Matrix {
		if cell.Likelihood == r.Likelihood && cell.Consequence == r.Consequence {
			return at(c.Levels, cell.Level)
		}
	}
	return 0, false
}

func at(scale []Scale, id string) (int, bool) {
	i := slices.IndexFunc(scale, func(s Scale) bool { return s.ID == id })
	return i, i >= 0
}

// Level returns the id of the level of a rating, and "" for a rating that is
// not in the matrix.
func (a *Assessment) Level(r Rating) string {
	i, ok := a.Criteria.level(r)
	if !ok {
		return ""
	}
	return a.Criteria.Levels[i].ID
}

// Acceptable reports whether a rating is at most what the category accepts.
func (a *Assessment) Acceptable(category string, r Rating) bool {
	level, known := a.Criteria.level(r)
	accept, ok := at(a.Criteria.Levels, a.Criteria.Accept[category])
	return known && ok && level <= accept
}

// accepted reports whether a decision accepts what remains of the risk.
func (a *Assessment) accepted(risk string) bool {
	return slices.ContainsFunc(a.Decisions, func(d Decision) bool {
		return d.Kind == AcceptResidual && slices.Contains(d.Risks, risk)
	})
}

func (v *validator) criteria() {
	c := &v.a.Criteria
	v.scale("/criteria/likelihood", c.Likelihood)
	v.scale("/criteria/consequence", c.Consequence)
	v.scale("/criteria/levels", c.Levels)
	seen := map[[2]string]bool{}
	for i, cell := range c.Matrix {
		path := fmt.Sprintf("/criteria/matrix/%d", i)
		v.onScale(path+"/likelihood", c.Likelihood, cell.Likelihood)
		v.onScale(path+"/consequence", c.Consequence, cell.Consequence)
		v.onScale(path+"/level", c.Levels, cell.Level)
		pair := [2]string{cell.Likelihood, cell.Consequence}
		if seen[pair] {
			v.fail(path, "the pair is given twice")
		}
		seen[pair] = true
	}
	for category, level := range c.Accept {
		v.onScale("/criteria/accept/"+escape(category), c.Levels, level)
	}
	if len(v.errs) == 0 {
		v.matrix()
	}
}

func (v *validator) scale(path string, scale []Scale) {
	for i, s := range scale {
		at := fmt.Sprintf("%s/%d/id", path, i)
		v.id(at, s.ID)
		if slices.ContainsFunc(scale[:i], func(o Scale) bool { return o.ID == s.ID }) {
			v.fail(at, "given twice")
		}
	}
}

func (v *validator) onScale(path string, scale []Scale, id string) {
	if _, ok := at(scale, id); !ok {
		v.fail(path, "not on the scale: "+quote(id))
	}
}

// matrix checks that every pair has a level and that levels do not fall.
func (v *validator) matrix() {
	c := &v.a.Criteria
	below := make([]int, len(c.Consequence))
	for _, l := range c.Likelihood {
		left := 0
		for j, s := range c.Consequence {
			level, ok := c.level(Rating{Likelihood: l.ID, Consequence: s.ID})
			if !ok {
				v.failf("/criteria/matrix", "lacks the pair %s, %s", l.ID, s.ID)
				return
			}
			if level < left || level < below[j] {
				v.failf("/criteria/matrix", "%s, %s has a lower level than a smaller pair", l.ID, s.ID)
				return
			}
			left, below[j] = level, level
		}
	}
}

func (v *validator) risk(path string, r *Risk) {
	v.ref(path+"/owner", r.Owner, aParty)
	v.refs(path+"/assets", r.Assets, anAsset)
	v.refs(path+"/parties", r.Parties, aParty)
	v.refs(path+"/constraints", r.Constraints, aConstraint)
	v.refs(path+"/treatment/controls", r.Treatment.Controls, aControl)
	if r.Source != "" {
		v.ref(path+"/source", r.Source, aSource)
	}
	if r.UseCase != "" {
		v.ref(path+"/use_case", r.UseCase, aUseCase)
	}
	if _, ok := v.a.Criteria.Accept[r.Category]; !ok {
		v.fail(path+"/category", "criteria do not say what is accepted of "+quote(r.Category))
	}
	v.rating(path+"/inherent", r.Inherent)
	v.rating(path+"/residual", r.Residual)
	v.treatment(path+"/treatment", &r.Treatment)
	v.levels(path, r)
}

func (v *validator) rating(path string, r Rating) {
	v.onScale(path+"/likelihood", v.a.Criteria.Likelihood, r.Likelihood)
	v.onScale(path+"/consequence", v.a.Criteria.Consequence, r.Consequence)
	if r.Confidence != "" && !slices.Contains([]string{"low", "medium", "high"}, r.Confidence) {
		v.fail(path+"/confidence", "unknown value "+quote(r.Confidence))
	}
}

func (v *validator) treatment(path string, t *Treatment) {
	for i, action := range t.Actions {
		v.ref(fmt.Sprintf("%s/actions/%d/owner", path, i), action.Owner, aParty)
	}
	if len(t.Controls) > 0 && len(t.Options) == 0 {
		v.fail(path+"/options", "controls without an option")
	}
	for i, o := range t.Options {
		at := fmt.Sprintf("%s/options/%d", path, i)
		switch {
		case slices.Contains(t.Options[:i], o):
			v.fail(at, "given twice")
		case (o == ChangeLikelihood || o == ChangeConsequence) && len(t.Controls) == 0:
			v.failf(at, "%s needs a control", o)
		case o == RemoveSource && len(t.Controls) == 0 && t.Justification == "":
			v.failf(at, "%s needs a control or a justification", o)
		case o.justified() && t.Justification == "":
			v.failf(at, "%s needs a justification", o)
		case o.deferred() && len(t.Actions) == 0:
			v.failf(at, "%s needs an action with a date", o)
		}
	}
}

// levels compares what a risk is, what remains of it and what is accepted.
func (v *validator) levels(path string, r *Risk) {
	before, ok1 := v.a.Criteria.level(r.Inherent)
	after, ok2 := v.a.Criteria.level(r.Residual)
	if !ok1 || !ok2 {
		return // told already
	}
	options := r.Treatment.Options
	if !v.a.Acceptable(r.Category, r.Inherent) && len(options) == 0 {
		v.failf(path+"/treatment/options", "level %s is above what %s accepts and needs a treatment", v.a.Level(r.Inherent), r.Category)
	}
	if after < before && !slices.ContainsFunc(options, Option.lowers) {
		v.fail(path+"/residual", "lower than before, but no option lowers it")
	}
	if after > before && !slices.Contains(options, TakeOrIncrease) {
		v.fail(path+"/residual", "higher than before without "+string(TakeOrIncrease))
	}
	if !v.a.Acceptable(r.Category, r.Residual) && !v.a.accepted(r.ID) && !slices.ContainsFunc(options, Option.deferred) {
		v.failf(path+"/residual", "level %s is above what %s accepts and needs a decision to accept it", v.a.Level(r.Residual), r.Category)
	}
}
