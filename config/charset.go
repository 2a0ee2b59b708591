package config

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charset is a named allow-list of characters.
type charset struct {
	name  string
	class string // as a character class of RE2 and ECMA-262
	low   uint64 // one bit for each byte below 64
	high  uint64 // 64 to 127
	print bool   // and every printable character beyond ASCII
	key   bool   // may name an entry of a map: fits a resource of package access
}

const (
	bitsDigit = uint64(0x3ff) << '0'
	bitsLower = uint64(0x3ffffff) << ('a' - 64)
	bitsUpper = uint64(0x3ffffff) << ('A' - 64)
	bitsASCII = (1<<64 - 1) &^ (1<<' ' - 1)
	bitsHigh  = 1<<63 - 1 // without DEL
)

func bit(c byte) uint64 { return 1 << (c & 63) }

// charsets is the table of named allow-lists; it never changes.
var charsets = []charset{
	{name: "digits", class: `0-9`, low: bitsDigit, key: true},
	{name: "hex", class: `0-9A-Fa-f`, low: bitsDigit, high: 0x3f<<('a'-64) | 0x3f<<('A'-64), key: true},
	{name: "lower", class: `0-9a-z-`, low: bitsDigit | bit('-'), high: bitsLower, key: true},
	{name: "id", class: `0-9A-Za-z._-`, low: bitsDigit | bit('-') | bit('.'), high: bitsLower | bitsUpper | bit('_'), key: true},
	{name: "host", class: `0-9A-Za-z.:\[\]_-`, low: bitsDigit | bit('-') | bit('.') | bit(':'), high: bitsLower | bitsUpper | bit('_') | bit('[') | bit(']')},
	{name: "base64", class: `0-9A-Za-z+/=_-`, low: bitsDigit | bit('+') | bit('/') | bit('=') | bit('-'), high: bitsLower | bitsUpper | bit('_')},
	{name: "ascii", class: ` -~`, low: bitsASCII, high: bitsHigh},
	{name: "text", class: `\p{L}\p{M}\p{N}\p{P}\p{S} `, low: bitsASCII, high: bitsHigh, print: true},
	{name: "lines", class: `\p{L}\p{M}\p{N}\p{P}\p{S} \n\t`, low: bitsASCII | bit('\n') | bit('\t'), high: bitsHigh, print: true},
}

func charsetByName(name string) *charset {
	for i := range charsets {
		if charsets[i].name == name {
			return &charsets[i]
		}
	}
	return nil
}

func charsetNames(keys bool) string {
	var names []string
	for _, c := range charsets {
		if c.key || !keys {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// holds reports whether s consists of characters of c only. U+FFFD, which stands
// for bytes that were lost, is in no charset.
func (c *charset) holds(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf {
			return c.print && printable(s[i:], c)
		}
		bits := c.low
		if b >= 64 {
			bits = c.high
		}
		if bits>>(b&63)&1 == 0 {
			return false
		}
	}
	return true
}

func printable(s string, c *charset) bool {
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return false
		case r < utf8.RuneSelf:
			if !c.holds(string(r)) {
				return false
			}
		case !unicode.IsPrint(r):
			return false
		}
	}
	return true
}

// allowList compiles a pattern that allows some characters, or names the rule it
// breaks: one that says what is forbidden lets everything else in.
func allowList(pattern string) (re *regexp.Regexp, rule string) {
	if len(pattern) > 512 {
		return nil, "pattern has at most 512 bytes"
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, "pattern is not RE2: " + err.Error()
	}
	if !strings.HasPrefix(pattern, "^") || !strings.HasSuffix(pattern, "$") || !anchored(tree) {
		return nil, "pattern begins with ^ and ends with $, around all alternatives"
	}
	if rule := portable(pattern); rule != "" {
		return nil, rule
	}
	if allowsTooMuch(tree) {
		return nil, "pattern lists what is allowed: no dot, no negated class, no (?i)"
	}
	re, err = regexp.Compile(pattern)
	if err != nil {
		return nil, "pattern is not RE2: " + err.Error()
	}
	return re, ""
}

func anchored(tree *syntax.Regexp) bool {
	subs := tree.Sub
	return tree.Op == syntax.OpConcat && len(subs) >= 2 &&
		subs[0].Op == syntax.OpBeginText && subs[len(subs)-1].Op == syntax.OpEndText
}

// portable keeps to what RE2 and ECMA-262 read alike, for schemas made later.
func portable(pattern string) string {
	const rule = `pattern uses only classes, groups (?:…), \d, \w and escaped punctuation`
	if strings.Contains(strings.ReplaceAll(pattern, "(?:", ""), "(?") || strings.Contains(pattern, "[[:") {
		return rule
	}
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		if i++; i == len(pattern) || !strings.ContainsRune(`dw.^$*+?()[]{}|/\-`, rune(pattern[i])) {
			return rule
		}
	}
	return ""
}

func allowsTooMuch(tree *syntax.Regexp) bool {
	switch tree.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpCharClass:
		if n := len(tree.Rune); n > 0 && tree.Rune[n-1] >= unicode.MaxRune {
			return true
		}
	}
	if tree.Flags&syntax.FoldCase != 0 {
		return true
	}
	for _, sub := range tree.Sub {
		if allowsTooMuch(sub) {
			return true
		}
	}
	return false
}
