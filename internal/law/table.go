package law

import (
	"path"
	"slices"
	"strings"
)

// A Floor says where in the building a package stands. A package imports from
// the floors below its own, as [Table] tells, never from its own floor or above.
type Floor int

// The floors, from the ground up.
const (
	Support   Floor = iota + 1 // internal/strictjson: under everything
	Floor0                     // clause, durable, receipt
	Floor1a                    // access
	Floor1b                    // notify
	Floor1c                    // access/gate and others that know the network
	Floor2                     // the capabilities
	Floor3a                    // baseline
	Floor3b                    // what stands on a composed device
	Backend                    // beside the floors: implementations
	Kit                        // beside the floors: conformance kits, imported by tests
	Example                    // runnable programs
	Tool                       // programs for the bench of this module
	floorsEnd                  // not a floor
)

// below names the floors that each floor may import from.
var below = [floorsEnd][]Floor{
	Floor0:  {Support},
	Floor1a: {Support, Floor0},
	Floor1b: {Support, Floor0, Floor1a},
	Floor1c: {Support, Floor0, Floor1a, Floor1b, Floor1c},
	Floor2:  {Support, Floor0, Floor1a, Floor1b, Floor1c},
	Floor3a: {Support, Floor0, Floor1a, Floor1b},
	Floor3b: {Support, Floor0, Floor1a, Floor1b, Floor1c, Floor2, Floor3a},
	Backend: {Support, Floor0, Floor1a, Floor1b, Floor1c, Floor2},
	Kit:     {Support, Floor0, Floor1a, Floor1b},
	Example: {Floor0, Floor1a, Floor1b, Floor1c, Floor2, Floor3a, Floor3b, Backend},
	Tool:    {Support, Floor0, Floor1a, Floor1b, Floor1c, Floor2, Floor3a, Floor3b, Backend, Tool},
}

// A Rule is what one package may import beyond its floor.
type Rule struct {
	Path    string   // relative to the module; a last element "*" stands for any one name
	Floor   Floor    // where it stands
	Own     []string // packages of this module, beside those of the floors below
	Std     []string // guarded packages of the standard library
	Modules []string // third-party modules that it may reach; the first is the one it may import
}

// A Table is the law of imports of a module.
type Table struct {
	Rules []Rule
	// Vendor names the exported interfaces of capabilities ("protect.KeyStore")
	// that a vendor or a backend implements, and no other capability: only these
	// may have types of their own package in a signature.
	Vendor []string
	// TestModules may be imported by _test.go files, and by nothing else.
	TestModules []string
	// Gate is the one package that may dial and listen.
	Gate string
	// Writer is the one package that may write to a medium.
	Writer string
}

// rule finds the rule of a package: the exact one before one with a star.
func (t *Table) rule(rel string) *Rule {
	var star *Rule
	for i := range t.Rules {
		r := &t.Rules[i]
		if r.Path == rel {
			return r
		}
		if ok, err := path.Match(r.Path, rel); ok && err == nil {
			star = r
		}
	}
	return star
}

// may reports whether a package under r may import the package rel, under target.
func (r *Rule) may(self, rel string, target *Rule) bool {
	switch {
	case slices.Contains(r.Own, rel):
		return true
	case target == nil:
		return false
	case isParent(rel, self) && target.Floor <= Floor2:
		return true // a sub-package may import its parent
	case r.Floor == Kit && rel == kitFor(self):
		return true // a kit imports what it tests
	default:
		return slices.Contains(below[r.Floor], target.Floor)
	}
}

func isParent(parent, child string) bool { return strings.HasPrefix(child, parent+"/") }

// kitFor names the package that a kit tests: the one whose folder it lies in.
func kitFor(kit string) string { return path.Dir(kit) }

// device reports whether code of this floor may be linked into firmware.
func (f Floor) device() bool { return f != Kit && f != Tool }
