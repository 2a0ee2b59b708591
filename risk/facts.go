package risk

import "github.com/iot-device-baseline/baseline/clause"

// Truth is whether a condition holds.
type Truth string

// The truths. An entry without condition has [Holds].
const (
	Unknown     Truth = "unknown"
	Holds       Truth = "true"
	DoesNotHold Truth = "false"
)

// Facts are what decides about one entry of 5.2.
type Facts struct {
	Kind      clause.Kind
	Condition Truth
	Necessary bool // a treated risk or a standard needs it
	Composed  bool // a composed feature answers it
	Justified bool // an exclusion with a valid reason names it
	Delegated bool // somebody else answers for it
	Evidence  Result
}

// Status is what a statement says about one entry.
type Status string

// The statuses.
const (
	Undetermined          Status = "undetermined"            // nobody said whether the condition holds
	ContradictionComposed Status = "contradiction: composed" // the condition is denied, the capability composed
	ContradictionNeeded   Status = "contradiction: needed"   // the condition is denied, a risk needs the entry
	NotApplicable         Status = "not applicable"          // the condition does not hold
	ClaimedButFails       Status = "claimed but fails"       // composed, and a test of it fails
	IncludedProven        Status = "included, proven"        // composed, and a test passed
	IncludedAttested      Status = "included, attested"      // composed, and somebody vouches for it
	IncludedUnproven      Status = "included, unproven"      // composed, no evidence
	Additional            Status = "additional"              // composed and shown, nobody needs it
	DelegatedShown        Status = "delegated"               // somebody else's, with evidence
	DelegatedUnproven     Status = "delegated, unproven"     // somebody else's, evidence missing or failing
	ContradictionExcluded Status = "contradiction: excluded" // left out although a risk needs it
	Gap                   Status = "gap"                     // needed and missing
	Excluded              Status = "excluded"                // left out with a reason that users are told
	Unjustified           Status = "unjustified exclusion"   // a requirement is missing without reason
	NotAdopted            Status = "not adopted"             // a recommendation or information that nobody needs
	Alternative           Status = "alternative chosen"      // another member of its group is included
)

// Decide returns the status of an entry and whether the gate lets it pass. It
// is one table over all combinations of facts, with three properties: no
// requirement is left out in silence, no needed entry is missing without
// failure, no failing evidence is accepted. It knows nothing of groups of
// alternatives, so it never returns [Alternative]; see [Derive].
func (f Facts) Decide() (Status, bool) {
	binding := f.Kind == clause.Requirement || f.Necessary
	switch {
	case f.Condition == DoesNotHold:
		return f.denied()
	case f.Condition != Holds:
		return Undetermined, false
	case f.Composed:
		return f.included(binding)
	case f.Delegated && (f.Evidence == Pass || f.Evidence == Attested):
		return DelegatedShown, true
	case f.Delegated:
		return DelegatedUnproven, !binding
	default:
		return f.absent()
	}
}

func (f Facts) denied() (Status, bool) {
	switch {
	case f.Composed:
		return ContradictionComposed, false
	case f.Necessary:
		return ContradictionNeeded, false
	default:
		return NotApplicable, true
	}
}

func (f Facts) included(binding bool) (Status, bool) {
	switch {
	case f.Evidence == Fail:
		return ClaimedButFails, false
	case f.Evidence != Pass && f.Evidence != Attested:
		return IncludedUnproven, !binding
	case !binding:
		return Additional, true
	case f.Evidence == Attested:
		return IncludedAttested, true
	default:
		return IncludedProven, true
	}
}

func (f Facts) absent() (Status, bool) {
	switch {
	case f.Necessary && f.Justified:
		return ContradictionExcluded, false
	case f.Necessary:
		return Gap, false
	case f.Justified:
		return Excluded, true
	case f.Kind == clause.Requirement:
		return Unjustified, false
	default:
		return NotAdopted, true
	}
}
