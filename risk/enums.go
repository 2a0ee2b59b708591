package risk

import "slices"

func (k ControlKind) known() bool {
	return slices.Contains([]ControlKind{ControlDevice, ControlProcess, ControlEnvironment, ControlUser}, k)
}

func (o Option) known() bool {
	return slices.Contains([]Option{
		Avoid, RemoveSource, ChangeLikelihood, ChangeConsequence, Share, Retain, TakeOrIncrease, AnalyseFurther, ReconsiderObjectives,
	}, o)
}

// justified are the options that need a reason in words.
func (o Option) justified() bool {
	return slices.Contains([]Option{Avoid, Share, Retain, TakeOrIncrease}, o)
}

// deferred are the options that put the decision off.
func (o Option) deferred() bool { return o == AnalyseFurther || o == ReconsiderObjectives }

// lowers are the options that can make a risk smaller.
func (o Option) lowers() bool {
	return slices.Contains([]Option{Avoid, RemoveSource, ChangeLikelihood, ChangeConsequence, Share}, o)
}

func (r Reason) known() bool {
	return slices.Contains([]Reason{
		ConditionNotMet, RiskAcceptable, ConstraintPrevents, CompensatingControl, EnvironmentProvides, SafetyConflict, LegalConflict,
	}, r)
}

func (r Responsibility) known() bool {
	return slices.Contains([]Responsibility{Composed, Platform, ProductCode, VendorProcess, UserDuty}, r)
}

func (r Result) known() bool { return slices.Contains([]Result{Pass, Fail, Attested}, r) }

func (k DecisionKind) known() bool {
	return slices.Contains([]DecisionKind{Inform, ApprovePlan, AcceptResidual}, k)
}

func (t Truth) known() bool { return slices.Contains([]Truth{Unknown, Holds, DoesNotHold}, t) }

func (s Status) known() bool {
	return slices.Contains([]Status{
		Undetermined, ContradictionComposed, ContradictionNeeded, NotApplicable, ClaimedButFails, IncludedProven, IncludedAttested,
		IncludedUnproven, Additional, DelegatedShown, DelegatedUnproven, ContradictionExcluded, Gap, Excluded, Unjustified,
		NotAdopted, Alternative,
	}, s)
}
