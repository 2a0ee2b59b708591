package strictjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A walker reads valid JSON beside the type that it will be decoded into. It notes
// where it is as steps, and makes a path of them only for an error.
type walker struct {
	data   []byte
	pos    int
	lim    Limits
	items  int
	path   []step
	names  [][]byte // of the members of the objects around pos, outermost first
	shapes map[reflect.Type]*shape

	// visit, if any, is called for each value that stands where its type is known and
	// does not go by the types of the values in it. What it returns is an error's rule.
	visit func(typ reflect.Type, value []byte) string
}

func newWalker(data []byte, lim Limits) *walker {
	return &walker{data: data, lim: lim, shapes: map[reflect.Type]*shape{}}
}

func (w *walker) fail(format string, args ...any) *Error {
	return &Error{pointer(w.path), fmt.Sprintf(format, args...)}
}

// value reads the value at pos, which will be decoded into typ if that is not nil.
func (w *walker) value(typ reflect.Type, depth int) *Error {
	w.space()
	start, s := w.pos, w.shape(typ)
	var err *Error
	switch c := w.data[start]; c {
	case '{', '[':
		if depth >= w.lim.Depth {
			return w.fail("nested deeper than %d", w.lim.Depth)
		}
		if c == '{' {
			err = w.object(s, depth+1)
		} else {
			err = w.array(s, depth+1)
		}
	case '"':
		err = w.text(s)
	default:
		err = w.literal(s)
	}
	if err == nil && w.visit != nil && typ != nil && s.decides(w.data[start]) {
		if rule := w.visit(typ, w.data[start:w.pos]); rule != "" {
			return w.fail("%s", rule)
		}
	}
	return err
}

func (w *walker) object(s *shape, depth int) *Error {
	if s.keys != nil {
		return w.fail("map with keys of %v, which may be equal to each other", s.keys)
	}
	w.pos++
	seen := nameSet{w: w, from: len(w.names)}
	w.path = append(w.path, step{})
	for w.more('}') {
		typ, err := w.name(s, &seen)
		if err == nil {
			err = w.value(typ, depth)
		}
		if err != nil {
			return err
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.names = w.names[:seen.from]
	return nil
}

// name reads the name of a member and the colon, and tells the type of its value.
func (w *walker) name(s *shape, seen *nameSet) (reflect.Type, *Error) {
	raw := w.quoted()
	name := unquote(raw)
	at := &w.path[len(w.path)-1]
	if len(name) > MaxName {
		w.path = w.path[:len(w.path)-1]
		return nil, w.fail("name of %d bytes, at most %d", len(name), MaxName)
	}
	at.name = name
	if w.items++; w.items > w.lim.Items {
		return nil, w.fail("more than %d items", w.lim.Items)
	}
	if invalid(raw) {
		return nil, w.fail("holds an invalid character")
	}
	if !seen.add(name) {
		return nil, w.fail("given twice")
	}
	typ, ok := s.member(name)
	if !ok {
		return nil, w.fail("unknown field")
	}
	w.space()
	w.pos++ // the colon
	return typ, nil
}

func (w *walker) array(s *shape, depth int) *Error {
	if s.takes == bytesText {
		return w.fail("array, want a base64 text")
	}
	w.pos++
	at, n, elem := len(w.path), 0, s.element()
	w.path = append(w.path, step{})
	for ; w.more(']'); n++ {
		w.path[at].index = n
		if w.items++; w.items > w.lim.Items {
			return w.fail("more than %d items", w.lim.Items)
		}
		if err := w.value(elem, depth); err != nil {
			return err
		}
	}
	w.path = w.path[:at]
	if s.takes == fixedList && n != s.length {
		return w.fail("%d elements, want %d", n, s.length)
	}
	return nil
}

func (w *walker) text(s *shape) *Error {
	raw := w.quoted()
	switch {
	case invalid(raw):
		return w.fail("holds an invalid character")
	case s.takes == byteList:
		return w.fail("string, want an array")
	case s.takes == bytesText && !canonical(unquote(raw)):
		return w.fail("not canonical base64")
	}
	return nil
}

// canonical says that text is the standard base64 of what it decodes to.
func canonical(text []byte) bool {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(raw, text)
	return err == nil && base64.StdEncoding.EncodedLen(n) == len(text) // else it has line ends
}

// literal reads a number, true, false or null.
func (w *walker) literal(s *shape) *Error {
	null := w.data[w.pos] == 'n'
	for w.pos < len(w.data) && !ends(w.data[w.pos]) {
		w.pos++
	}
	if null && !s.nullable {
		return w.fail("null, want a value")
	}
	return nil
}

func ends(c byte) bool { return c == ',' || c == ']' || c == '}' || c <= ' ' }

// more goes to the next member or element, or behind the end.
func (w *walker) more(end byte) bool {
	w.space()
	switch w.data[w.pos] {
	case end:
		w.pos++
		return false
	case ',':
		w.pos++
		w.space()
	}
	return true
}

func (w *walker) space() {
	for w.data[w.pos] <= ' ' {
		w.pos++
	}
}

// quoted reads a string and returns what is between its quotes.
func (w *walker) quoted() []byte {
	start := w.pos + 1
	end := start
	for w.data[end] != '"' {
		if w.data[end] == '\\' {
			end++
		}
		end++
	}
	w.pos = end + 1
	return w.data[start:end:end]
}

func unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var text string
	// A string of a valid document: this cannot fail.
	_ = json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &text)
	return []byte(text)
}

// invalid finds U+FFFD in a string, and a lone surrogate, of which encoding/json
// makes that.
func invalid(raw []byte) bool {
	if bytes.Contains(raw, []byte("\ufffd")) {
		return true
	}
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return false
		}
		r, size := rune(0), 2
		if raw[i+1] == 'u' {
			r, size = hex4(raw[i:]), 6
		}
		if utf16.IsSurrogate(r) {
			r, size = utf16.DecodeRune(r, hex4(raw[i+6:])), 12
		}
		if r == utf8.RuneError {
			return true
		}
		raw = raw[i+size:]
	}
}

// hex4 returns the code of the escape \uXXXX that raw begins with, or -1.
func hex4(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	code, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(code)
}
