package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Limits of a schema.
const (
	maxDepth      = 8   // of objects, lists and maps in one another
	maxMemberName = 32  // bytes
	maxMapKey     = 64  // bytes
	maxElements   = 1e6 // of a list or map
	maxLength     = 65536
)

// compiler turns a struct type into nodes.
type compiler struct {
	patterns map[string]Pattern
	count    int // nodes so far
}

//go:noinline
func schemaError(field, format string, args ...any) error {
	return &SchemaError{Field: field, Rule: fmt.Sprintf(format, args...)}
}

// object compiles the fields of a struct, which inherit from n class, restart and
// floor.
func (c *compiler) object(n *node, field string, depth int) error {
	n.kind, n.byName = kObject, map[string]int{}
	for f := range n.typ.Fields() {
		child, err := c.member(n, f, field+"."+f.Name, depth)
		if err != nil {
			return err
		}
		if child == nil {
			continue
		}
		if _, ok := n.byName[child.name]; ok {
			return schemaError(field+"."+f.Name, "another field is called %q too", child.name)
		}
		n.byName[child.name] = len(n.fields)
		n.fields = append(n.fields, child)
		n.inherit(child)
	}
	if len(n.fields) == 0 {
		return schemaError(field, "%s has no settings; it may need a kind that is supported", n.typ)
	}
	return nil
}

// inherit notes in n what is below it.
func (n *node) inherit(child *node) {
	n.graded = n.graded || child.graded
	n.secrets = n.secrets || child.secrets
	n.floors = n.floors || child.floors
}

// member compiles one field of a struct; nil for one that is no setting.
func (c *compiler) member(parent *node, f reflect.StructField, field string, depth int) (*node, error) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	tag, tagged := f.Tag.Lookup("setting")
	switch {
	case name == "-" && !tagged:
		return nil, nil
	case !f.IsExported():
		return nil, schemaError(field, "not exported: settings are, and nothing else is in their struct")
	case !validMember(name) || options != "":
		return nil, schemaError(field, `json tag is a name of [a-zA-Z][a-zA-Z0-9_-]*, at most %d bytes, without options`, maxMemberName)
	}
	entries, rule := parseTag(tag)
	if rule != "" {
		return nil, schemaError(field, "%s", rule)
	}
	n := &node{name: name, index: f.Index[0], typ: f.Type, tag: fieldTag{
		class: parent.tag.class, restart: parent.tag.restart, floor: parent.tag.floor,
	}}
	return n, c.compile(n, entries, field, depth)
}

func validMember(name string) bool {
	if name == "" || len(name) > maxMemberName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// compile fills n, whose type and inheritance are set.
func (c *compiler) compile(n *node, entries []entry, field string, depth int) error {
	if c.count++; c.count > 20_000 || depth > maxDepth {
		return schemaError(field, "more than 20000 fields, or nested deeper than %d", maxDepth)
	}
	n.kind = kindOf(n.typ)
	if n.kind == 0 {
		return schemaError(field, "type %s is not supported: see the package documentation", n.typ)
	}
	for _, e := range entries {
		if tagKeys[e.key].kinds&n.kind == 0 {
			return schemaError(field, "%s is not for a value of kind %s", e.key, n.kind.name())
		}
	}
	if err := c.below(n, entries, field, depth); err != nil {
		return err
	}
	if err := n.apply(entries, c.patterns, field); err != nil {
		return err
	}
	return n.finish(entries, field)
}

// below compiles what n consists of.
func (c *compiler) below(n *node, entries []entry, field string, depth int) error {
	for _, e := range entries { // before the children, which inherit it
		switch e.key {
		case "restart":
			n.tag.restart = true
		case "floor":
			n.tag.floor = true
		case "class":
			if n.tag.class = classByName(e.value); n.tag.class == 0 {
				return schemaError(field, "class is public, device, person or secret")
			}
		}
	}
	switch n.kind {
	case kObject:
		return c.object(n, field, depth+1)
	case kDict:
		if n.typ.Key().Kind() != reflect.String || n.typ.Key() == typeSecret {
			return schemaError(field, "the key of a map is a string")
		}
		return c.element(n, entries, field, depth)
	case kList:
		return c.element(n, entries, field, depth)
	}
	return nil
}

// element compiles the elements of a list or map. What a tag says about plain
// values is about them.
func (c *compiler) element(n *node, entries []entry, field string, depth int) error {
	n.elem = &node{typ: n.typ.Elem(), tag: fieldTag{class: n.tag.class, restart: n.tag.restart, floor: n.tag.floor, require: true}}
	e := n.elem
	e.kind = kindOf(e.typ)
	switch {
	case e.kind == kObject:
		if err := c.object(e, field+"[]", depth+1); err != nil {
			return err
		}
		def := reflect.New(e.typ).Elem()
		e.reset(def)
		e.def = def
	case e.isScalar():
		var own []entry
		for _, x := range entries {
			if tagKeys[x.key].kinds&e.kind != 0 && elementKeys[x.key] {
				own = append(own, x)
			}
		}
		if err := e.apply(own, c.patterns, field); err != nil {
			return err
		}
		if err := e.finish(own, field); err != nil {
			return err
		}
	default:
		return schemaError(field, "elements are plain values or structs, not %s", e.typ)
	}
	if e.secrets && n.kind == kList {
		return schemaError(field, "a secret in a list cannot be kept when the list changes: use a map")
	}
	if err := onlyAtTop(e, field); err != nil {
		return err
	}
	n.inherit(e)
	return nil
}

// elementKeys are the keys that on a list or map speak of its elements.
var elementKeys = map[string]bool{
	"min": true, "max": true, "minlen": true, "maxlen": true, "charset": true, "pattern": true,
	"enum": true, "unit": true, "insecure": true, "warn": true,
}

// onlyAtTop refuses in elements what holds for a list or map as a whole.
func onlyAtTop(e *node, field string) error {
	for _, f := range e.fields {
		if f.tag.restart != e.tag.restart || f.tag.floor != e.tag.floor {
			return schemaError(field, "restart and floor stand at the list or map, not in its elements")
		}
		if err := onlyAtTop(f, field); err != nil {
			return err
		}
	}
	return nil
}

func kindOf(t reflect.Type) kinds {
	switch {
	case t == typeDuration:
		return kDuration
	case t == typeSecret:
		return kString
	case encodesItself(t):
		return 0
	}
	switch t.Kind() {
	case reflect.Bool:
		return kBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return kInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kUint
	case reflect.Float32, reflect.Float64:
		return kFloat
	case reflect.String:
		return kString
	case reflect.Struct:
		return kObject
	case reflect.Slice:
		return kList
	case reflect.Map:
		return kDict
	}
	return 0
}

// encodesItself reports whether t has a text form that this package would not use.
func encodesItself(t reflect.Type) bool {
	for _, i := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
	} {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

func classByName(name string) access.Class {
	for c := access.ClassPublic; c <= access.ClassSecret; c++ {
		if c.String() == name {
			return c
		}
	}
	return 0
}
