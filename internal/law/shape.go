package law

import (
	"go/ast"
	"go/types"
	"path"
	"path/filepath"
)

// Limits of shape. Generated files are free of them.
const (
	MaxFileLines     = 300 // lines of a file, tests too
	MaxFunctionLines = 60  // lines of a function outside _test.go files
	MaxExports       = 60  // exported types, functions and variables of a package
)

// Shape checks the limits of shape. Constants are not counted as exports: they are
// the words of a type that is.
func Shape(t *Tree, _ *Table) []Violation {
	r := &report{law: "shape", tree: t}
	for _, p := range t.Own {
		for _, f := range p.Files {
			fileShape(r, p, f)
			if !ast.IsGenerated(f) {
				functionShape(r, p, f)
			}
		}
		for _, f := range p.Tests {
			fileShape(r, p, f)
		}
		if n := exports(p); n > MaxExports && p.importable() {
			r.pkg(p, "exports %d types, functions and variables, more than %d: split it", n, MaxExports)
		}
	}
	return r.sorted()
}

func fileShape(r *report, p *Package, f *ast.File) {
	file := r.tree.fset.File(f.Package)
	name := path.Join(p.Path, filepath.Base(file.Name()))
	if n := file.LineCount(); n > MaxFileLines && !ast.IsGenerated(f) {
		r.pkg(p, "%s has %d lines, more than %d", name, n, MaxFileLines)
	}
}

func functionShape(r *report, p *Package, f *ast.File) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := r.tree.fset.Position(fn.End()).Line - r.tree.fset.Position(fn.Pos()).Line + 1
		if lines > MaxFunctionLines {
			r.at(p, fn.Pos(), "%s has %d lines, more than %d", fn.Name.Name, lines, MaxFunctionLines)
		}
	}
}

func exports(p *Package) (n int) {
	if p.Types == nil {
		return 0
	}
	for _, name := range p.Types.Scope().Names() {
		_, constant := p.Types.Scope().Lookup(name).(*types.Const)
		if ast.IsExported(name) && !constant {
			n++
		}
	}
	return n
}
