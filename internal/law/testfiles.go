package law

import (
	"go/ast"
	"slices"
)

// sleepsAndSkips goes by names, since tests are not type-checked. Sleeping is
// free inside a function literal given to synctest.Test, where it takes no time.
func sleepsAndSkips(r *report, p *Package, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		x, method := selector(call.Fun)
		switch {
		case x == "synctest" && method == "Test":
			return false
		case x == "time" && method == "Sleep":
			r.at(p, call.Pos(), "time.Sleep in a test: use testing/synctest or a channel")
		case slices.Contains([]string{"t", "b", "f", "tb"}, x) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, method):
			r.at(p, call.Pos(), "%s.%s: a test that does not run shows nothing", x, method)
		}
		return true
	})
}

// selector splits "x.name"; both are "" for anything else.
func selector(e ast.Expr) (x, name string) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return id.Name, sel.Sel.Name
}
