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

// takes is what kind of values a type is decoded from, as far as it matters here.
type takes int

const (
	anything  takes = iota // an interface: whatever stands there
	opaque                 // no type, or one that decodes itself: nothing below is checked
	scalar                 // neither object nor array
	record                 // an object with the fields of a struct
	dict                   // an object with any members
	list                   // an array
	fixedList              // an array of one length
	byteList               // an array, whose elements are bytes that decode themselves
	bytesText              // a base64 text
)

// shape is what a walker needs to know of a type.
type shape struct {
	takes    takes
	nullable bool
	elem     reflect.Type            // of a list or dict; nil is not checked
	fields   map[string]reflect.Type // of a record
	length   int                     // of a fixedList
	keys     reflect.Type            // of a dict, if they are no plain strings
}

// shape returns the shape of typ, pointers stripped; it is made once.
func (w *walker) shape(typ reflect.Type) *shape {
	s := w.shapes[typ]
	if s == nil {
		s = newShape(typ)
		w.shapes[typ] = s
	}
	return s
}

func newShape(typ reflect.Type) *shape {
	if typ == nil {
		return &shape{takes: opaque, nullable: true}
	}
	s := &shape{nullable: nullable(typ)}
	for ; ; typ = typ.Elem() {
		if decodes(typ, jsonUnmarshaler) {
			s.takes = opaque
			return s
		}
		if typ.Kind() != reflect.Pointer {
			break
		}
	}
	switch {
	case typ.Kind() == reflect.Interface:
		s.elem = reflect.TypeFor[any]()
	case decodes(typ, textUnmarshaler):
		s.takes = scalar
	default:
		s.contents(typ)
	}
	return s
}

// contents tells what is decoded into a type that does not decode itself.
func (s *shape) contents(typ reflect.Type) {
	s.takes = scalar
	switch typ.Kind() {
	case reflect.Struct:
		s.takes, s.fields = record, map[string]reflect.Type{}
		collect(typ, s.fields)
	case reflect.Map:
		s.takes, s.elem = dict, typ.Elem()
		if typ.Key().Kind() != reflect.String || decodes(typ.Key(), textUnmarshaler) {
			s.keys = typ.Key()
		}
	case reflect.Array:
		s.takes, s.elem, s.length = fixedList, typ.Elem(), typ.Len()
	case reflect.Slice:
		s.takes, s.elem = list, typ.Elem()
		if s.elem.Kind() != reflect.Uint8 { // encoding/json takes base64 for all others
			return
		}
		s.takes = bytesText
		if decodes(s.elem, jsonUnmarshaler) || decodes(s.elem, textUnmarshaler) {
			s.takes = byteList
		}
	}
}

// member tells the type of the member called name, and whether there may be one.
func (s *shape) member(name []byte) (reflect.Type, bool) {
	switch s.takes {
	case record:
		typ, ok := s.fields[string(name)]
		return typ, ok
	case dict, anything:
		return s.elem, true
	}
	return nil, true // what an object cannot be decoded into, as encoding/json will say
}

// element tells the type of the elements of an array.
func (s *shape) element() reflect.Type {
	switch s.takes {
	case list, fixedList, byteList, anything:
		return s.elem
	}
	return nil
}

// decides says that whether a value that begins with c can be decoded does not
// depend on the values in it alone.
func (s *shape) decides(c byte) bool {
	switch s.takes {
	case anything:
		return c != '{' && c != '['
	case record, dict:
		return c != '{'
	case list, fixedList, byteList:
		return c != '['
	}
	return true
}

// decodes says that typ has the method of a decoding interface.
func decodes(typ, iface reflect.Type) bool { return reflect.PointerTo(typ).Implements(iface) }

// nullable says that null may stand for a value of the type: where the type asks
// for it, and for slices and maps, whose nil encoding/json writes as null.
func nullable(typ reflect.Type) bool {
	if decodes(typ, jsonUnmarshaler) || decodes(typ, textUnmarshaler) {
		return typ == reflect.TypeFor[json.RawMessage]()
	}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	default:
		return false
	}
}

// collect notes the types of the fields of a struct by their names in JSON. A field
// hides the one of the same name in an embedded struct.
func collect(typ reflect.Type, fields map[string]reflect.Type) {
	var embedded []reflect.Type
	for f := range typ.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		within := structOf(f.Type)
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "" && within != nil:
			embedded = append(embedded, within)
		case !f.IsExported():
		default:
			if name == "" {
				name = f.Name
			}
			if fields[name] = f.Type; strings.Contains(opts, "string") && quotable(f.Type) {
				fields[name] = nil // encoding/json checks what is in the string
			}
		}
	}
	for _, typ := range embedded {
		inner := map[string]reflect.Type{}
		collect(typ, inner)
		for name, typ := range inner {
			if _, hidden := fields[name]; !hidden {
				fields[name] = typ
			}
		}
	}
}

// quotable says that the option "string" has an effect on the type.
func quotable(typ reflect.Type) bool {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.Kind() >= reflect.Bool && typ.Kind() <= reflect.Float64 || typ.Kind() == reflect.String
}

func structOf(typ reflect.Type) reflect.Type {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() == reflect.Struct {
		return typ
	}
	return nil
}
