package risk

import (
	"time"

	"github.com/iot-device-baseline/baseline/clause"
)

// Risk is one risk with its treatment. Levels are computed, never written.
type Risk struct {
	ID          string    `json:"id"`
	Statement   string    `json:"statement"`
	Category    string    `json:"category"`         // a key of Criteria.Accept
	Source      string    `json:"source,omitempty"` // id of a [Source]
	UseCase     string    `json:"use_case,omitempty"`
	Assets      []string  `json:"assets"`
	Parties     []string  `json:"parties,omitempty"`
	Constraints []string  `json:"constraints,omitempty"`
	Owner       string    `json:"owner"` // id of a [Party]
	Inherent    Rating    `json:"inherent"`
	Residual    Rating    `json:"residual"` // after treatment
	Treatment   Treatment `json:"treatment"`
}

// Rating is how likely and how grave a risk is, by scale ids.
type Rating struct {
	Likelihood  string `json:"likelihood"`
	Consequence string `json:"consequence"`
	Rationale   string `json:"rationale,omitempty"`
	Confidence  string `json:"confidence,omitempty"` // strength of knowledge: "low", "medium", "high"
}

// Treatment is what is done about a risk (5.1.1.1.5 b, Annex A.5).
type Treatment struct {
	Options       []Option `json:"options,omitempty"`
	Controls      []string `json:"controls,omitempty"`
	Actions       []Action `json:"actions,omitempty"`
	Justification string   `json:"justification,omitempty"`
}

// Option is a way to treat a risk: those of ISO 31000, 6.5.2, and of Annex A.5.
type Option string

// The options. Likelihood and consequence are changed by controls; avoiding,
// sharing, keeping and taking a risk is justified; the last two put a decision
// off and need an action with a date.
const (
	Avoid                Option = "avoid"
	RemoveSource         Option = "remove-source"
	ChangeLikelihood     Option = "change-likelihood"
	ChangeConsequence    Option = "change-consequence"
	Share                Option = "share"
	Retain               Option = "retain"
	TakeOrIncrease       Option = "take-or-increase"
	AnalyseFurther       Option = "analyse-further"
	ReconsiderObjectives Option = "reconsider-objectives"
)

// Action is a step of the treatment plan (5.1.1.1.5 h).
type Action struct {
	What  string `json:"what"`
	Owner string `json:"owner"` // id of a [Party]
	Due   Date   `json:"due"`
	Done  bool   `json:"done,omitempty"`
}

// Declaration states whether a condition of the standard holds for the device.
// A condition that a composed feature answers holds without declaration;
// declaring that it does not is then a contradiction.
type Declaration struct {
	Condition clause.Condition `json:"condition"`
	Holds     bool             `json:"holds"`
	Rationale string           `json:"rationale"`
}

// Exclusion leaves entries of 5.2 out, with a reason (5.1.1.1.5 f).
type Exclusion struct {
	Clauses []clause.ID `json:"clauses"`
	Reason  Reason      `json:"reason"`
	Text    string      `json:"text"`              // as users are told (27402 5.1.2.1.1)
	Refs    []string    `json:"refs,omitempty"`    // ids that the reason rests on
	By      string      `json:"by"`                // id of a [Party]
	Expires Date        `json:"expires,omitempty"` // "" is never
}

// Reason is why an entry is left out.
type Reason string

// The reasons, each with what its Refs must name.
const (
	ConditionNotMet     Reason = "condition-not-met"    // a declared condition that does not hold and that every clause depends on
	RiskAcceptable      Reason = "risk-acceptable"      // a risk whose residual level is accepted
	ConstraintPrevents  Reason = "constraint"           // a constraint
	CompensatingControl Reason = "compensating-control" // a control
	EnvironmentProvides Reason = "environment-provides" // an item of the environment and a user control
	SafetyConflict      Reason = "safety-conflict"      // a risk
	LegalConflict       Reason = "legal-conflict"       // a standard
)

// Delegation says that somebody else answers for entries of 5.2.
type Delegation struct {
	Clauses []clause.ID    `json:"clauses"`
	To      Responsibility `json:"to"`
	Text    string         `json:"text"`
}

// Responsibility is who answers for an entry.
type Responsibility string

// The responsibilities. A composed entry is the device's own software's.
const (
	Composed      Responsibility = "composition"
	Platform      Responsibility = "platform" // hardware, boot chain, operating system
	ProductCode   Responsibility = "product-code"
	VendorProcess Responsibility = "vendor-process"
	UserDuty      Responsibility = "user"
)

// Evidence is the outcome of a test, or somebody's word, about entries of 5.2.
type Evidence struct {
	ID      string      `json:"id"` // of the test case or document
	Clauses []clause.ID `json:"clauses"`
	Result  Result      `json:"result"` // pass, fail or attested
	By      string      `json:"by"`
	At      Date        `json:"at"`
	Expires Date        `json:"expires,omitempty"` // "" is never
	// Composition is the [clause.Digest] of the features it was made for. For an
	// entry that is composed, evidence made for another composition is none.
	Composition string `json:"composition,omitempty"`
}

// Result is the outcome of a piece of [Evidence]. The zero value is none.
type Result string

// The results.
const (
	NoEvidence Result = ""
	Pass       Result = "pass"
	Fail       Result = "fail"
	Attested   Result = "attested"
)

// Decision is a risk owner's (5.1.1.1.5 i). It is bound to the state of the
// assessment; see [Assessment.Hash].
type Decision struct {
	ID      string       `json:"id"`
	Kind    DecisionKind `json:"kind"`
	Risks   []string     `json:"risks,omitempty"` // accept-residual names at least one
	By      string       `json:"by"`              // id of a [Party]
	At      Date         `json:"at"`
	Expires Date         `json:"expires,omitempty"` // "" is never
	State   string       `json:"state"`             // [Assessment.Hash] of what was decided about
	Notes   string       `json:"notes,omitempty"`
}

// DecisionKind says what was decided. Approving the plan and accepting what
// remains are two things.
type DecisionKind string

// The kinds of decisions.
const (
	Inform         DecisionKind = "inform"
	ApprovePlan    DecisionKind = "approve-plan"
	AcceptResidual DecisionKind = "accept-residual"
)

// Review is a look back (Annex A.6, A.7).
type Review struct {
	At      Date   `json:"at"`
	Trigger string `json:"trigger"`
	Outcome string `json:"outcome"`
	Next    Date   `json:"next"`
}

// Date is a day, "2027-04-30", in UTC. "" is no day.
type Date string

// Time returns the start of the day. ok is false for no day and for a text that
// is none.
func (d Date) Time() (t time.Time, ok bool) {
	t, err := time.Parse(time.DateOnly, string(d))
	return t, err == nil
}

// past reports whether the day is over at t; no day never is.
func (d Date) past(t time.Time) bool {
	day, ok := d.Time()
	return ok && !t.Before(day.AddDate(0, 0, 1))
}
