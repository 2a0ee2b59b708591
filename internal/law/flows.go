package law

import (
	"go/ast"
	"go/token"
	"go/types"
)

// flows finds where a value gets the type of what takes it: assignments,
// arguments, results, elements, sends, conversions. There a concrete value becomes
// an interface, which the type checker does not record.
type flows struct {
	info  *types.Info
	visit func(src ast.Expr, from, to types.Type)
}

func (w *flows) walk(root ast.Node, results *types.Tuple) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				w.walk(n.Body, w.info.Defs[n.Name].(*types.Func).Signature().Results())
			}
			return false
		case *ast.FuncLit:
			w.walk(n.Body, w.info.TypeOf(n).(*types.Signature).Results())
			return false
		case *ast.ReturnStmt:
			w.values(n.Results, tupleTypes(results))
		case *ast.AssignStmt:
			w.values(n.Rhs, w.typesOf(n.Lhs))
		case *ast.ValueSpec:
			if n.Type != nil {
				w.values(n.Values, repeat(w.info.TypeOf(n.Type), len(n.Names)))
			}
		case *ast.SendStmt:
			if c, ok := w.info.TypeOf(n.Chan).Underlying().(*types.Chan); ok {
				w.value(n.Value, c.Elem())
			}
		case *ast.RangeStmt:
			w.ranged(n)
		case *ast.CallExpr:
			w.call(n)
		case *ast.CompositeLit:
			w.literal(n)
		}
		return true
	})
}

func (w *flows) value(src ast.Expr, to types.Type) {
	if from := w.info.TypeOf(src); from != nil && to != nil {
		w.visit(src, from, to)
	}
}

// values pairs expressions with what takes them; one call may give several.
func (w *flows) values(exprs []ast.Expr, to []types.Type) {
	if len(exprs) == 1 && len(to) > 1 {
		if t, ok := w.info.TypeOf(exprs[0]).(*types.Tuple); ok {
			for i, from := range tupleTypes(t) {
				if i < len(to) && to[i] != nil {
					w.visit(exprs[0], from, to[i])
				}
			}
		}
		return
	}
	for i, e := range exprs {
		if i < len(to) {
			w.value(e, to[i])
		}
	}
}

func (w *flows) call(n *ast.CallExpr) {
	fun := w.info.Types[n.Fun]
	if fun.Type == nil {
		return
	}
	if fun.IsType() {
		w.values(n.Args, repeat(fun.Type, 1))
		return
	}
	sig, ok := fun.Type.Underlying().(*types.Signature)
	if !ok {
		return
	}
	to := tupleTypes(sig.Params())
	if last := len(to) - 1; sig.Variadic() && !n.Ellipsis.IsValid() && last >= 0 {
		if s, ok := to[last].Underlying().(*types.Slice); ok {
			to = append(to[:last:last], repeat(s.Elem(), max(2, len(n.Args)))...)
		}
	}
	w.values(n.Args, to)
}

func (w *flows) literal(n *ast.CompositeLit) {
	t := w.info.TypeOf(n).Underlying()
	if ptr, ok := t.(*types.Pointer); ok { // elided in a list of pointers
		t = ptr.Elem().Underlying()
	}
	for i, e := range n.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		if keyed {
			e = kv.Value
		}
		switch t := t.(type) {
		case *types.Map:
			w.value(kv.Key, t.Key())
			w.value(e, t.Elem())
		case *types.Struct:
			if keyed {
				w.value(e, w.info.TypeOf(kv.Key))
			} else {
				w.value(e, t.Field(i).Type())
			}
		case interface{ Elem() types.Type }: // array, slice
			w.value(e, t.Elem())
		}
	}
}

// ranged handles a range that assigns to variables declared before.
func (w *flows) ranged(n *ast.RangeStmt) {
	c, ok := w.info.TypeOf(n.X).Underlying().(interface{ Elem() types.Type })
	if !ok || n.Tok != token.ASSIGN {
		return
	}
	for _, to := range []ast.Expr{n.Key, n.Value} {
		if to != nil && w.info.TypeOf(to) != nil {
			w.visit(n.X, c.Elem(), w.info.TypeOf(to))
		}
	}
}

func (w *flows) typesOf(exprs []ast.Expr) []types.Type {
	var list []types.Type
	for _, e := range exprs {
		list = append(list, w.info.TypeOf(e))
	}
	return list
}

func tupleTypes(t *types.Tuple) []types.Type {
	var list []types.Type
	for v := range t.Variables() {
		list = append(list, v.Type())
	}
	return list
}

func repeat(t types.Type, n int) []types.Type {
	list := make([]types.Type, n)
	for i := range list {
		list[i] = t
	}
	return list
}
