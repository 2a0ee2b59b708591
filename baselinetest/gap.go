package baselinetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// fieldOf is the field of baseline.Parts that answers an area.
var fieldOf = map[clause.Area]string{
	clause.AreaConfig: "Configurer", clause.AreaReset: "Resetter", clause.AreaErase: "Eraser", clause.AreaProtect: "Protector",
	clause.AreaAccess: "Accessor", clause.AreaUpdate: "Updater", clause.AreaNotify: "Notifier",
}

// refusesOnGap: DOC-01. Each capability that the assessment needs is left out in turn.
func refusesOnGap(ctx context.Context, x *trial) error {
	d, err := x.fresh(ctx)
	if err != nil {
		return err
	}
	if drift := d.Running.Drift(); len(drift) > 0 {
		return fmt.Errorf("the composition is not that of its statement: %s", strings.Join(drift, "; "))
	}
	if err := accepted(x.h.Assessment, d.Parts); err != nil {
		return fmt.Errorf("the whole composition is refused: %w", err)
	}
	needed := neededFields(x.h.Assessment)
	if len(needed) == 0 {
		return unclearf("the assessment needs no capability of the composition")
	}
	for _, field := range needed {
		if err := x.leaveOut(d.Parts, field); err != nil {
			return err
		}
	}
	return nil
}

// accepted composes parts against a statement that is derived for them.
func accepted(a *risk.Assessment, parts baseline.Parts) error {
	_, err := baseline.New(parts, risk.Derive(a, parts.Features(), nil), nil)
	return err
}

// neededFields are the fields that answer what the assessment needs, unless it
// delegates the entry.
func neededFields(a *risk.Assessment) []string {
	delegated := map[clause.ID]bool{}
	for _, g := range a.Delegated {
		for _, id := range g.Clauses {
			delegated[id] = true
		}
	}
	var names []string
	for _, need := range a.Needs() {
		if name := fieldOf[need.Clause.Area()]; need.Feature == "" && name != "" && !delegated[need.Clause] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// leaveOut composes without the part in a field, wherever it stands.
func (x *trial) leaveOut(parts baseline.Parts, field string) error {
	less, had := without(parts, field)
	if !had {
		return fmt.Errorf("the assessment needs a %s, and the device was opened without", field)
	}
	if err := x.drifts(parts, less, field); err != nil {
		return err
	}
	err := accepted(x.h.Assessment, less)
	var missing *baseline.MissingError
	switch {
	case err == nil:
		return x.covered(less, field)
	case !errors.As(err, &missing) || !slices.Contains(missing.Parts(), field):
		return fmt.Errorf("without its %s the device is refused for another reason: %w", field, err)
	}
	x.stepf("without its %s: %v", field, err)
	return nil
}

// drifts wants the statement of the whole composition to know the one without a part.
func (x *trial) drifts(parts, less baseline.Parts, field string) error {
	d, err := baseline.New(less, risk.Derive(x.h.Assessment, parts.Features(), nil), nil)
	if err == nil && len(d.Drift()) == 0 {
		return fmt.Errorf("without its %s the device is as its statement says: the part has no features", field)
	}
	return nil
}

// covered wants what the part did to be done by another capability, as a vault may
// erase and protect. A part in Extra that claims it only hides the gap.
func (x *trial) covered(less baseline.Parts, field string) error {
	all := less.Features()
	less.Extra = nil
	capabilities := less.Features()
	for _, need := range x.h.Assessment.Needs() {
		by := clause.Answering(all, need.Clause)
		if fieldOf[need.Clause.Area()] != field || len(by) == 0 || len(clause.Answering(capabilities, need.Clause)) > 0 {
			continue
		}
		return fmt.Errorf("without its %s the device is accepted: feature %s, of no capability, claims 27402 %s", field, by[0].ID, need.Clause)
	}
	x.stepf("without its %s: another capability does what the assessment needs, and the statement has drifted", field)
	return nil
}

// without returns parts without the value in a field, also where it stands again.
func without(parts baseline.Parts, field string) (baseline.Parts, bool) {
	v := reflect.ValueOf(&parts).Elem()
	gone := v.FieldByName(field)
	if gone.IsNil() {
		return parts, false
	}
	out, _ := reflect.TypeAssert[baseline.Part](gone)
	for _, name := range fieldOf {
		f := v.FieldByName(name)
		if p, ok := reflect.TypeAssert[baseline.Part](f); ok && (name == field || same(p, out)) {
			f.SetZero()
		}
	}
	parts.Extra = slices.DeleteFunc(slices.Clone(parts.Extra), func(p baseline.Part) bool { return same(p, out) })
	return parts, true
}

func same(a, b baseline.Part) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
