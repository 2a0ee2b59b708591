package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxExact is the greatest whole number that every reader of JSON keeps exactly.
const maxExact = 1<<53 - 1

const maxNumber = 40 // bytes of a number or duration in text

// grade is a class of values that are insecure, or worth a warning, and why.
type grade struct {
	severity Severity
	op       byte // '=', '!', '<' or '>'
	limit    scalar
	length   int // of a string, for '<' and '>'
	reason   string
}

// parse reads the text of a plain value, as in tags, or names the rule it breaks.
func (n *node) parse(text string) (x scalar, rule string) {
	switch n.kind {
	case kBool:
		if text != "true" && text != "false" {
			return x, "want true or false"
		}
		return scalar{b: text == "true"}, ""
	case kString:
		return scalar{s: text}, ""
	case kDuration:
		return parseDuration(text)
	default:
		return n.parseNumber(text)
	}
}

func parseDuration(text string) (x scalar, rule string) {
	if len(text) > maxNumber {
		return x, "duration has too many digits"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return x, `want a duration like "10s", "1.5h" or "1h30m"`
	}
	return scalar{i: int64(d)}, ""
}

// parseNumber reads a JSON number. One that the type would not keep digit by
// digit is refused.
func (n *node) parseNumber(text string) (x scalar, rule string) {
	if len(text) > maxNumber {
		return x, "number has too many digits"
	}
	if !validNumber(text) {
		return x, "want a number"
	}
	if n.kind != kFloat {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return scalar{i: i}, ""
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) {
			return x, "want a whole number"
		}
		if math.Abs(f) > maxExact {
			return x, "number is beyond 2^53-1"
		}
		return scalar{i: int64(f)}, ""
	}
	bits := n.typ.Bits()
	f, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return x, "number is too large"
	}
	if digits(text) != digits(strconv.FormatFloat(f, 'e', -1, bits)) {
		return x, "number has more digits than are kept"
	}
	return scalar{f: f + 0}, "" // + 0 makes -0 a 0
}

// digits returns the significant digits of a number: for 0.120e5 it is "12".
func digits(number string) string {
	number, _, _ = strings.Cut(strings.ReplaceAll(number, "E", "e"), "e")
	var out [maxNumber]byte
	k := 0
	for i := range len(number) {
		if c := number[i]; c >= '0' && c <= '9' && (k > 0 || c != '0') {
			out[k] = c
			k++
		}
	}
	return strings.TrimRight(string(out[:k]), "0")
}

// format is the inverse of parse, in one form only.
func (n *node) format(x scalar) string {
	switch n.kind {
	case kBool:
		return strconv.FormatBool(x.b)
	case kString:
		return x.s
	case kDuration:
		return formatDuration(time.Duration(x.i))
	case kFloat:
		return strconv.FormatFloat(x.f, 'g', -1, n.typ.Bits())
	default:
		return strconv.FormatInt(x.i, 10)
	}
}

// formatDuration leaves out what is zero: "1h", not "1h0m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// check names the rule that x breaks, or "".
func (n *node) check(x scalar) string {
	if len(n.enum) > 0 {
		if slices.Contains(n.enum, x) {
			return ""
		}
		return "want one of " + n.enumText()
	}
	switch n.kind {
	case kBool:
		return ""
	case kString:
		return n.checkString(x.s)
	case kFloat:
		if x.f < n.minFloat || x.f > n.maxFloat || x.f != x.f {
			return n.rangeText()
		}
	default:
		if x.i < n.minInt || x.i > n.maxInt {
			return n.rangeText()
		}
	}
	return ""
}

func (n *node) checkString(s string) string {
	if s == "" && n.typ == typeSecret {
		return "" // not set
	}
	if chars := utf8.RuneCountInString(s); chars < n.minLen || chars > n.maxLen {
		return fmt.Sprintf("want %d to %d characters", n.minLen, n.maxLen)
	}
	if n.charset != nil && !n.charset.holds(s) {
		return "want only characters of " + n.charset.name + ", [" + n.charset.class + "]"
	}
	if n.pattern != nil && !n.pattern.MatchString(s) {
		return "want " + n.pattern.String()
	}
	return ""
}

func (n *node) enumText() string {
	words := make([]string, len(n.enum))
	for i, x := range n.enum {
		words[i] = n.format(x)
	}
	return strings.Join(words, ", ")
}

func (n *node) rangeText() string {
	lo, hi := n.bounds()
	return strings.TrimRight("want "+lo+" to "+hi+" "+n.tag.unit, " ")
}

// bounds returns the range in text.
func (n *node) bounds() (lo, hi string) {
	return n.format(scalar{i: n.minInt, f: n.minFloat}), n.format(scalar{i: n.maxInt, f: n.maxFloat})
}

// holds reports whether x, a value of n, is of the class that g grades.
func (g *grade) holds(n *node, x scalar) bool {
	if n.typ == typeSecret && x.s == "" {
		return false // not set
	}
	switch g.op {
	case '=':
		return x == g.limit
	case '!':
		return x != g.limit
	}
	order := 0
	switch {
	case n.kind == kString:
		order = utf8.RuneCountInString(x.s) - g.length
	case n.kind == kFloat && x.f != g.limit.f:
		order = sign(x.f > g.limit.f)
	case n.kind != kFloat && x.i != g.limit.i:
		order = sign(x.i > g.limit.i)
	}
	return g.op == '<' && order < 0 || g.op == '>' && order > 0
}

func sign(positive bool) int {
	if positive {
		return 1
	}
	return -1
}
