package law

import (
	"go/ast"
	"go/types"
	"strings"
)

// opensFlow are the functions and variables that open a flow of traffic, or
// listen for one, without the gate. A name that ends in * stands for all that
// begin so.
var opensFlow = []string{
	"net.Dial*", "net.Listen*", "net.Lookup*", "net.Resolve*", "net.DefaultResolver", "net.FileConn", "net.FileListener", "net.FilePacketConn",
	"(*net.Dialer).*", "(*net.ListenConfig).*", "(*net.Resolver).*",
	"crypto/tls.Dial*", "crypto/tls.Listen", "(*crypto/tls.Dialer).*",
	"net/http.DefaultClient", "net/http.DefaultTransport", "net/http.Get", "net/http.Head", "net/http.Post*", "net/http.ListenAndServe*",
	"(*net/http.Server).ListenAndServe*", "net/http.DefaultServeMux", "net/http.Handle", "net/http.HandleFunc",
	"net/http/httputil.*", "(*net/http/httputil.ReverseProxy).*", "net/rpc/jsonrpc.Dial*",
	"net/rpc.Dial*", "net/smtp.Dial", "net/smtp.SendMail", "net/textproto.Dial", "log/syslog.*",
	"syscall.Socket*", "syscall.Connect", "syscall.Bind*", "syscall.Listen", "syscall.Accept*", "syscall.Send*",
	"golang.org/x/sys/unix.Socket*", "golang.org/x/sys/unix.Connect*", "golang.org/x/sys/unix.Bind*", "golang.org/x/sys/unix.Listen",
	"golang.org/x/sys/unix.Accept*", "golang.org/x/sys/unix.Send*",
}

// needsField names the types whose zero value dials by itself, and the field
// that takes the gated dialer.
var needsField = map[string]string{
	"net/http.Client":    "Transport",
	"net/http.Transport": "DialContext",
	"crypto/tls.Dialer":  "NetDialer",
	"net.Dialer":         "",
	"net.Resolver":       "Dial",
	"net.ListenConfig":   "",

	"net/http/httputil.ReverseProxy": "Transport",
}

// Network checks that nothing but the gate dials or listens: everything else is
// handed a dial function or a listener.
func Network(t *Tree, tab *Table) []Violation {
	r := &report{law: "network", tree: t}
	for _, p := range t.Own {
		if p.Info == nil || p.Path == tab.Gate {
			continue
		}
		for id, obj := range p.Info.Uses {
			if name := fullName(obj); name != "" && matches(opensFlow, name) {
				r.at(p, id.Pos(), "%s: take a dial function or a listener from %s", name, tab.Gate)
			}
		}
		d := &dialers{r, tab, p, bare(p)}
		for _, f := range p.Files {
			d.file(f)
		}
	}
	return r.sorted()
}

func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		prefix, star := strings.CutSuffix(pattern, "*")
		if name == pattern || star && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// dialers finds types of needsField in a package.
type dialers struct {
	r    *report
	tab  *Table
	p    *Package
	bare map[types.Object]bool // variables that are declared without a value
}

// file finds where a value of a type that dials by itself comes to be
// without its field: literals, and every place where the type is named by value,
// as in a variable, a field, an array, new and make. A pointer to one is free.
func (d *dialers) file(f *ast.File) {
	r, tab, p := d.r, d.tab, d.p
	free := map[ast.Expr]bool{} // names of types that are behind a pointer or in a literal
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr:
			free[ast.Unparen(n.X)] = true
		case *ast.CompositeLit:
			free[n.Type] = true
			t := p.Info.TypeOf(n)
			if ptr, ok := t.Underlying().(*types.Pointer); ok { // elided in a list of pointers
				t = ptr.Elem()
			}
			name, field, bad := dialer(t)
			if bad && (field == "" || !d.given(n, field)) {
				r.at(p, n.Pos(), "%s dials by itself: take a dial function from %s", name, tab.Gate)
			}
		case *ast.AssignStmt:
			d.unset(n)
		case *ast.SelectorExpr, *ast.Ident:
			e := n.(ast.Expr)
			if tv, ok := p.Info.Types[e]; !ok || !tv.IsType() || free[e] {
				return true
			}
			if name, _, bad := dialer(p.Info.TypeOf(e)); bad {
				r.at(p, n.Pos(), "%s dials by itself, as its zero value does: point to a literal with a dial function from %s", name, tab.Gate)
			}
			return false
		}
		return true
	})
}

// dialer tells of a type whether its zero value dials, and the field against it.
func dialer(t types.Type) (name, field string, bad bool) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return "", "", false
	}
	name = named.Obj().Pkg().Path() + "." + named.Obj().Name()
	field, bad = needsField[name]
	return name, field, bad
}

// given reports whether a literal sets a field to something that is not nil.
func (d *dialers) given(lit *ast.CompositeLit, field string) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
				return !d.empty(kv.Value)
			}
		}
	}
	return false
}

// empty reports whether e is nil, a nil of some type, or a variable that was
// declared without a value.
func (d *dialers) empty(e ast.Expr) bool {
	e = ast.Unparen(e)
	if tv := d.p.Info.Types[e]; tv.IsNil() {
		return true
	}
	switch e := e.(type) {
	case *ast.CallExpr:
		return d.p.Info.Types[e.Fun].IsType() && len(e.Args) == 1 && d.empty(e.Args[0])
	case *ast.Ident:
		return d.bare[d.p.Info.Uses[e]]
	}
	return false
}

// bare gives the variables of a package that are declared without a value.
func bare(p *Package) map[types.Object]bool {
	list := map[types.Object]bool{}
	for _, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 0 {
				for _, id := range spec.Names {
					list[p.Info.Defs[id]] = true
				}
			}
			return true
		})
	}
	return list
}

// unset finds assignments that take the dial function away again.
func (d *dialers) unset(n *ast.AssignStmt) {
	for i, e := range n.Lhs {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok || i >= len(n.Rhs) {
			continue
		}
		t := d.p.Info.TypeOf(sel.X)
		if t == nil {
			continue
		}
		if ptr, ok := t.Underlying().(*types.Pointer); ok {
			t = ptr.Elem()
		}
		if name, field, bad := dialer(t); bad && sel.Sel.Name == field && d.empty(n.Rhs[i]) {
			d.r.at(d.p, n.Pos(), "%s dials by itself without %s: take a dial function from %s", name, field, d.tab.Gate)
		}
	}
}
