// Package strictjson decodes JSON from outside without the leniences of
// encoding/json: duplicate keys, unknown or wrongly-cased fields, trailing data,
// invalid UTF-8, lone surrogates and null for a plain value are refused, as is
// what exceeds the [Limits]. Every refusal names the place (RFC 6901) and the rule.
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
	"strconv"
	"strings"
	"unicode/utf8"
)

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

// Error says which rule was broken and where.
type Error struct {
	Path string // RFC 6901 pointer; "" is the whole document
	Rule string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Rule
	}
	return e.Path + ": " + e.Rule
}

// Decode checks data and stores it in the value v points to. When it returns an
// error, which is always an *[Error], what v points to is unspecified.
func Decode(data []byte, v any, lim Limits) error {
	if err := Check(data, reflect.TypeOf(v), lim); err != nil {
		return err
	}
	return decode(data, v)
}

// Check verifies that data is one JSON text within lim that fits the type typ,
// or any type when typ is nil, without decoding it.
func Check(data []byte, typ reflect.Type, lim Limits) error {
	lim = lim.orDefaults()
	if len(data) > lim.Bytes {
		return &Error{Rule: fmt.Sprintf("%d bytes, at most %d", len(data), lim.Bytes)}
	}
	if !utf8.Valid(data) {
		return &Error{Rule: "not valid UTF-8"}
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(data)), lim: lim}
	w.dec.UseNumber()
	if err := w.value("", typ, 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return &Error{Rule: "data after the end of the document"}
	}
	return nil
}

func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var typeErr *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typeErr):
		path := ""
		if typeErr.Field != "" {
			path = "/" + strings.ReplaceAll(typeErr.Field, ".", "/")
		}
		return &Error{Path: path, Rule: fmt.Sprintf("%s, want %s", typeErr.Value, typeErr.Type)}
	default:
		return &Error{Rule: err.Error()}
	}
}

// A walker reads tokens beside the type that they will be decoded into.
type walker struct {
	dec   *json.Decoder
	lim   Limits
	items int
}

func (w *walker) value(path string, typ reflect.Type, depth int) error {
	tok, err := w.dec.Token()
	if err != nil {
		return &Error{path, syntax(err)}
	}
	switch tok := tok.(type) {
	case json.Delim:
		if depth >= w.lim.Depth {
			return &Error{path, fmt.Sprintf("nested deeper than %d", w.lim.Depth)}
		}
		if tok == '{' {
			return w.object(path, deref(typ), depth+1)
		}
		return w.array(path, deref(typ), depth+1)
	case string:
		return text(path, tok)
	case nil:
		if typ != nil && !nullable(typ) {
			return &Error{path, "null, want a value"}
		}
	}
	return nil
}

func (w *walker) object(path string, typ reflect.Type, depth int) error {
	member := members(typ)
	seen := map[string]bool{}
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return &Error{path, syntax(err)}
		}
		key, _ := tok.(string)
		at := path + "/" + escape(key)
		if err := errors.Join(w.item(at), text(at, key)); err != nil {
			return first(err)
		}
		if seen[key] {
			return &Error{at, "given twice"}
		}
		seen[key] = true
		elem, ok := member(key)
		if !ok {
			return &Error{at, "unknown field"}
		}
		if err := w.value(at, elem, depth); err != nil {
			return err
		}
	}
	return w.end(path)
}

func (w *walker) array(path string, typ reflect.Type, depth int) error {
	var elem reflect.Type
	if typ != nil && (typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array) {
		elem = typ.Elem()
	}
	for i := 0; w.dec.More(); i++ {
		at := path + "/" + strconv.Itoa(i)
		if err := w.item(at); err != nil {
			return err
		}
		if err := w.value(at, elem, depth); err != nil {
			return err
		}
	}
	return w.end(path)
}

func (w *walker) end(path string) error {
	if _, err := w.dec.Token(); err != nil {
		return &Error{path, syntax(err)}
	}
	return nil
}

func (w *walker) item(path string) error {
	if w.items++; w.items > w.lim.Items {
		return &Error{path, fmt.Sprintf("more than %d items", w.lim.Items)}
	}
	return nil
}

// text refuses U+FFFD, which is what encoding/json makes of a lone surrogate.
func text(path, s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return &Error{path, "holds an invalid character"}
	}
	return nil
}

func syntax(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "document ends too early"
	}
	return "not JSON: " + err.Error()
}

func first(err error) error {
	var e *Error
	errors.As(err, &e)
	return e
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
