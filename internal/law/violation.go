package law

import (
	"cmp"
	"fmt"
	"go/token"
	"path/filepath"
	"slices"
)

// A Violation is one place that breaks a law.
type Violation struct {
	Law     string // short name of the law
	Package string // path relative to the module, "." for its root
	Pos     string // file:line, or "" where a whole package breaks the law
	Text    string // what is wrong, and what to do instead
}

// String gives one line.
func (v Violation) String() string {
	if v.Pos == "" {
		return fmt.Sprintf("%s: %s: %s", v.Law, v.Package, v.Text)
	}
	return fmt.Sprintf("%s: %s: %s", v.Law, v.Pos, v.Text)
}

// report collects the violations of one law.
type report struct {
	law  string
	tree *Tree
	list []Violation
}

func (r *report) pkg(p *Package, format string, args ...any) {
	r.list = append(r.list, Violation{r.law, p.Path, "", fmt.Sprintf(format, args...)})
}

func (r *report) at(p *Package, pos token.Pos, format string, args ...any) {
	where := r.tree.fset.Position(pos)
	name := filepath.ToSlash(filepath.Join(p.Path, filepath.Base(where.Filename)))
	r.list = append(r.list, Violation{r.law, p.Path, fmt.Sprintf("%s:%d", name, where.Line), fmt.Sprintf(format, args...)})
}

func (r *report) sorted() []Violation {
	slices.SortStableFunc(r.list, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(r.list)
}
