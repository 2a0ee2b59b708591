package baselinetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/clause/catalogue"
	"github.com/iot-device-baseline/baseline/risk"
)

// Report is what a run found.
type Report struct {
	Composition string // clause.Digest of the composed features
	Results     []Result
	// Statement is derived with the evidence of this run.
	Statement *risk.Statement
	// Unproven are the entries that the assessment needs, or the standard requires,
	// that somebody answers for, and that nothing shows.
	Unproven []Entry
	// Partly are the entries that a case has shown and that other cases of the
	// catalogue would show, too.
	Partly []Entry
}

// Entry is an entry of the standard and the cases of the catalogue about it that did
// not run.
type Entry struct {
	Clause clause.ID `json:"clause"`
	Cases  []string  `json:"cases,omitempty"`
}

// String is one line for people.
func (e Entry) String() string {
	s := "27402 " + e.Clause.String() + " " + e.Clause.Title()
	if len(e.Cases) > 0 {
		s += ": not run " + strings.Join(e.Cases, " ")
	}
	return s
}

// Evidence returns what was shown, for risk.Derive.
func (r *Report) Evidence() []risk.Evidence {
	var out []risk.Evidence
	for _, res := range r.Results {
		if res.Shown != nil {
			out = append(out, *res.Shown)
		}
	}
	return out
}

// Count returns how many cases ended so.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, res := range r.Results {
		if res.Outcome == o {
			n++
		}
	}
	return n
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, res := range r.Results {
		fmt.Fprintf(&b, "%-14s %-6s %s\n", res.Outcome, res.Case, res.Name)
		if res.Detail != "" {
			fmt.Fprintf(&b, "%-14s %s\n", "", res.Detail)
		}
	}
	for _, e := range r.Partly {
		fmt.Fprintf(&b, "partly: %s\n", e)
	}
	for _, e := range r.Unproven {
		fmt.Fprintf(&b, "unproven: %s\n", e)
	}
	fmt.Fprintf(&b, "baselinetest: cases=%d pass=%d fail=%d inconclusive=%d not-applicable=%d unproven=%d\n", len(r.Results),
		r.Count(Pass), r.Count(Fail), r.Count(Inconclusive), r.Count(NotApplicable), len(r.Unproven))
	_, err := io.WriteString(w, b.String())
	return err
}

// Check tries the cases, all of [Cases] when none is given, one after the other, each
// on a new device. An error is about the harness or the log, not about the device.
func Check(ctx context.Context, h Harness, cases ...Case) (*Report, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		cases = Cases()
	}
	features, err := h.features(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Composition: clause.Digest(features)}
	st := risk.Derive(h.Assessment, features, nil)
	for _, c := range cases {
		r.Results = append(r.Results, c.run(ctx, &h, st))
	}
	r.Statement = risk.Derive(h.Assessment, features, r.Evidence())
	if err := r.unproven(); err != nil {
		return nil, err
	}
	return r, r.writeLog(h.Log)
}

// features opens a device to see what is composed.
func (h *Harness) features(ctx context.Context) ([]clause.Feature, error) {
	d, err := h.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("baselinetest: open: %w", err)
	}
	if d == nil || d.Running == nil {
		return nil, errors.New("baselinetest: open: no running device")
	}
	return d.Running.Features(), h.Close(d)
}

// unproven sorts the entries of the statement by what shows them.
func (r *Report) unproven() error {
	all, err := catalogue.Cases()
	if err != nil {
		return err
	}
	for _, row := range r.Statement.Rows {
		e := Entry{Clause: row.Clause}
		for _, c := range all {
			if slices.Contains(c.Clauses, row.Clause) && !r.passed(c.ID) {
				e.Cases = append(e.Cases, c.ID)
			}
		}
		unproven := row.Status == risk.IncludedUnproven || row.Status == risk.DelegatedUnproven
		switch {
		case unproven && !row.OK:
			r.Unproven = append(r.Unproven, e)
		case len(e.Cases) > 0 && r.shows(row.Clause):
			r.Partly = append(r.Partly, e)
		}
	}
	return nil
}

func (r *Report) passed(id string) bool {
	return slices.ContainsFunc(r.Results, func(res Result) bool { return res.Case == id && res.Outcome == Pass })
}

func (r *Report) shows(id clause.ID) bool {
	return slices.ContainsFunc(r.Results, func(res Result) bool {
		return res.Outcome == Pass && res.Shown != nil && slices.Contains(res.Shown.Clauses, id)
	})
}

// run tries a case, or says why not.
func (c *Case) run(ctx context.Context, h *Harness, st *risk.Statement) Result {
	res := Result{Case: c.ID, Name: c.Name, Clauses: c.Clauses}
	x := &trial{h: h}
	applies, err := c.ready(ctx, x, st)
	switch {
	case err != nil:
	case !applies:
		res.Outcome = NotApplicable
		return res
	default:
		if err = c.try(ctx, x); err == nil {
			err = x.doubt
		}
	}
	if closing := x.close(); err == nil {
		err = closing
	}
	res.Outcome, res.Steps = outcome(err), x.steps
	if err != nil {
		res.Detail = clip(err.Error())
	}
	res.Shown = c.evidence(h, st, res.Outcome)
	return res
}

// ready compares what the statement says with what is composed and what the harness
// reaches. A case is not applicable only if all three agree.
func (c *Case) ready(ctx context.Context, x *trial, st *risk.Statement) (bool, error) {
	d, err := x.h.Open(ctx)
	if err != nil {
		return false, unclear("open the device", err)
	}
	composed, hooked := c.part == nil || c.part(&d.Parts), c.hook == nil || c.hook(x.h)
	digest := clause.Digest(d.Running.Features())
	if err := x.h.Close(d); err != nil {
		return false, unclear("close the device", err)
	}
	applies := c.applies(st)
	switch {
	case digest != st.Composition:
		return false, errors.New("two devices of the harness are composed differently")
	case applies && !composed:
		return false, errors.New("the statement says that it applies, and nothing is composed for it")
	case applies && !hooked:
		return false, errors.New("the statement says that it applies, and the harness does not reach it")
	case !applies && c.hook != nil && hooked:
		return false, errors.New("the statement says that it does not apply, and the harness reaches it")
	}
	return applies, nil
}

// evidence is nil for what shows nothing: neither is an inconclusive case evidence,
// nor one that is about the process.
func (c *Case) evidence(h *Harness, st *risk.Statement, o Outcome) *risk.Evidence {
	e := &risk.Evidence{ID: c.ID, By: h.By, At: h.At, Composition: st.Composition}
	if e.By == "" {
		e.By = "baselinetest"
	}
	if e.At == "" {
		e.At = risk.Date(time.Now().UTC().Format(time.DateOnly))
	}
	ids := capabilities(c.Clauses)
	switch o {
	case Pass:
		e.Result, e.Clauses = risk.Pass, included(st, ids)
	case Fail:
		e.Result, e.Clauses = risk.Fail, ids
	}
	if len(e.Clauses) == 0 {
		return nil
	}
	return e
}
