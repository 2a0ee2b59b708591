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
	"net.Dial*", "net.Listen*", "net.Lookup*", "net.DefaultResolver", "net.FileConn", "net.FileListener", "net.FilePacketConn",
	"(*net.Dialer).*", "(*net.ListenConfig).*", "(*net.Resolver).*",
	"crypto/tls.Dial*", "crypto/tls.Listen", "(*crypto/tls.Dialer).*",
	"net/http.DefaultClient", "net/http.DefaultTransport", "net/http.Get", "net/http.Head", "net/http.Post*", "net/http.ListenAndServe*",
	"(*net/http.Server).ListenAndServe*", "net/http.DefaultServeMux", "net/http.Handle", "net/http.HandleFunc",
	"net/rpc.Dial*", "net/smtp.Dial", "net/smtp.SendMail", "net/textproto.Dial", "log/syslog.*",
	"syscall.Socket*", "syscall.Connect", "golang.org/x/sys/unix.Socket*", "golang.org/x/sys/unix.Connect",
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
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				zeroDialers(r, tab, p, n)
				return true
			})
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

// zeroDialers finds literals, new and var of a type that dials by itself, where
// the field with the dialer is missing or nil.
func zeroDialers(r *report, tab *Table, p *Package, n ast.Node) {
	var of ast.Expr
	given := ""
	switch n := n.(type) {
	case *ast.CompositeLit:
		of, given = n, keys(n)
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "new" && len(n.Args) == 1 {
			of = n.Args[0]
		}
	case *ast.ValueSpec:
		if len(n.Values) == 0 {
			of = n.Type
		}
	}
	if of == nil {
		return
	}
	named, ok := types.Unalias(p.Info.TypeOf(of)).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return
	}
	name := named.Obj().Pkg().Path() + "." + named.Obj().Name()
	if field, bad := needsField[name]; bad && (field == "" || !strings.Contains(given, " "+field+" ")) {
		r.at(p, n.Pos(), "%s dials by itself: take a dial function from %s", name, tab.Gate)
	}
}

// keys lists the fields that a literal sets to something but nil.
func keys(lit *ast.CompositeLit) string {
	var b strings.Builder
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, isIdent := kv.Key.(*ast.Ident)
		value, isName := kv.Value.(*ast.Ident)
		if isIdent && (!isName || value.Name != "nil") {
			b.WriteString(" " + key.Name + " ")
		}
	}
	return b.String()
}
