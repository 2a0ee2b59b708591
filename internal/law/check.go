package law

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// check parses and type-checks the module's own packages. What they import comes
// from the compiler's export data, which is quicker than their source.
func (t *Tree) check() {
	imp := importer.ForCompiler(t.fset, "gc", func(path string) (io.ReadCloser, error) {
		if p := t.all[path]; p != nil && p.Export != "" {
			return os.Open(p.Export)
		}
		return nil, fmt.Errorf("law: no export data for %s", path)
	})
	t.files = fileTypes(imp)
	for _, p := range t.Own {
		var err error
		if p.Files, err = t.parse(p.Dir, p.GoFiles, p.CgoFiles); err != nil {
			p.fail(err)
			continue
		}
		if p.Tests, err = t.parse(p.Dir, p.TestGoFiles, p.XTestGoFiles); err != nil {
			p.fail(err)
			continue
		}
		if len(p.Files) > 0 && len(p.CgoFiles) == 0 {
			t.typeCheck(p, imp)
		}
		t.checkTests(p, imp)
	}
}

func (p *Package) fail(err error) {
	p.Error = &struct{ Err string }{err.Error()}
}

func (t *Tree) parse(dir string, lists ...[]string) ([]*ast.File, error) {
	var files []*ast.File
	for _, names := range lists {
		for _, name := range names {
			f, err := parser.ParseFile(t.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

func (t *Tree) typeCheck(p *Package, imp types.Importer) {
	info := newInfo()
	conf := types.Config{Importer: imp}
	pkg, err := conf.Check(p.ImportPath, t.fset, p.Files, info)
	if err != nil {
		p.fail(err)
		return
	}
	p.Types, p.Info = pkg, info
}

func newInfo() *types.Info {
	return &types.Info{
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Types:      map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Instances:  map[*ast.Ident]types.Instance{},
	}
}

// checkTests type-checks what it can of the tests. Packages that only tests import
// are not listed, so what comes from them has no type here; that is no error.
func (t *Tree) checkTests(p *Package, imp types.Importer) {
	p.TestInfo = newInfo()
	conf := types.Config{Importer: imp, Error: func(error) {}}
	inside, outside := slices.Clone(p.Files), []*ast.File(nil)
	for _, f := range p.Tests {
		if strings.HasSuffix(f.Name.Name, "_test") {
			outside = append(outside, f)
		} else {
			inside = append(inside, f)
		}
	}
	if len(inside) > len(p.Files) {
		_, _ = conf.Check(p.ImportPath, t.fset, inside, p.TestInfo)
	}
	if len(outside) > 0 {
		_, _ = conf.Check(p.ImportPath+"_test", t.fset, outside, p.TestInfo)
	}
}

// fileTypes gives *os.File and *os.Root, if the tree imports them at all.
func fileTypes(imp types.Importer) (list []types.Type) {
	pkg, err := imp.Import("os")
	if err != nil {
		return nil
	}
	for _, name := range []string{"File", "Root"} {
		list = append(list, types.NewPointer(pkg.Scope().Lookup(name).Type()))
	}
	return list
}

// Broken gives the packages that do not compile: no other law sees inside them.
func Broken(t *Tree) []Violation {
	r := report{law: "compile", tree: t}
	for _, p := range t.Own {
		if p.Error != nil {
			r.pkg(p, "does not compile, so no law sees it: %s", p.Error.Err)
		}
	}
	return r.sorted()
}
