package strictjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxShown = 64  // bytes of a name that Error shows
	maxRule  = 256 // bytes of a rule, before escaping
)

// Error says which rule was broken and where. Whatever the document holds, both
// fields are of printable characters only and so fit for a line of a log.
type Error struct {
	// Path is the RFC 6901 pointer to the place, "" for the whole document. As in the
	// JSON string representation of section 5, a backslash stands before itself and a
	// quote, and a character that is not printable is \u and its UTF-16 code. A name
	// in it has at most [MaxName] bytes in the document.
	Path string
	Rule string
}

// Error gives the path, with names beyond 64 bytes shortened, and the rule.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Rule
	}
	names := strings.Split(e.Path, "/")
	for i, name := range names {
		names[i] = shorten(name, maxShown)
	}
	return strings.Join(names, "/") + ": " + e.Rule
}

// step is one reference token of a path: a name, or an index when name is nil.
type step struct {
	name  []byte
	index int
}

// pointer renders the path of steps.
func pointer(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		if s.name == nil {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			escape(&b, string(s.name), true)
		}
	}
	return b.String()
}

// escape writes s with what is not printable escaped, and what RFC 6901 escapes
// when s is a name of a path.
func escape(b *strings.Builder, s string, name bool) {
	for _, r := range s {
		switch {
		case name && r == '~':
			b.WriteString("~0")
		case name && r == '/':
			b.WriteString("~1")
		case name && (r == '"' || r == '\\'):
			b.WriteByte('\\')
			b.WriteRune(r)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			for _, code := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(b, `\u%04x`, code)
			}
		}
	}
}

// clean makes a rule of a text that may hold parts of the document.
func clean(text string) string {
	var b strings.Builder
	escape(&b, shorten(text, maxRule), false)
	return b.String()
}

// shorten cuts s to at most about n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
