package config

import (
	"encoding/json"
	"reflect"
	"slices"
)

// encoder writes settings as JSON: members in the order of the struct, entries
// of maps sorted, so that equal settings give equal bytes.
type encoder struct {
	buf     []byte
	at      pointer
	secrets bool                  // written, not left out
	floor   bool                  // only settings marked floor
	keep    func(at pointer) bool // only settings it keeps, or nil
}

// encode writes v. In an object, what equals base is left out; base may be the
// zero Value.
func (e *encoder) encode(n *node, v, base reflect.Value) {
	switch n.kind {
	case kObject:
		e.object(n, v, base)
	case kList:
		e.list(n, v)
	case kDict:
		e.dict(n, v)
	case kString, kDuration:
		text, err := json.Marshal(n.format(n.load(v)))
		if err != nil {
			panic(err) // a string always has a JSON form
		}
		e.buf = append(e.buf, text...)
	default:
		e.buf = append(e.buf, n.format(n.load(v))...)
	}
}

func (e *encoder) object(n *node, v, base reflect.Value) {
	e.buf = append(e.buf, '{')
	empty := true
	for _, f := range n.fields {
		var below reflect.Value
		if base.IsValid() {
			below = base.Field(f.index)
		}
		empty = e.member(f, f.name, v.Field(f.index), below, empty)
	}
	e.buf = append(e.buf, '}')
}

// member writes one member, unless it is left out or nothing of it is kept, and
// reports whether the object is still empty.
func (e *encoder) member(n *node, name string, v, base reflect.Value, empty bool) bool {
	if !e.wants(n) || base.IsValid() && n.same(v, base) {
		return empty
	}
	back := e.at.push(name)
	defer func() { e.at.pop(back) }()
	if (n.isScalar() || n.kind == kList) && e.keep != nil && !e.keep(e.at) {
		return empty
	}
	start := len(e.buf)
	if !empty {
		e.buf = append(e.buf, ',')
	}
	e.buf = append(append(append(e.buf, '"'), name...), '"', ':') // names need no escape
	value := len(e.buf)
	e.encode(n, v, base)
	if e.keep != nil && n.kind&(kObject|kDict) != 0 && len(e.buf) == value+len("{}") {
		e.buf = e.buf[:start]
		return empty
	}
	return false
}

func (e *encoder) wants(n *node) bool {
	if e.floor && !n.floors {
		return false
	}
	return e.secrets || !n.isScalar() || n.typ != typeSecret
}

func (e *encoder) list(n *node, v reflect.Value) {
	e.buf = append(e.buf, '[')
	for i := range v.Len() {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		whole := encoder{buf: e.buf, secrets: e.secrets}
		whole.encode(n.elem, v.Index(i), reflect.Value{})
		e.buf = whole.buf
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) dict(n *node, v reflect.Value) {
	e.buf = append(e.buf, '{')
	empty := true
	for _, key := range sortedKeys(v) {
		empty = e.member(n.elem, key.String(), v.MapIndex(key), reflect.Value{}, empty)
	}
	e.buf = append(e.buf, '}')
}

// sortedKeys sorts the text of the keys: a sort of reflect.Value would add 12 KB to
// the program, one of strings is in it anyway.
func sortedKeys(m reflect.Value) []reflect.Value {
	texts := make([]string, 0, m.Len())
	for it := m.MapRange(); it.Next(); {
		texts = append(texts, it.Key().String())
	}
	slices.Sort(texts)
	keys := make([]reflect.Value, len(texts))
	for i, text := range texts {
		keys[i] = reflect.New(m.Type().Key()).Elem()
		keys[i].SetString(text)
	}
	return keys
}
