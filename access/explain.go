package access

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Explain says in one line each what role may do, its inherited grants too, and
// nothing for a role that the policy does not have.
func (p *Policy) Explain(role string) []string {
	bit, ok := p.index[role]
	if !ok {
		return nil
	}
	var out []string
	for i, g := range p.grants {
		if g.holders>>bit&1 == 0 {
			continue
		}
		line := fmt.Sprintf("%s (grant %d", g, i)
		if g.Role != role {
			line += ", inherited from " + g.Role
		}
		out = append(out, line+")")
	}
	return out
}

// Matrix is which role may do what, for documents and reviews.
type Matrix struct {
	Roles []string
	Rows  []MatrixRow
}

// MatrixRow is one permission. Cells has one entry per role: "" for no, else
// the resources, with the limits of the grants.
type MatrixRow struct {
	Permission Permission
	Cells      []string
}

// Matrix returns every permission, also those that nobody holds, by every role.
func (p *Policy) Matrix() Matrix {
	var m Matrix
	for _, r := range p.roles {
		m.Roles = append(m.Roles, r.Name)
	}
	for _, info := range p.infos {
		row := MatrixRow{Permission: info.Name, Cells: make([]string, len(p.roles))}
		for bit := range p.roles {
			row.Cells[bit] = p.cellText(info.Name, bit)
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func (p *Policy) cellText(name Permission, bit int) string {
	var parts []string
	for _, g := range p.grants {
		if g.holders>>bit&1 != 0 && slices.Contains(g.perms, name) {
			_, on, _ := strings.Cut(g.String(), " on ")
			parts = append(parts, on)
		}
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "; ")
}

// WriteText writes m as a table, "-" for no.
func (m Matrix) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(first string, cells []string) {
		for _, c := range cells {
			if c == "" {
				c = "-"
			}
			first += "\t" + c
		}
		fmt.Fprintln(tw, first)
	}
	line("permission", m.Roles)
	for _, r := range m.Rows {
		line(string(r.Permission), r.Cells)
	}
	return tw.Flush()
}

// Roles returns the roles of the policy, as given.
func (p *Policy) Roles() []Role { return slices.Clone(p.roles) }

// Permissions returns the vocabulary that the policy was compiled with.
func (p *Policy) Permissions() []PermissionInfo { return slices.Clone(p.infos) }
