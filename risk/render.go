package risk

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/iot-device-baseline/baseline/clause"
)

// ParseStatement reads the JSON of a [Statement], as encoding/json writes it. It
// refuses, with errors as [Parse] gives them, what is not well formed, lacks or
// repeats a row, says that a row passes which by its status does not, or names a
// composition that is not of its features. It does not derive again: whoever
// needs to know that a statement follows from an assessment calls [Derive].
func ParseStatement(data []byte) (*Statement, error) {
	st := new(Statement)
	if err := decode(data, st, 8*MaxBytes, 8*maxItems); err != nil {
		return nil, err
	}
	c := &checker{}
	if st.Format != Format {
		c.failf("/format", "%d, want %d", st.Format, Format)
		return nil, c.err()
	}
	c.walk("", reflect.ValueOf(*st), false)
	if st.Composition != clause.Digest(st.Features) {
		c.fail("/composition", "not the digest of the features")
	}
	c.rows(st.Rows)
	if err := c.err(); err != nil {
		return nil, err
	}
	return st, nil
}

func (c *checker) rows(rows []Row) {
	next := 0
	for id := range clause.All() {
		if !id.Capability() {
			continue
		}
		path := fmt.Sprintf("/rows/%d", next)
		if next >= len(rows) || rows[next].Clause != id {
			c.failf(path+"/clause", "want the row of %s", id)
			return
		}
		r := rows[next]
		if r.Kind != id.Kind() {
			c.failf(path+"/kind", "%s is a %s", id, id.Kind())
		}
		if r.OK != r.Status.passes(r.Kind == clause.Requirement || r.Necessary) {
			c.failf(path+"/ok", "not what follows from %q", r.Status)
		}
		if name := id.Condition(); (name == "") != (r.Condition == nil) || r.Condition != nil && r.Condition.Name != name {
			c.fail(path+"/condition", "not the condition of the entry")
		}
		next++
	}
	if next < len(rows) {
		c.fail(fmt.Sprintf("/rows/%d", next), "a row too many")
	}
}

// passes is the gate, by status alone.
func (s Status) passes(binding bool) bool {
	switch s {
	case IncludedUnproven, DelegatedUnproven:
		return !binding
	case NotApplicable, IncludedProven, IncludedAttested, Additional, DelegatedShown, Excluded, NotAdopted, Alternative:
		return true
	default:
		return false
	}
}

// WriteText writes the statement as a table for people: every requirement, and
// of the other entries those that are needed, composed or left out with a
// reason. A line that the gate does not let pass begins with "!".
func (st *Statement) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "statement of applicability, ISO/IEC 27402:2023 5.2\n")
	fmt.Fprintf(&b, "assessment   %s %s, state %.16s\n", st.Assessment, st.Version, st.State)
	fmt.Fprintf(&b, "products     %s\n", strings.Join(st.Products, ", "))
	fmt.Fprintf(&b, "composition  %.16s, %d features\n\n", st.Composition, len(st.Features))
	unused := map[clause.Kind]int{}
	told := ""
	for _, r := range st.Rows {
		if r.Kind != clause.Requirement && !r.Necessary && (r.Status == NotAdopted || r.Status == NotApplicable) {
			unused[r.Kind]++
			continue
		}
		r.write(&b, told)
		told = r.Justification
	}
	fmt.Fprintf(&b, "\nnot adopted or not applicable: %d recommendations, %d items of information\n",
		unused[clause.Recommendation], unused[clause.Information])
	for _, m := range st.Missing {
		fmt.Fprintf(&b, "! feature %s is missing: %s\n", m.Feature, m.Drivers)
	}
	if n := len(st.Failures()); n > 0 {
		fmt.Fprintf(&b, "gate: fails, %d lines marked !\n", n)
	} else {
		fmt.Fprintf(&b, "gate: passes\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// write leaves out the justification when the row before it told the same.
func (r Row) write(b *strings.Builder, told string) {
	mark := " "
	if !r.OK {
		mark = "!"
	}
	by := strings.Join(r.Features, ", ")
	if by == "" && r.Responsibility != "" {
		by = string(r.Responsibility)
	}
	line := fmt.Sprintf("%s %-14s %-14s %-24s %-28s %s", mark, r.Clause, r.Kind, r.Status, by, strings.Join(r.Drivers.Risks, " "))
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	if r.Justification != "" && r.Justification != told {
		fmt.Fprintf(b, "  %-14s %s\n", "", r.Justification)
	}
}
