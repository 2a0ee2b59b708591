package risk

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/clause"
)

// A checker collects what is wrong with a document.
type checker struct {
	errs []error
}

//go:noinline
func (c *checker) fail(path, rule string) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, &FieldError{path, rule})
	}
}

func (c *checker) failf(path, format string, args ...any) { c.fail(path, fmt.Sprintf(format, args...)) }

func (c *checker) err() error { return errors.Join(c.errs...) }

// enum is what the types with a closed list of values have.
type enum interface{ known() bool }

// walk checks what holds for every value of a document: members that are not
// marked omitempty are there, texts are printable and short, lists are short,
// dates are dates, values of closed lists are in them.
func (c *checker) walk(path string, v reflect.Value, optional bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.walk(path, v.Elem(), optional)
		}
	case reflect.Struct:
		for f := range members(v.Type()) {
			c.walk(path+"/"+f.name, v.FieldByIndex(f.index), f.optional)
		}
	case reflect.Slice:
		c.list(path, v, optional)
	case reflect.Map:
		c.table(path, v)
	case reflect.String:
		c.text(path, v, optional)
	case reflect.Uint8:
		if id, ok := reflect.TypeAssert[clause.ID](v); ok && !id.Capability() {
			c.failf(path, "not an entry of 27402 5.2: %s", id)
		}
	}
}

func (c *checker) list(path string, v reflect.Value, optional bool) {
	if v.Len() == 0 && !optional {
		c.fail(path, "required, with one element at least")
	}
	if v.Len() > MaxList {
		c.failf(path, "%d elements, at most %d", v.Len(), MaxList)
		return
	}
	if features, ok := reflect.TypeAssert[[]clause.Feature](v); ok {
		c.composition(path, features)
		return
	}
	for i := range v.Len() {
		c.walk(fmt.Sprintf("%s/%d", path, i), v.Index(i), false)
	}
	if ids, ok := reflect.TypeAssert[[]clause.ID](v); ok {
		repeated(c, path, ids)
	}
	if texts, ok := reflect.TypeAssert[[]string](v); ok {
		repeated(c, path, texts)
	}
}

// composition checks features, which may answer entries outside 5.2 too.
func (c *checker) composition(path string, features []clause.Feature) {
	if err := clause.Check(features); err != nil {
		c.fail(path, err.Error())
	}
	for i, f := range features {
		texts := []string{f.Package, f.Summary}
		for _, s := range f.Settings {
			texts = append(texts, s.Name, s.Value)
		}
		if slices.ContainsFunc(texts, func(s string) bool { return len(s) > MaxText || !printable(s) }) {
			c.failf(fmt.Sprintf("%s/%d", path, i), "want printable characters, at most %d bytes", MaxText)
		}
	}
}

func repeated[T comparable](c *checker, path string, list []T) {
	for i, e := range list {
		if slices.Contains(list[:i], e) {
			c.fail(fmt.Sprintf("%s/%d", path, i), "given twice")
		}
	}
}

func (c *checker) table(path string, v reflect.Value) {
	if v.Len() == 0 || v.Len() > MaxList {
		c.failf(path, "%d members, want 1 to %d", v.Len(), MaxList)
		return
	}
	for _, key := range v.MapKeys() {
		at := path + "/" + escape(key.String())
		c.id(at, key.String())
		c.walk(at, v.MapIndex(key), false)
	}
}

func (c *checker) text(path string, v reflect.Value, optional bool) {
	s := v.String()
	switch {
	case s == "" && !optional:
		c.fail(path, "required")
	case s == "":
	case len(s) > MaxText:
		c.failf(path, "%d bytes, at most %d", len(s), MaxText)
	case !printable(s):
		c.fail(path, "want printable characters")
	default:
		c.special(path, v)
	}
}

func (c *checker) special(path string, v reflect.Value) {
	switch e := v.Interface().(type) {
	case Date:
		if _, ok := e.Time(); !ok {
			c.fail(path, "want a date such as 2027-04-30")
		}
	case enum:
		if !e.known() {
			c.fail(path, "unknown value "+quote(v.String()))
		}
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError })
}

// id checks the form of an id.
func (c *checker) id(path, s string) bool {
	ok := s != "" && len(s) <= MaxID && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
	if !ok {
		c.failf(path, "want 1 to %d of a-z A-Z 0-9 . _ -", MaxID)
	}
	return ok
}

type member struct {
	name     string
	typ      reflect.Type
	index    []int
	optional bool
}

// members yields the JSON members of a struct, those of embedded ones as its own.
func members(typ reflect.Type) iter.Seq[member] {
	return func(yield func(member) bool) { eachMember(typ, nil, yield) }
}

func eachMember(typ reflect.Type, outer []int, yield func(member) bool) bool {
	for i := range typ.NumField() {
		f := typ.Field(i)
		index := append(slices.Clip(outer), i)
		if f.Anonymous {
			if !eachMember(f.Type, index, yield) {
				return false
			}
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !yield(member{name, f.Type, index, rest == "omitempty"}) {
			return false
		}
	}
	return true
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
