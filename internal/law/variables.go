package law

import (
	"go/ast"
	"go/token"
	"go/types"
)

// reassigned finds what changes a package variable, ours or another package's,
// after its declaration: assignment to it or into it, its address as an argument, a
// method with a pointer receiver on it.
func reassigned(r *report, p *Package, f *ast.File) {
	bad := func(e ast.Expr, how string) {
		if v := packageVar(p.Info, e); v != nil {
			r.at(p, e.Pos(), "%s package variable %s: state belongs into values", how, v.Name())
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					bad(e, "assigns to")
				}
			}
		case *ast.IncDecStmt:
			bad(n.X, "assigns to")
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if e != nil {
						bad(e, "assigns to")
					}
				}
			}
		case *ast.CallExpr:
			changingCall(p, n, bad)
		}
		return true
	})
}

// changingCall finds calls that may change their argument or receiver. An address
// that is stored or returned is let through: so are entries of fixed tables.
func changingCall(p *Package, call *ast.CallExpr, bad func(ast.Expr, string)) {
	for _, arg := range call.Args {
		if u, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && u.Op == token.AND {
			bad(u.X, "hands out the address of")
		}
	}
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		b, ok := p.Info.Uses[fun].(*types.Builtin)
		if ok && (b.Name() == "delete" || b.Name() == "clear" || b.Name() == "copy") {
			bad(call.Args[0], b.Name()+" on")
		}
	case *ast.SelectorExpr:
		sel := p.Info.Selections[fun]
		if sel == nil || sel.Kind() != types.MethodVal || types.IsInterface(sel.Recv()) {
			return
		}
		_, byPointer := sel.Obj().Type().(*types.Signature).Recv().Type().(*types.Pointer)
		_, isPointer := sel.Recv().Underlying().(*types.Pointer)
		if byPointer && !isPointer {
			bad(fun.X, "calls a method with pointer receiver on")
		}
	}
}

// packageVar gives the package variable that an expression lies in, or nil.
func packageVar(info *types.Info, e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return asPackageVar(info.Uses[e])
	case *ast.SelectorExpr:
		if v := asPackageVar(info.Uses[e.Sel]); v != nil {
			return v
		}
		return packageVar(info, e.X)
	case *ast.IndexExpr:
		return packageVar(info, e.X)
	case *ast.SliceExpr:
		return packageVar(info, e.X)
	case *ast.StarExpr:
		return packageVar(info, e.X)
	}
	return nil
}

func asPackageVar(obj types.Object) *types.Var {
	v, ok := obj.(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}
