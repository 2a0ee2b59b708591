package config

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// token is a value or member name of a JSON text. The tokens of a text stand in
// its order; after an object come its members, name before value.
type token struct {
	kind       byte  // '{', '[', '"', '0' for a number, 't', 'f', 'n'
	escaped    bool  // a string with escapes
	start, end int32 // in the text; of a string without its quotes
	next       int32 // the token after this value
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(v), err == nil && s[0] != '+'
}

// validNumber reports whether s is a number of JSON.
func validNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := leadingDigits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	if s = s[whole:]; strings.HasPrefix(s, ".") {
		n := leadingDigits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && leadingDigits(s) == len(s)
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// text returns what a string token says.
func (t *token) text(doc string) string {
	raw := doc[t.start:t.end]
	if !t.escaped {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		i++
		if raw[i] != 'u' {
			b.WriteByte(unescape(raw[i]))
			continue
		}
		r, _ := hex4(raw[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			low, _ := hex4(raw[i+3:])
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
