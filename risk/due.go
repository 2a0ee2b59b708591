package risk

import (
	"fmt"
	"time"
)

// Due returns what has run out at a time, or was decided about another state of
// the assessment: an approval of the plan that is missing or stale, decisions,
// exclusions, evidence and reviews past their date, actions not done. It is for
// the vendor's bench; a device, whose clock may be wrong, has no use for it.
func (a *Assessment) Due(at time.Time) []*FieldError {
	var out []*FieldError
	add := func(rule, format string, args ...any) {
		out = append(out, &FieldError{fmt.Sprintf(format, args...), rule})
	}
	approved := false
	for i, d := range a.Decisions {
		switch {
		case d.Kind != Inform && d.State != a.Hash():
			add("stale: the assessment is now "+a.Hash(), "/decisions/%d/state", i)
		case d.Expires.past(at):
			add("expired", "/decisions/%d/expires", i)
		case d.Kind == ApprovePlan:
			approved = true
		}
	}
	if !approved {
		add("no valid approval of the plan; the assessment is now "+a.Hash(), "/decisions")
	}
	for i, e := range a.Exclusions {
		if e.Expires.past(at) {
			add("expired", "/exclusions/%d/expires", i)
		}
	}
	for i, e := range a.Evidence {
		if e.Expires.past(at) {
			add("expired", "/evidence/%d/expires", i)
		}
	}
	for i, r := range a.Risks {
		for j, action := range r.Treatment.Actions {
			if !action.Done && action.Due.past(at) {
				add("overdue", "/risks/%d/treatment/actions/%d/due", i, j)
			}
		}
	}
	if n := len(a.Reviews); n > 0 && a.Reviews[n-1].Next.past(at) {
		add("overdue", "/reviews/%d/next", n-1)
	}
	return out
}

// Fresh returns the evidence that has not expired at a time. Failing evidence
// does not expire: only a new result replaces it.
func Fresh(evidence []Evidence, at time.Time) []Evidence {
	var out []Evidence
	for _, e := range evidence {
		if e.Result == Fail || !e.Expires.past(at) {
			out = append(out, e)
		}
	}
	return out
}
