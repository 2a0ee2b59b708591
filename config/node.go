package config

import (
	"reflect"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// kinds is a set of the kinds of settings.
type kinds uint16

const (
	kBool kinds = 1 << iota
	kInt
	kUint
	kFloat
	kString
	kDuration
	kObject
	kList
	kDict

	ranged  = kInt | kUint | kFloat | kDuration
	scalars = kBool | kString | ranged
	anyKind = scalars | kObject | kList | kDict
)

// name is the JSON type, more exactly.
func (k kinds) name() string {
	switch k {
	case kBool:
		return "boolean"
	case kInt, kUint:
		return "integer"
	case kFloat:
		return "number"
	case kString:
		return "string"
	case kDuration:
		return "duration"
	case kList:
		return "array"
	}
	return "object"
}

// A node is a compiled setting: a plain value, an object of settings, or a list
// or dict (a Go map) of one of these. It does not change after compile.
type node struct {
	kind  kinds
	name  string // member name in JSON; "" for the root and for elements
	index int    // of the struct field
	typ   reflect.Type

	fields []*node        // of an object, in the order of the struct
	byName map[string]int // into fields
	elem   *node          // of a list or dict

	rules
	grades []grade
	def    reflect.Value // of a list or dict, and of an object that is an element
	defVal scalar        // of a plain value

	tag     fieldTag
	graded  bool // it or something below it may be insecure
	secrets bool // it or something below it is a secret
	floors  bool // it or something below it is a floor setting
}

// rules are what a value must satisfy.
type rules struct {
	minInt, maxInt     int64 // also of uints and durations
	minFloat, maxFloat float64
	minLen, maxLen     int // characters
	charset            *charset
	pattern            Pattern
	enum               []scalar
	minItems, maxItems int
	keys               *charset
}

// fieldTag is what a tag says beside rules.
type fieldTag struct {
	doc, unit               string
	class                   access.Class
	restart, floor, require bool
	write                   string
	needs                   []access.Permission
}

// scalar is a plain value of any kind; only the member of its kind counts.
type scalar struct {
	b bool
	i int64
	f float64
	s string
}

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typeSecret   = reflect.TypeFor[Secret]()
)

// load reads the plain value in v.
func (n *node) load(v reflect.Value) scalar {
	switch n.kind {
	case kBool:
		return scalar{b: v.Bool()}
	case kInt, kDuration:
		return scalar{i: v.Int()}
	case kUint:
		return scalar{i: int64(v.Uint())}
	case kFloat:
		return scalar{f: v.Float()}
	default:
		return scalar{s: v.String()}
	}
}

// store writes the plain value into v.
func (n *node) store(v reflect.Value, x scalar) {
	switch n.kind {
	case kBool:
		v.SetBool(x.b)
	case kInt, kDuration:
		v.SetInt(x.i)
	case kUint:
		v.SetUint(uint64(x.i))
	case kFloat:
		v.SetFloat(x.f)
	default:
		v.SetString(x.s)
	}
}

// reset sets v to the default.
func (n *node) reset(v reflect.Value) {
	switch n.kind {
	case kObject:
		if n.def.IsValid() {
			v.Set(n.def)
			return
		}
		for _, f := range n.fields {
			f.reset(v.Field(f.index))
		}
	case kList, kDict:
		v.Set(n.def)
	default:
		n.store(v, n.defVal)
	}
}

func (n *node) isScalar() bool { return n.kind&scalars != 0 }

// field returns the member called name; hint is where it is likely to stand.
func (n *node) field(name string, hint int) (i int, ok bool) {
	if hint < len(n.fields) && n.fields[hint].name == name {
		return hint, true
	}
	i, ok = n.byName[name]
	return i, ok
}

// same reports whether a and b hold equal settings.
func (n *node) same(a, b reflect.Value) bool {
	switch n.kind {
	case kObject:
		for _, f := range n.fields {
			if !f.same(a.Field(f.index), b.Field(f.index)) {
				return false
			}
		}
		return true
	case kList:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !n.elem.same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case kDict:
		return n.sameDict(a, b)
	default:
		return n.load(a) == n.load(b)
	}
}

func (n *node) sameDict(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for it := a.MapRange(); it.Next(); {
		other := b.MapIndex(it.Key())
		if !other.IsValid() || !n.elem.same(it.Value(), other) {
			return false
		}
	}
	return true
}
