package law

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// reassigned finds what changes a package variable, ours or another package's,
// after its declaration: assignment to it or into it, also through a local variable
// that shares its content; its address, unless it is that of an entry of a table; a
// method with a pointer receiver on it; a function that changes its argument.
func reassigned(r *report, p *Package, f *ast.File) {
	shared := map[types.Object]*types.Var{}
	bad := func(e ast.Expr, how string) {
		if id, plain := ast.Unparen(e).(*ast.Ident); plain && (how == assigns || how == hands) && asPackageVar(p.Info.Uses[id]) == nil {
			return // the local variable itself
		}
		v := throughVar(p.Info, shared, e)
		if v != nil && how == method && reference(v.Type()) && !r.owns(v) {
			return // base64.StdEncoding and the like: constants of the library
		}
		if v != nil {
			r.at(p, e.Pos(), "%s package variable %s: state belongs into values", how, v.Name())
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			share(p.Info, shared, n)
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					bad(e, assigns)
				}
			}
		case *ast.IncDecStmt:
			bad(n.X, assigns)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if e != nil {
						bad(e, assigns)
					}
				}
			}
		case *ast.UnaryExpr:
			if _, entry := ast.Unparen(n.X).(*ast.IndexExpr); n.Op == token.AND && !entry {
				bad(n.X, hands)
			}
		case *ast.SendStmt:
			bad(n.Chan, "sends to")
		case *ast.CallExpr:
			changingCall(p, n, bad)
		}
		return true
	})
}

const (
	assigns = "assigns to"
	hands   = "hands out the address of"
	method  = "calls a method with pointer receiver on"
)

// changers are functions that change their first argument.
var changers = []string{
	"maps.Copy", "maps.DeleteFunc", "maps.Insert",
	"slices.Sort", "slices.SortFunc", "slices.SortStableFunc", "slices.Reverse", "slices.Delete", "slices.DeleteFunc",
	"slices.Insert", "slices.Replace", "slices.Compact", "slices.CompactFunc",
	"sort.Ints", "sort.Strings", "sort.Float64s", "sort.Slice", "sort.SliceStable", "sort.Sort", "sort.Stable",
	"crypto/rand.Read",
}

// constant are types whose values do not change, so that a package variable may
// point to one and have its methods called.
var constant = []string{
	"*regexp.Regexp", "*strings.Replacer", "*hash/crc32.Table",
}

// changingCall finds calls that may change their argument or receiver.
func changingCall(p *Package, call *ast.CallExpr, bad func(ast.Expr, string)) {
	for _, arg := range call.Args {
		u, ok := ast.Unparen(arg).(*ast.UnaryExpr)
		if !ok || u.Op != token.AND {
			continue
		}
		if _, entry := ast.Unparen(u.X).(*ast.IndexExpr); entry {
			bad(u.X, hands)
		}
	}
	if fn := function(p.Info, call.Fun); len(call.Args) > 0 && slices.Contains(changers, fn) {
		bad(call.Args[0], fn+" on")
	}
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		b, ok := p.Info.Uses[fun].(*types.Builtin)
		if ok && (b.Name() == "delete" || b.Name() == "clear" || b.Name() == "copy" || b.Name() == "close") {
			bad(call.Args[0], b.Name()+" on")
		}
		if s, part := ast.Unparen(first(call)).(*ast.SliceExpr); ok && b.Name() == "append" && part {
			bad(s, "append on a part of")
		}
	case *ast.SelectorExpr:
		sel := p.Info.Selections[fun]
		if sel == nil || sel.Kind() != types.MethodVal || types.IsInterface(sel.Recv()) {
			return
		}
		_, byPointer := sel.Obj().Type().(*types.Signature).Recv().Type().(*types.Pointer)
		if byPointer && !slices.Contains(constant, types.TypeString(sel.Recv(), nil)) {
			bad(fun.X, method)
		}
	}
}

// first gives the first argument of a call, or the call itself.
func first(call *ast.CallExpr) ast.Expr {
	if len(call.Args) == 0 {
		return call
	}
	return call.Args[0]
}

// function gives the full name of what is called, through the instance of a
// generic one.
func function(info *types.Info, e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return function(info, e.X)
	case *ast.IndexListExpr:
		return function(info, e.X)
	case *ast.SelectorExpr:
		return fullName(info.Uses[e.Sel])
	case *ast.Ident:
		return fullName(info.Uses[e])
	}
	return ""
}

// share notes local variables that share the content of a package variable: its
// address, or the same pointer, map or slice.
func share(info *types.Info, shared map[types.Object]*types.Var, n *ast.AssignStmt) {
	if len(n.Lhs) != len(n.Rhs) {
		return
	}
	for i, e := range n.Rhs {
		id, ok := n.Lhs[i].(*ast.Ident)
		if !ok {
			continue
		}
		e = ast.Unparen(e)
		u, address := e.(*ast.UnaryExpr)
		if address = address && u.Op == token.AND; address {
			e = u.X
		}
		v := throughVar(info, shared, e)
		if v == nil || !address && !reference(info.TypeOf(e)) {
			continue
		}
		if obj := info.ObjectOf(id); obj != nil && asPackageVar(obj) == nil {
			shared[obj] = v
		}
	}
}

func reference(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Slice, *types.Chan:
		return true
	}
	return false
}

// throughVar is packageVar that also sees through local variables that share its
// content. Such a variable itself may get another value.
func throughVar(info *types.Info, shared map[types.Object]*types.Var, e ast.Expr) *types.Var {
	if v := packageVar(info, e); v != nil {
		return v
	}
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.Ident:
			return shared[info.Uses[x]]
		default:
			return nil
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
