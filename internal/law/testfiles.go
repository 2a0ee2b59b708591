package law

import (
	"go/ast"
	"go/types"
	"slices"
)

// sleepsAndSkips goes by types, whatever a variable is called. Where a type is not
// known, because it comes from what only tests import, the name of the method
// decides. Sleeping is free inside a function literal given to synctest.Test,
// where it takes no time.
func sleepsAndSkips(r *report, p *Package, f *ast.File) {
	info := p.TestInfo
	asleep := fakeTime(info, f)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if fullName(info.Uses[n]) == "time.Sleep" && !asleep[n] {
				r.at(p, n.Pos(), "time.Sleep in a test: use testing/synctest or a channel")
			}
		case *ast.SelectorExpr:
			if slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, n.Sel.Name) && ofTesting(info, n) {
				r.at(p, n.Pos(), "%s: a test that does not run shows nothing", types.ExprString(n))
			}
		}
		return true
	})
}

// fakeTime gives the names inside calls of synctest.Test.
func fakeTime(info *types.Info, f *ast.File) map[*ast.Ident]bool {
	inside := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Test" || packageOf(info, sel.X) != "testing/synctest" {
			return true
		}
		ast.Inspect(call, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				inside[id] = true
			}
			return true
		})
		return false
	})
	return inside
}

// packageOf gives the path of the package that e names, or "".
func packageOf(info *types.Info, e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		if name, ok := info.Uses[id].(*types.PkgName); ok {
			return name.Imported().Path()
		}
	}
	return ""
}

// ofTesting reports whether a method is one of package testing, or may be.
func ofTesting(info *types.Info, sel *ast.SelectorExpr) bool {
	if obj := info.Uses[sel.Sel]; obj != nil {
		return obj.Pkg() != nil && obj.Pkg().Path() == "testing"
	}
	return packageOf(info, sel.X) == ""
}
