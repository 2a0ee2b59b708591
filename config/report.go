package config

import (
	"errors"
	"fmt"
	"strings"
)

// The failures that a caller can act on. Who may not do something gets
// [access.ErrDenied].
var (
	// ErrSchema: a settings type or its tags are wrong; see [SchemaError].
	ErrSchema = errors.New("schema is wrong")
	// ErrInvalid: a document, patch or change breaks a rule; see [ReportError].
	ErrInvalid = errors.New("not valid")
	// ErrInsecure: an insecure choice was not accepted; see [ReportError]. Choose
	// otherwise, or name its path in [Change].AcceptInsecure.
	ErrInsecure = errors.New("insecure choice not accepted")
	// ErrConflict: the settings changed since the given revision. Read again.
	ErrConflict = errors.New("settings have another revision")
	// ErrRefused: an applier refused; see [ApplyError].
	ErrRefused = errors.New("refused by an applier")
	// ErrDamaged: [Settings.Health] only. Stored settings could not be used; the
	// message says what is in force instead. A stored change ends it.
	ErrDamaged = errors.New("stored settings could not be used")
)

// Severity grades a [Finding].
type Severity uint8

// The severities. The zero Severity is none of them.
const (
	Warning  Severity = iota + 1 // worth knowing, never refused
	Insecure                     // refused unless it is explicitly accepted
	Invalid                      // refused
)

// String returns "warning", "insecure", "invalid" or "none".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Insecure:
		return "insecure"
	case Invalid:
		return "invalid"
	}
	return "none"
}

// MarshalText gives the name of s.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding says that a setting breaks a rule. It never holds the setting's value.
type Finding struct {
	Path     string   `json:"path"` // RFC 6901 pointer; "" is the whole document
	Rule     string   `json:"rule"` // the rule that it breaks, or why it is insecure
	Severity Severity `json:"severity"`
}

// String describes the finding in one line.
func (f Finding) String() string {
	if f.Path == "" {
		return f.Severity.String() + ": " + f.Rule
	}
	return f.Severity.String() + ": " + f.Path + ": " + f.Rule
}

// Report holds all findings of a document, in its order, at most [MaxFindings]: of
// more, the gravest.
type Report []Finding

// Has reports whether r holds a finding of severity s.
func (r Report) Has(s Severity) bool {
	for _, f := range r {
		if f.Severity == s {
			return true
		}
	}
	return false
}

// Only returns the findings of severity s.
func (r Report) Only(s Severity) Report {
	var out Report
	for _, f := range r {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

func (r Report) strings() []string {
	out := make([]string, len(r))
	for i, f := range r {
		out[i] = f.String()
	}
	return out
}

// ReportError carries the findings for which something was refused. It is
// [ErrInvalid] if one of them is [Invalid], else [ErrInsecure].
type ReportError struct {
	Report Report

	invalid int // number of Invalid findings, also of those that Report leaves out
}

// Error names the first five findings and the number of the others.
func (e *ReportError) Error() string {
	const shown = 5
	lines := e.Report[:min(len(e.Report), shown)].strings()
	more := ""
	if n := max(len(e.Report), e.invalid) - len(lines); n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return fmt.Sprintf("config: %v: %s%s", e.Unwrap(), strings.Join(lines, "; "), more)
}

// Unwrap returns [ErrInvalid] or [ErrInsecure].
func (e *ReportError) Unwrap() error {
	if e.invalid > 0 || e.Report.Has(Invalid) {
		return ErrInvalid
	}
	return ErrInsecure
}

// invalid is the ReportError for one broken rule.
//
//go:noinline
func invalid(path, rule string) error {
	return &ReportError{Report: Report{{Path: path, Rule: rule, Severity: Invalid}}}
}

// SchemaError says which field of a settings type breaks which rule. It is
// [ErrSchema].
type SchemaError struct {
	Field string // Go name: "Settings.Network.Port"
	Rule  string
}

func (e *SchemaError) Error() string { return "config: schema: " + e.Field + ": " + e.Rule }

// Unwrap returns [ErrSchema].
func (e *SchemaError) Unwrap() error { return ErrSchema }

// ApplyError says which applier refused. It is [ErrRefused].
type ApplyError struct {
	Applier string // its name
	Cause   error  // what it answered
	// Undo tells what failed while the settings before were restored, or is nil:
	// then they are in force.
	Undo error
}

func (e *ApplyError) Error() string {
	text := fmt.Sprintf("config: apply: %s: %v", e.Applier, e.Cause)
	if e.Undo != nil {
		text += fmt.Sprintf("; going back: %v", e.Undo)
	}
	return text
}

// Unwrap returns [ErrRefused] and the applier's own error.
func (e *ApplyError) Unwrap() []error { return []error{ErrRefused, e.Cause} }
