package baselinetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	Pass          Outcome = "pass"
	Fail          Outcome = "fail"
	NotApplicable Outcome = "not applicable" // the statement says so
	Inconclusive  Outcome = "inconclusive"   // it could not be tried: never a pass
)

// Result is how a case ended, and what was seen on the way.
type Result struct {
	Case    string         `json:"case"` // "UPD-03": of clause/catalogue
	Name    string         `json:"name"`
	Outcome Outcome        `json:"outcome"`
	Detail  string         `json:"detail,omitempty"` // why, unless it passed
	Steps   []string       `json:"steps,omitempty"`
	Clauses []clause.ID    `json:"clauses"`
	Shown   *risk.Evidence `json:"evidence,omitempty"` // nil: it is evidence of nothing in 5.2
}

// unclearError leaves a case undecided.
type unclearError struct{ cause error }

func (e *unclearError) Error() string { return e.cause.Error() }
func (e *unclearError) Unwrap() error { return e.cause }

// unclearf says that a case cannot be decided.
func unclearf(format string, args ...any) error {
	return &unclearError{fmt.Errorf(format, args...)}
}

// unclear is unclearf for an error of a hook; nil stays nil.
func unclear(what string, err error) error {
	if err == nil {
		return nil
	}
	return unclearf("%s: %w", what, err)
}

// outcome of what a case returned. A failure outweighs what was unclear beside it.
func outcome(err error) Outcome {
	var u *unclearError
	switch {
	case err == nil:
		return Pass
	case errors.As(err, &u):
		return Inconclusive
	default:
		return Fail
	}
}

// trial is one case being tried.
type trial struct {
	h     *Harness
	steps []string
	open  *Device // the one to close at the end
	doubt error   // of the first try that failed and was not refused
}

// stepf notes what was seen.
func (x *trial) stepf(format string, args ...any) {
	x.steps = append(x.steps, clip(fmt.Sprintf(format, args...)))
}

// refused wants err to be a refusal, as is tells. What could not be tried now, such as
// for a server that does not answer, was not refused: the case cannot pass any more, but
// goes on, since what follows may show more.
func (x *trial) refused(what string, err error, is func(error) bool) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s: accepted", what)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unclearf("%s: no answer: %w", what, err)
	case !is(err):
		if x.doubt == nil {
			x.doubt = unclearf("%s: failed, which is no refusal: %w", what, err)
		}
		return nil
	}
	x.stepf("%s: refused: %v", what, err)
	return nil
}

// denied is the refusal of who may not.
func denied(err error) bool { return errors.Is(err, access.ErrDenied) }

// maxText bounds what a result quotes of a device.
const maxText = 500

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + "..."
}
