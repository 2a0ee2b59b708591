package strictjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// deref strips pointers; it gives nil for a type that decodes itself or takes
// anything, below which nothing can be checked by type.
func deref(typ reflect.Type) reflect.Type {
	for typ != nil {
		if reflect.PointerTo(typ).Implements(jsonUnmarshaler) || typ.Kind() == reflect.Interface {
			return nil
		}
		if typ.Kind() != reflect.Pointer {
			return typ
		}
		typ = typ.Elem()
	}
	return nil
}

// nullable says that null may stand for a value of the type: where the type asks
// for it, and for slices and maps, whose nil encoding/json writes as null.
func nullable(typ reflect.Type) bool {
	if reflect.PointerTo(typ).Implements(jsonUnmarshaler) || reflect.PointerTo(typ).Implements(textUnmarshaler) {
		return typ == reflect.TypeFor[json.RawMessage]()
	}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	default:
		return false
	}
}

// members returns what tells the type of each member of an object that is
// decoded into typ, and whether there may be such a member.
func members(typ reflect.Type) func(key string) (reflect.Type, bool) {
	switch {
	case typ == nil:
		return func(string) (reflect.Type, bool) { return nil, true }
	case typ.Kind() == reflect.Map:
		return func(string) (reflect.Type, bool) { return typ.Elem(), true }
	case typ.Kind() != reflect.Struct:
		return func(string) (reflect.Type, bool) { return nil, true } // a type error, told by encoding/json
	}
	fields := map[string]reflect.Type{}
	collect(typ, fields)
	return func(key string) (reflect.Type, bool) {
		t, ok := fields[key]
		return t, ok
	}
}

func collect(typ reflect.Type, fields map[string]reflect.Type) {
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "" && embedded(f.Type) != nil:
			collect(embedded(f.Type), fields)
		case !f.IsExported():
		case name != "":
			fields[name] = f.Type
		default:
			fields[f.Name] = f.Type
		}
	}
}

func embedded(typ reflect.Type) reflect.Type {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() == reflect.Struct {
		return typ
	}
	return nil
}
