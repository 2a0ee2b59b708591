package law

import (
	"slices"
	"strconv"
	"strings"
)

// guarded packages of the standard library are imported, directly or through
// another, only by packages whose rule names them.
var guarded = map[string]string{
	"net":        "who reaches the network goes through access/gate",
	"crypto/tls": "who reaches the network goes through access/gate",
	"net/http":   "it must not ride along with every device",
	"os/exec":    "a device starts programs only where the table says so",
}

// doorways are packages of the standard library that import a guarded one for
// its types alone: crypto/x509 parses addresses with net and dials nothing.
var doorways = []string{"crypto/x509"}

// never lists packages that firmware must not link at all.
var never = map[string]string{
	"testing": "only kits and _test.go files import testing",
	"expvar":  "it registers an HTTP handler by being linked",
	"plugin":  "it needs cgo and loads code that nobody verified",
}

// Imports checks every package of the tree against the table: floors, standard
// library, third-party modules, what must stay unreachable.
func Imports(t *Tree, tab *Table) []Violation {
	r := &report{law: "imports", tree: t}
	for _, p := range t.Own {
		rule := tab.rule(p.Path)
		if rule == nil {
			if len(p.Files) > 0 || len(p.IgnoredGoFiles) > 0 {
				r.pkg(p, "no row in the table of internal/law: list it with its floor")
			}
			continue
		}
		ownImports(r, tab, rule, p)
		stdImports(r, rule, p)
		moduleImports(r, rule, p)
		testImports(r, tab, rule, p)
		unreachable(r, rule, p)
		unseen(r, tab, p)
	}
	return r.sorted()
}

func ownImports(r *report, tab *Table, rule *Rule, p *Package) {
	var capabilities []string
	for _, imp := range p.Imports {
		rel, own := r.tree.rel(imp)
		if !own {
			continue
		}
		target := tab.rule(rel)
		if !rule.may(p.Path, rel, target) {
			r.pkg(p, "imports %s, which its floor does not reach", rel)
		}
		if target != nil && target.Floor == Floor2 {
			capabilities = append(capabilities, rel)
		}
	}
	if rule.Floor == Backend && len(capabilities) > 1 {
		r.pkg(p, "a backend serves one capability, or imports none and fits structurally: %s", strings.Join(capabilities, ", "))
	}
}

func stdImports(r *report, rule *Rule, p *Package) {
	if rule.Floor == Example || rule.Floor == Tool || rule.Floor == Kit {
		return
	}
	for _, imp := range p.Imports {
		if !r.tree.standard(imp) || slices.Contains(doorways, imp) {
			continue
		}
		reached := append([]string{imp}, r.tree.all[imp].Deps...)
		for _, dep := range reached {
			why, bad := guarded[dep]
			if bad && !slices.Contains(rule.Std, dep) && !slices.Contains(rule.Std, imp) {
				r.pkg(p, "imports %s and so %s: %s", imp, dep, why)
				break
			}
		}
	}
}

func moduleImports(r *report, rule *Rule, p *Package) {
	var direct []string
	for _, imp := range p.Imports {
		m := r.tree.module(imp)
		if m == "" {
			continue
		}
		if !slices.Contains(direct, m) {
			direct = append(direct, m)
		}
		for _, dep := range append([]string{imp}, r.tree.all[imp].Deps...) {
			if dm := r.tree.module(dep); dm != "" && !slices.Contains(rule.Modules, dm) {
				r.pkg(p, "reaches module %s by %s: not in its row", dm, imp)
				break
			}
		}
	}
	if rule.Floor == Backend && len(direct) > 1 {
		r.pkg(p, "a backend imports one third-party module: %s", strings.Join(direct, ", "))
	}
}

func testImports(r *report, tab *Table, rule *Rule, p *Package) {
	for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
		m := thirdParty(r.tree, imp)
		if m != "" && !slices.ContainsFunc(slices.Concat(tab.TestModules, rule.Modules), func(ok string) bool { return under(m, ok) }) {
			r.pkg(p, "its tests import %s: tests have testify and the standard library", imp)
		}
	}
}

// thirdParty tells by its first element, since packages that only tests import
// are not in the list of dependencies.
func thirdParty(t *Tree, imp string) string {
	first, _, _ := strings.Cut(imp, "/")
	if _, own := t.rel(imp); own || !strings.Contains(first, ".") {
		return ""
	}
	return imp
}

func under(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func unreachable(r *report, rule *Rule, p *Package) {
	if !rule.Floor.device() {
		return
	}
	for _, dep := range p.Deps {
		if r.tree.cgo[dep] && !r.tree.standard(dep) {
			r.pkg(p, "reaches %s, which has cgo: firmware is built without", dep)
		}
		if why, bad := never[dep]; bad {
			r.pkg(p, "reaches %s: %s", dep, why)
		}
		low := rule.Floor <= Floor3a && rule.Floor != Floor1c
		if low && (dep == "net/http" || dep == "crypto/tls") && !slices.Contains(rule.Std, dep) {
			r.pkg(p, "reaches %s: it must not ride along with every device", dep)
		}
	}
}

// unseen refuses what hides from the other laws: files that a build tag leaves
// out, cgo, assembly, unsafe, linkname.
func unseen(r *report, tab *Table, p *Package) {
	if p.Path != tab.Writer {
		for _, name := range p.IgnoredGoFiles {
			if !strings.HasSuffix(name, "_test.go") {
				r.pkg(p, "%s is left out by a build tag or its name, so no law sees it: make a package instead", name)
			}
		}
	}
	if r.tree.cgo[p.ImportPath] || len(p.SFiles) > 0 {
		r.pkg(p, "has cgo or assembly files")
	}
	for _, f := range p.Files {
		for _, imp := range f.Imports {
			if path, err := strconv.Unquote(imp.Path.Value); err == nil && path == "unsafe" {
				r.at(p, imp.Pos(), "imports unsafe")
			}
		}
		for _, group := range f.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:linkname") {
					r.at(p, c.Pos(), "go:linkname reaches past the laws")
				}
			}
		}
	}
}
