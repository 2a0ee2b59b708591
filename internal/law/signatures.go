package law

import (
	"go/types"
	"slices"
)

// Signatures checks that the exported interfaces of capabilities and of the root
// have only types of the standard library and of floors 0 and 1 in their
// methods, so that one capability satisfies what another asks for without an
// import. Interfaces that vendors implement are listed in the table.
func Signatures(t *Tree, tab *Table) []Violation {
	r := &report{law: "signatures", tree: t}
	for _, p := range t.Own {
		rule := tab.rule(p.Path)
		if rule == nil || p.Types == nil || rule.Floor != Floor2 && rule.Floor != Floor3a {
			continue
		}
		for _, name := range p.Types.Scope().Names() {
			obj, ok := p.Types.Scope().Lookup(name).(*types.TypeName)
			if !ok || !obj.Exported() || slices.Contains(tab.Vendor, p.Path+"."+name) {
				continue
			}
			if iface, ok := obj.Type().Underlying().(*types.Interface); ok {
				interfaceTypes(r, tab, p, obj, iface)
			}
		}
	}
	return r.sorted()
}

func interfaceTypes(r *report, tab *Table, p *Package, obj *types.TypeName, iface *types.Interface) {
	for method := range iface.Methods() {
		walkTypes(method.Type(), func(n *types.TypeName) {
			if n.Pkg() == nil || r.tree.standard(n.Pkg().Path()) {
				return
			}
			rel, own := r.tree.rel(n.Pkg().Path())
			if rule := tab.rule(rel); own && rule != nil && rule.Floor <= Floor1b {
				return
			}
			r.at(p, obj.Pos(), "%s.%s has %s.%s in its signature: only types of the standard library and of floors 0 and 1, unless vendors implement it (list it in internal/law)",
				obj.Name(), method.Name(), n.Pkg().Path(), n.Name())
		})
	}
}

// walkTypes calls visit for each named type in a type's expression.
func walkTypes(t types.Type, visit func(*types.TypeName)) {
	switch t := t.(type) {
	case *types.Named:
		visit(t.Obj())
		for arg := range t.TypeArgs().Types() {
			walkTypes(arg, visit)
		}
	case *types.Alias:
		walkTypes(types.Unalias(t), visit)
	case *types.Map:
		walkTypes(t.Key(), visit)
		walkTypes(t.Elem(), visit)
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		walkTypes(t.Elem(), visit)
	case *types.Signature:
		for v := range t.Params().Variables() {
			walkTypes(v.Type(), visit)
		}
		for v := range t.Results().Variables() {
			walkTypes(v.Type(), visit)
		}
	case *types.Struct:
		for f := range t.Fields() {
			walkTypes(f.Type(), visit)
		}
	case *types.Interface:
		for m := range t.Methods() {
			walkTypes(m.Type(), visit)
		}
	}
}
