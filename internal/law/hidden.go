package law

import (
	"go/ast"
	"go/types"
	"strings"
)

// hiddenFiles finds where a file or directory of package os is hidden behind an
// interface by which it can be written: the law of writes goes by the names of
// functions, and a method of an interface is another one.
//
//   - A type with the methods of *os.File or *os.Root becomes an interface with one
//     that writes, or one without methods, from which anything can be asserted.
//     os.Stdout and os.Stderr may become an io.Writer.
//   - A type parameter of such an interface is given such a type.
//   - An interface is asserted that such a type fulfils by a method that writes.
func hiddenFiles(r *report, p *Package) {
	w := &flows{p.Info, func(src ast.Expr, from, to types.Type) {
		iface, ok := to.Underlying().(*types.Interface)
		if !ok || isTypeParam(to) || types.IsInterface(from) {
			return
		}
		writing := writers(from)
		if len(writing) > 0 && iface.NumMethods() == 0 {
			r.at(p, src.Pos(), "%s becomes %s, which hides that it can write", from, to)
		}
		for m := range iface.Methods() {
			print := stream(p.Info, src) && (m.Name() == "Write" || m.Name() == "WriteString")
			if writing[m.Name()] && !print {
				r.at(p, src.Pos(), "%s becomes an interface with %s: keep state in a durable.Store", from, m.Name())
			}
		}
	}}
	for _, f := range p.Files {
		w.walk(f, nil)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				asserted(r, p, n.Type)
			case *ast.TypeSwitchStmt:
				for _, clause := range n.Body.List {
					for _, e := range clause.(*ast.CaseClause).List {
						asserted(r, p, e)
					}
				}
			}
			return true
		})
	}
	for id, inst := range p.Info.Instances {
		instantiated(r, p, id, inst)
	}
}

// writers gives the methods of a type that are those of a file or directory and
// do not only read.
func writers(t types.Type) map[string]bool {
	var list map[string]bool
	set := types.NewMethodSet(t)
	for m := range set.Methods() {
		fn, ok := m.Obj().(*types.Func)
		if !ok {
			continue
		}
		name := fn.Origin().FullName()
		file := strings.HasPrefix(name, "(*os.File).") || strings.HasPrefix(name, "(*os.Root).")
		if !file || !fn.Exported() || matches(reads, name) {
			continue
		}
		if list == nil {
			list = map[string]bool{}
		}
		list[fn.Name()] = true
	}
	return list
}

func isTypeParam(t types.Type) bool { _, ok := types.Unalias(t).(*types.TypeParam); return ok }

// stream reports whether e is os.Stdout or os.Stderr itself.
func stream(info *types.Info, e ast.Expr) bool {
	sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	name := fullName(info.Uses[sel.Sel])
	return name == "os.Stdout" || name == "os.Stderr"
}

func asserted(r *report, p *Package, e ast.Expr) {
	if e == nil {
		return
	}
	t := p.Info.TypeOf(e)
	if t == nil || isTypeParam(t) {
		return
	}
	iface, ok := t.Underlying().(*types.Interface)
	if !ok || iface.NumMethods() == 0 {
		return
	}
	for _, file := range r.tree.files {
		if !types.Implements(file, iface) {
			continue
		}
		writing := writers(file)
		for m := range iface.Methods() {
			if writing[m.Name()] {
				r.at(p, e.Pos(), "asserts an interface with %s, which %s has: keep state in a durable.Store", m.Name(), file)
			}
		}
	}
}

func instantiated(r *report, p *Package, id *ast.Ident, inst types.Instance) {
	generic, ok := p.Info.Uses[id]
	if !ok {
		return
	}
	t, ok := generic.Type().(interface{ TypeParams() *types.TypeParamList })
	if !ok {
		return
	}
	for i := range min(t.TypeParams().Len(), inst.TypeArgs.Len()) {
		arg := inst.TypeArgs.At(i)
		iface, ok := t.TypeParams().At(i).Constraint().Underlying().(*types.Interface)
		if !ok || types.IsInterface(arg) {
			continue
		}
		writing := writers(arg)
		for m := range iface.Methods() {
			if writing[m.Name()] {
				r.at(p, id.Pos(), "%s stands for a type with %s: keep state in a durable.Store", arg, m.Name())
			}
		}
	}
}
