package config

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner splits a text into tokens. It knows nothing of the schema; it bounds
// depth and number.
type scanner struct {
	text     string
	at       int
	toks     []token
	maxDepth int
	maxItems int
	rule     string   // what is wrong, or ""
	path     []string // where, innermost first
}

func (s *scanner) scan() bool {
	if !utf8.ValidString(s.text) {
		return s.fail("not valid UTF-8")
	}
	if !s.value(0) {
		return false
	}
	if s.space(); s.at != len(s.text) {
		return s.fail("data after the end of the document")
	}
	return true
}

//go:noinline
func (s *scanner) fail(rule string) bool {
	if s.rule == "" {
		s.rule = rule
	}
	return false
}

func (s *scanner) syntax() bool {
	if s.at >= len(s.text) {
		return s.fail("document ends too early")
	}
	return s.fail("not JSON at byte " + strconv.Itoa(s.at))
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek returns the next byte that is no space, or 0.
func (s *scanner) peek() byte {
	s.space()
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) push(kind byte, start int) (int, bool) {
	if len(s.toks) >= s.maxItems {
		return 0, s.fail("more than " + strconv.Itoa(s.maxItems) + " names and values")
	}
	s.toks = append(s.toks, token{kind: kind, start: int32(start), end: int32(s.at), next: int32(len(s.toks) + 1)})
	return len(s.toks) - 1, true
}

func (s *scanner) value(depth int) bool {
	switch c := s.peek(); c {
	case '{', '[':
		if depth >= s.maxDepth {
			return s.fail("nested deeper than " + strconv.Itoa(s.maxDepth))
		}
		return s.container(c, depth+1)
	case '"':
		return s.str()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string) bool {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return s.syntax()
	}
	s.at += len(word)
	_, ok := s.push(word[0], s.at)
	return ok
}

func (s *scanner) container(open byte, depth int) bool {
	i, ok := s.push(open, s.at)
	if !ok {
		return false
	}
	s.at++
	if s.peek() == open+2 { // "{" and "}", "[" and "]" are two apart
		s.at++
		return true
	}
	for n := 0; ; n++ {
		if !s.element(open, depth, n) {
			return false
		}
		switch s.peek() {
		case ',':
			s.at++
		case open + 2:
			s.at++
			s.toks[i].next = int32(len(s.toks))
			return true
		default:
			return s.syntax()
		}
	}
}

// element reads the nth member of an object or element of an array.
func (s *scanner) element(open byte, depth, n int) bool {
	name := ""
	if open == '{' {
		if s.peek() != '"' || !s.str() {
			return s.syntax()
		}
		name = s.toks[len(s.toks)-1].text(s.text)
		if s.peek() != ':' {
			return s.syntax()
		}
		s.at++
	}
	if s.value(depth) {
		return true
	}
	if open == '[' {
		name = strconv.Itoa(n)
	}
	s.path = append(s.path, name)
	return false
}

func (s *scanner) str() bool {
	s.at++
	start, escaped := s.at, false
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			i, ok := s.push('"', start)
			s.at++
			if ok {
				s.toks[i].escaped = escaped
			}
			return ok
		case c < ' ':
			return s.syntax()
		case c == '\\':
			escaped = true
			if !s.escape() {
				return false
			}
		default:
			s.at++
		}
	}
	return s.syntax()
}

// escape passes one escape. A surrogate without its other half is refused.
func (s *scanner) escape() bool {
	rest := s.text[s.at+1:]
	if rest == "" || !strings.Contains(`"\/bfnrtu`, rest[:1]) {
		return s.syntax()
	}
	if rest[0] != 'u' {
		s.at += 2
		return true
	}
	r, ok := hex4(rest[1:])
	if !ok {
		return s.syntax()
	}
	s.at += 6
	if !utf16.IsSurrogate(r) {
		return true
	}
	if low, ok := hex4(strings.TrimPrefix(s.text[s.at:], `\u`)); ok && strings.HasPrefix(s.text[s.at:], `\u`) &&
		utf16.DecodeRune(r, low) != utf8.RuneError {
		s.at += 6
		return true
	}
	return s.fail("half of a surrogate pair")
}

func (s *scanner) number() bool {
	start := s.at
	for s.at < len(s.text) && numeric(s.text[s.at]) {
		s.at++
	}
	if !validNumber(s.text[start:s.at]) {
		s.at = start
		return s.syntax()
	}
	_, ok := s.push('0', start)
	return ok
}

func numeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+' || c|0x20 == 'e'
}
