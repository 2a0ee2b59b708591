package powercut

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Covered fails t unless every exported method of the types is either one that
// an op goes through or listed in reads, which change nothing on a medium. It
// also fails for a name in either list that no type has, and for one in both.
//
// Types are given by values, typically nil pointers: (*durable.Dir)(nil) stands
// for Dir with its pointer methods, (*Store)(nil) for an interface. A method is
// written "Dir.Put"; a generic type is written without its parameters. A name
// without a dot is a plain function, which reflection cannot see: it is taken as
// it stands in ops and refused in reads.
func Covered(t testing.TB, ops []Op, reads []string, types ...any) {
	t.Helper()
	exist := map[string]bool{}
	for _, v := range types {
		for _, name := range methodNames(reflect.TypeOf(v)) {
			exist[name] = true
		}
	}
	written := map[string]bool{}
	for _, op := range ops {
		for _, name := range op.Methods {
			written[name] = true
			if strings.Contains(name, ".") && !exist[name] {
				t.Errorf("powercut: op %s: no method %s", op.Name, name)
			}
		}
	}
	for _, name := range reads {
		if !exist[name] {
			t.Errorf("powercut: reads: no method %s", name)
		}
		if written[name] {
			t.Errorf("powercut: reads: %s is also the method of an op", name)
		}
	}
	for _, name := range sortedKeys(exist) {
		if !written[name] && !slices.Contains(reads, name) {
			t.Errorf("powercut: no op goes through %s", name)
		}
	}
}

// methodNames returns the exported methods of a type as "Type.Method".
func methodNames(t reflect.Type) []string {
	elem := t
	if t.Kind() == reflect.Pointer {
		elem = t.Elem()
	}
	if elem.Kind() == reflect.Interface {
		t = elem
	}
	name, _, _ := strings.Cut(elem.Name(), "[")
	var out []string
	for m := range t.Methods() {
		if m.IsExported() {
			out = append(out, name+"."+m.Name)
		}
	}
	return out
}
