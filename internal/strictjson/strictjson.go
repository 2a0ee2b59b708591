// Package strictjson decodes JSON from outside without the leniences of
// encoding/json: duplicate keys, unknown or wrongly-cased fields, trailing data,
// invalid UTF-8, lone surrogates and null for a plain value are refused, as are
// lists of another length than their array, base64 that is not canonical, maps whose
// keys are no plain strings, and what exceeds the [Limits].
//
// Every refusal names the place (RFC 6901) and the rule, also where encoding/json
// would not: the element of a list, the value that a type's own method refuses. The
// cost is linear in the size of the text, and the text of an error is bounded and
// printable whatever the document holds.
//
// Packages wrap [Error] in an error type of their own: this one is internal.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// MaxName is the most bytes of a member's name.
const MaxName = 256

// Limits bound what is decoded. A zero field means the default.
type Limits struct {
	Bytes int // of the whole text; default 1 MiB
	Depth int // of nested objects and arrays; default 16
	Items int // object members and array elements in all; default 10,000
}

func (l Limits) orDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 1 << 20
	}
	if l.Depth == 0 {
		l.Depth = 16
	}
	if l.Items == 0 {
		l.Items = 10_000
	}
	return l
}

// Decode checks data and stores it in the value that the pointer v points to. When
// it returns an error, which is always an *[Error], what v points to is unspecified.
//
// The field option "string" of encoding/json is honoured, but such a field's value
// is checked by encoding/json only.
func Decode(data []byte, v any, lim Limits) error {
	typ := reflect.TypeOf(v)
	if typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem() // null is no document, unless v points to what takes it
	}
	if err := Check(data, typ, lim); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return locate(data, typ, lim, err)
	}
	return nil
}

// Check verifies that data is one JSON text within lim that fits the type typ,
// or any type when typ is nil, without decoding it: what kind of value stands in a
// place is told by decoding only. An error is always an *[Error].
func Check(data []byte, typ reflect.Type, lim Limits) error {
	lim = lim.orDefaults()
	if len(data) > lim.Bytes {
		return &Error{Rule: fmt.Sprintf("%d bytes, at most %d", len(data), lim.Bytes)}
	}
	if !utf8.Valid(data) {
		return &Error{Rule: "not valid UTF-8"}
	}
	if !json.Valid(data) {
		return syntax(data)
	}
	if err := newWalker(data, lim).value(typ, 0); err != nil {
		return err
	}
	return nil
}

// syntax says what is wrong with data, which is not one JSON text.
func syntax(data []byte) error {
	var first json.RawMessage
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&first)
	switch {
	case err == nil:
		return &Error{Rule: "data after the end of the document"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Rule: "document ends too early"}
	}
	return &Error{Rule: clean("not JSON: " + err.Error())}
}

// locate finds the value that err, of encoding/json, is about: it tells the names
// of struct fields only, and for a type's own error not even those.
func locate(data []byte, typ reflect.Type, lim Limits, err error) error {
	w := newWalker(data, lim.orDefaults())
	w.visit = func(typ reflect.Type, value []byte) string {
		if err := json.Unmarshal(value, reflect.New(typ).Interface()); err != nil {
			return reason(err)
		}
		return ""
	}
	if found := w.value(typ, 0); found != nil {
		return found
	}
	return &Error{Rule: reason(err)}
}

func reason(err error) string {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return clean(fmt.Sprintf("%s, want %s", shorten(mismatch.Value, maxShown), mismatch.Type))
	}
	return clean(err.Error())
}
