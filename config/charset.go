package config

import (
	"strconv"
	"strings"
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
		case !strconv.IsPrint(r):
			return false
		}
	}
	return true
}
