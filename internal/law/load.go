package law

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// fields are what go list is asked for.
const fields = "ImportPath,Dir,Name,Standard,Module,Imports,Deps,TestImports,XTestImports," +
	"GoFiles,CgoFiles,IgnoredGoFiles,SFiles,TestGoFiles,XTestGoFiles,Export,Error"

// A Package is one package as go list names it, and, for packages of the module,
// its syntax and types.
type Package struct {
	ImportPath, Dir, Name             string
	Standard                          bool
	Module                            *struct{ Path string }
	Imports, Deps                     []string
	TestImports, XTestImports         []string
	GoFiles, CgoFiles, IgnoredGoFiles []string
	SFiles, TestGoFiles, XTestGoFiles []string
	Export                            string
	Error                             *struct{ Err string }

	Path  string         // relative to the module, "." for its root
	Files []*ast.File    // GoFiles
	Tests []*ast.File    // TestGoFiles and XTestGoFiles
	Types *types.Package // nil when it does not compile
	Info  *types.Info

	TestInfo *types.Info // of Tests, as far as they can be type-checked
}

// A Tree is a module, or a folder of one, that the laws look at. It does not
// change after Load; its methods may be called concurrently.
type Tree struct {
	Module string // import path of the root
	Own    []*Package
	all    map[string]*Package
	cgo    map[string]bool // packages that have cgo files when cgo is on
	files  []types.Type    // *os.File and *os.Root
	fset   *token.FileSet
}

// Load lists the module in dir with its dependencies by the go command, and
// parses and type-checks the module's own packages. A package that does not
// compile is no error here: [Broken] names it.
func Load(ctx context.Context, dir string) (*Tree, error) {
	module, err := goCommand(ctx, dir, "0", "list", "-m", "-f={{.Path}}")
	if err != nil {
		return nil, err
	}
	out, err := goCommand(ctx, dir, "0", "list", "-e", "-deps", "-export", "-json="+fields, "./...")
	if err != nil {
		return nil, err
	}
	cgo, err := goCommand(ctx, dir, "1", "list", "-e", "-deps", "-f={{if .CgoFiles}}{{.ImportPath}}{{end}}", "./...")
	if err != nil {
		return nil, err
	}
	t := &Tree{Module: strings.TrimSpace(string(module)), all: map[string]*Package{}, cgo: map[string]bool{}, fset: token.NewFileSet()}
	for path := range strings.FieldsSeq(string(cgo)) {
		t.cgo[path] = true
	}
	if err := t.decode(out); err != nil {
		return nil, err
	}
	t.check()
	return t, nil
}

// goCommand runs go. Firmware is built without cgo, and so are the types; only
// the list of what would need it is made with cgo.
func goCommand(ctx context.Context, dir, cgo string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("law: go %s: %w: %s", args[0], err, exit.Stderr)
	}
	return out, err
}

func (t *Tree) decode(list []byte) error {
	dec := json.NewDecoder(strings.NewReader(string(list)))
	for {
		p := new(Package)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("law: go list: %w", err)
		}
		t.all[p.ImportPath] = p
		if rel, ok := t.rel(p.ImportPath); ok {
			p.Path = rel
			t.Own = append(t.Own, p)
		}
	}
	slices.SortFunc(t.Own, func(a, b *Package) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// rel gives an import path relative to the tree, and whether it lies in it.
func (t *Tree) rel(path string) (string, bool) {
	if path == t.Module {
		return ".", true
	}
	return strings.CutPrefix(path, t.Module+"/")
}

// Sub gives the folder name of t as a tree of its own, as if it were a module.
func (t *Tree) Sub(name string) *Tree {
	sub := &Tree{Module: t.Module + "/" + name, all: t.all, cgo: t.cgo, files: t.files, fset: t.fset}
	for _, p := range t.Own {
		if rel, ok := sub.rel(p.ImportPath); ok {
			own := *p
			own.Path = rel
			sub.Own = append(sub.Own, &own)
		}
	}
	return sub
}

// module names the third-party module of an import path, "" for the standard
// library and for the tree's own packages.
func (t *Tree) module(path string) string {
	p := t.all[path]
	if _, own := t.rel(path); own || p == nil || p.Standard || p.Module == nil {
		return ""
	}
	return p.Module.Path
}

func (t *Tree) standard(path string) bool {
	p := t.all[path]
	return p != nil && p.Standard
}
