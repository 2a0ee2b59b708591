package law

import (
	"go/ast"
	"go/types"
	"strings"
)

// Syntax checks what the source may not contain: init functions, blank imports,
// recover, sleeping, package variables that change or that others can put something
// into, and in libraries printing, exiting and default loggers. In _test.go files it
// refuses sleeping and skipping.
func Syntax(t *Tree, tab *Table) []Violation {
	r := &report{law: "syntax", tree: t}
	for _, p := range t.Own {
		for _, f := range p.Files {
			declarations(r, p, f)
		}
		for _, f := range p.Tests {
			sleepsAndSkips(r, p, f)
		}
		if p.Info != nil {
			uses(r, tab, p)
			for _, f := range p.Files {
				reassigned(r, p, f)
				registries(r, tab, p, f)
			}
		}
	}
	return r.sorted()
}

func declarations(r *report, p *Package, f *ast.File) {
	for _, imp := range f.Imports {
		// The embed directive needs the blank import where nothing of it is named.
		if imp.Name != nil && (imp.Name.Name == "_" && imp.Path.Value != `"embed"` || imp.Name.Name == ".") {
			r.at(p, imp.Pos(), "import %s %s: a device is composed by values", imp.Name.Name, imp.Path.Value)
		}
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			r.at(p, fn.Pos(), "func init: nothing happens by being linked")
		}
	}
}

// banned functions and variables, wherever they are used outside _test.go files.
var banned = map[string]string{
	"time.Sleep":           "wait for a context, a timer or a channel",
	"log/slog.SetDefault":  "the default logger belongs to the vendor",
	"log/slog.Default":     "take the logger from Options",
	"runtime.SetFinalizer": "close things explicitly",

	"(*testing.common).Skip":    skipped,
	"(*testing.common).Skipf":   skipped,
	"(*testing.common).SkipNow": skipped,
	"(testing.TB).Skip":         skipped,
	"(testing.TB).Skipf":        skipped,
	"(testing.TB).SkipNow":      skipped,
}

const skipped = "a test that does not run shows nothing"

// bannedInLibraries may be used by package main.
var bannedInLibraries = map[string]string{
	"os.Exit":     "return an error",
	"fmt.Print":   "a library does not print",
	"fmt.Printf":  "a library does not print",
	"fmt.Println": "a library does not print",
	"os.Stdout":   "take an io.Writer",
	"os.Stderr":   "take a logger or an io.Writer",
	"os.Stdin":    "take an io.Reader",
	"os.Args":     "take parameters",
}

func uses(r *report, tab *Table, p *Package) {
	rule := tab.rule(p.Path)
	for id, obj := range p.Info.Uses {
		name := fullName(obj)
		if why, bad := banned[name]; bad {
			r.at(p, id.Pos(), "%s: %s", name, why)
		}
		if b, ok := obj.(*types.Builtin); ok && b.Name() == "recover" {
			r.at(p, id.Pos(), "recover: a panic in security code is not survived")
		}
		if p.Name == "main" {
			continue
		}
		if why, bad := bannedInLibraries[name]; bad {
			r.at(p, id.Pos(), "%s: %s", name, why)
		}
		if strings.HasPrefix(name, "log.") && obj.Pkg().Path() == "log" {
			r.at(p, id.Pos(), "%s: take a *slog.Logger from Options", name)
		}
		environment := name == "os.Getenv" || name == "os.LookupEnv" || name == "os.Environ"
		if environment && (rule == nil || rule.Floor.device()) {
			r.at(p, id.Pos(), "%s: a library takes its settings from its caller", name)
		}
	}
}

// fullName gives "path.Name" of a function or variable of a package, and
// "(*path.Type).Name" of a method; "" for all else.
func fullName(obj types.Object) string {
	switch o := obj.(type) {
	case *types.Func:
		return o.Origin().FullName()
	case *types.Var:
		if o.Pkg() != nil && !o.IsField() && o.Parent() == o.Pkg().Scope() {
			return o.Pkg().Path() + "." + o.Name()
		}
	}
	return ""
}
