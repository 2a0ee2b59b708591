package law

import (
	"go/ast"
	"strings"
)

// Documented checks that each package, and each exported symbol and method of
// what others can import, has a doc comment, and that each package shows an
// executed example. A kit is shown by its self-test and needs no example.
func Documented(t *Tree, tab *Table) []Violation {
	r := &report{law: "docs", tree: t}
	for _, p := range t.Own {
		if len(p.Files) == 0 {
			continue
		}
		if !packageDoc(p) {
			r.pkg(p, "no package doc")
		}
		if !p.importable() {
			continue
		}
		for _, f := range p.Files {
			for _, d := range f.Decls {
				undocumented(r, p, d)
			}
		}
		if rule := tab.rule(p.Path); !hasExample(p) && (rule == nil || rule.Floor != Kit) {
			r.pkg(p, "no Example function with an Output comment")
		}
	}
	return r.sorted()
}

// importable reports whether a vendor can import the package.
func (p *Package) importable() bool {
	return p.Name != "main" && !strings.Contains("/"+p.Path+"/", "/internal/")
}

func packageDoc(p *Package) bool {
	for _, f := range p.Files {
		if f.Doc != nil {
			return true
		}
	}
	return false
}

// selfEvident are methods of the standard library's interfaces that need no
// words of their own.
var selfEvident = map[string]bool{"Error": true, "String": true, "Unwrap": true}

func undocumented(r *report, p *Package, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && !selfEvident[d.Name.Name] && (d.Recv == nil || ast.IsExported(receiver(d))) {
			r.at(p, d.Pos(), "%s has no doc comment", d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
					r.at(p, s.Pos(), "%s has no doc comment", s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					r.at(p, s.Pos(), "%s has no doc comment", s.Names[0].Name)
				}
			}
		}
	}
}

// receiver names the type of a method.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func hasExample(p *Package) bool {
	for _, f := range p.Tests {
		outputs := false
		for _, group := range f.Comments {
			outputs = outputs || strings.HasPrefix(strings.ToLower(group.Text()), "output:") ||
				strings.HasPrefix(strings.ToLower(group.Text()), "unordered output:")
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && outputs && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") {
				return true
			}
		}
	}
	return false
}
