package law

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// registries finds package variables that others can put something into, in what
// a device links: a call that is there for its effect on linking, a channel, a
// variable of an interface type that has its methods called, and a map or pointer
// handed to a function, which may keep or change it. Whether a table never changes
// is known from its uses: it is read, ranged over, indexed, dereferenced, returned.
// What a program hands out is its own: nobody can import package main.
func registries(r *report, tab *Table, p *Package, f *ast.File) {
	rule := tab.rule(p.Path)
	if rule != nil && !rule.Floor.device() {
		return
	}
	for _, d := range f.Decls {
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.VAR {
			for _, spec := range gen.Specs {
				declared(r, p, spec.(*ast.ValueSpec))
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || p.Info.Types[call.Fun].IsType() || p.Info.Types[call.Fun].IsBuiltin() {
			return true
		}
		if p.Name != "main" {
			handed(r, p, call)
		}
		return true
	})
}

// declared looks at a declaration of package variables.
func declared(r *report, p *Package, spec *ast.ValueSpec) {
	for i, id := range spec.Names {
		if id.Name == "_" && i < len(spec.Values) && calls(p.Info, spec.Values[i]) {
			r.at(p, id.Pos(), "var _ with a call: nothing happens by being linked")
		}
		if v, ok := p.Info.Defs[id].(*types.Var); ok {
			if _, channel := v.Type().Underlying().(*types.Chan); channel {
				r.at(p, id.Pos(), "package variable %s is a channel: state belongs into values", v.Name())
			}
		}
	}
}

// calls reports whether e calls a function; a conversion is none.
func calls(info *types.Info, e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !info.Types[call.Fun].IsType() {
			found = true
		}
		_, literal := n.(*ast.FuncLit)
		return !literal
	})
	return found
}

// readers are functions that only read a map, or what a pointer points to.
var readers = []string{
	"maps.Keys", "maps.Values", "maps.All", "maps.Clone", "maps.Equal", "slices.Collect",
}

// handed looks at a call with a package variable as receiver or argument.
func handed(r *report, p *Package, call *ast.CallExpr) {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		v := plain(p.Info, sel.X)
		if v != nil && types.IsInterface(v.Type()) && types.TypeString(v.Type(), nil) != "error" {
			r.at(p, sel.Pos(), "calls a method of package variable %s, an interface: state belongs into values", v.Name())
		}
		if s := p.Info.Selections[sel]; v != nil && s != nil && s.Kind() == types.MethodVal && isMap(v.Type()) {
			r.at(p, sel.Pos(), "calls a method of package variable %s, a map: state belongs into values", v.Name())
		}
	}
	if slices.Contains(readers, function(p.Info, call.Fun)) {
		return
	}
	for _, arg := range call.Args {
		v := plain(p.Info, arg)
		if v == nil || !r.owns(v) || slices.Contains(constant, types.TypeString(v.Type(), nil)) {
			continue
		}
		if _, pointer := v.Type().Underlying().(*types.Pointer); pointer || isMap(v.Type()) {
			r.at(p, arg.Pos(), "hands out package variable %s, which the function may keep or change", v.Name())
		}
	}
}

// owns reports whether a variable belongs to the tree, not to a library.
func (r *report) owns(v *types.Var) bool {
	_, own := r.tree.rel(v.Pkg().Path())
	return own
}

// plain gives the package variable that e names, or nil.
func plain(info *types.Info, e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return asPackageVar(info.Uses[e])
	case *ast.SelectorExpr:
		return asPackageVar(info.Uses[e.Sel])
	}
	return nil
}

func isMap(t types.Type) bool { _, ok := t.Underlying().(*types.Map); return ok }
