package law

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// API lists what a package exports, one line a symbol, sorted: constants with
// type and value, variables, functions, types with their exported fields and
// methods. Names of parameters are left out: they bind nobody.
func API(p *Package) []string {
	if p.Types == nil {
		return nil
	}
	l := &listing{qualify: types.RelativeTo(p.Types)}
	scope := p.Types.Scope()
	for _, name := range scope.Names() {
		if obj := scope.Lookup(name); obj.Exported() {
			l.object(obj)
		}
	}
	slices.Sort(l.lines)
	return l.lines
}

// Importable gives the packages that a vendor can import, by path.
func (t *Tree) Importable() []*Package {
	var list []*Package
	for _, p := range t.Own {
		if len(p.Files) > 0 && p.importable() {
			list = append(list, p)
		}
	}
	return list
}

type listing struct {
	qualify types.Qualifier
	lines   []string
}

func (l *listing) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *listing) typ(t types.Type) string { return types.TypeString(t, l.qualify) }

func (l *listing) object(obj types.Object) {
	switch o := obj.(type) {
	case *types.Const:
		l.add("const %s %s = %s", o.Name(), l.typ(o.Type()), o.Val())
	case *types.Var:
		l.add("var %s %s", o.Name(), l.typ(o.Type()))
	case *types.Func:
		l.add("func %s%s", o.Name(), l.signature(o.Signature()))
	case *types.TypeName:
		l.typeName(o)
	}
}

func (l *listing) typeName(o *types.TypeName) {
	named, ok := o.Type().(*types.Named)
	if !ok || o.IsAlias() {
		l.add("type %s = %s", o.Name(), l.typ(types.Unalias(o.Type())))
		return
	}
	name := o.Name() + l.typeParams(named.TypeParams())
	switch u := named.Underlying().(type) {
	case *types.Struct:
		l.add("type %s struct", name)
		for f := range u.Fields() {
			if f.Exported() {
				l.add("type %s struct, %s", name, l.field(f, u))
			}
		}
	case *types.Interface:
		l.add("type %s interface { %s }", name, l.methodNames(u))
		for m := range u.Methods() {
			l.add("type %s interface, %s%s", name, m.Name(), l.signature(m.Signature()))
		}
	default:
		l.add("type %s %s", name, l.typ(u))
	}
	for m := range named.Methods() {
		if m.Exported() {
			l.add("method (%s) %s%s", l.typ(m.Signature().Recv().Type()), m.Name(), l.signature(m.Signature()))
		}
	}
}

func (l *listing) field(f *types.Var, in *types.Struct) string {
	text := f.Name() + " " + l.typ(f.Type())
	if f.Embedded() {
		text = "embedded " + l.typ(f.Type())
	}
	for i := range in.NumFields() {
		// A tag is part of the contract: it names the field on the medium.
		if in.Field(i) == f && in.Tag(i) != "" {
			text += " `" + in.Tag(i) + "`"
		}
	}
	return text
}

func (l *listing) methodNames(u *types.Interface) string {
	var names []string
	for m := range u.Methods() {
		names = append(names, m.Name())
	}
	for e := range u.EmbeddedTypes() {
		if _, union := e.(*types.Union); union {
			names = append(names, l.typ(e))
		}
	}
	return strings.Join(names, ", ")
}

func (l *listing) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var params []string
	for p := range list.TypeParams() {
		params = append(params, p.Obj().Name()+" "+l.typ(p.Constraint()))
	}
	return "[" + strings.Join(params, ", ") + "]"
}

func (l *listing) signature(s *types.Signature) string {
	text := l.typeParams(s.TypeParams()) + "(" + strings.Join(l.tuple(s.Params(), s.Variadic()), ", ") + ")"
	switch results := l.tuple(s.Results(), false); len(results) {
	case 0:
		return text
	case 1:
		return text + " " + results[0]
	default:
		return text + " (" + strings.Join(results, ", ") + ")"
	}
}

func (l *listing) tuple(t *types.Tuple, variadic bool) []string {
	var list []string
	for v := range t.Variables() {
		list = append(list, l.typ(v.Type()))
	}
	if variadic {
		last := len(list) - 1
		list[last] = "..." + strings.TrimPrefix(list[last], "[]")
	}
	return list
}
