package pattern

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// MaxBytes is the most bytes of a regular expression.
const MaxBytes = 512

// Error says which rule a regular expression breaks.
type Error struct {
	Rule string // in words, without the expression
}

// Error implements error.
func (e *Error) Error() string { return "pattern: compile: " + e.Rule }

// Pattern is a regular expression that lists which strings are allowed; make it
// with [Compile]. It is a config.Pattern, does not change, and may be used
// concurrently. The zero Pattern allows nothing.
type Pattern struct {
	re *regexp.Regexp
}

// Compile makes a pattern of RE2 (the syntax of package regexp) as far as it
//
//   - has at most [MaxBytes] bytes;
//   - begins with ^ and ends with $, around all alternatives: ^(?:a|b)$;
//   - lists what is allowed: no dot, no negated class, no case folding;
//   - is read alike by ECMA-262, which JSON Schema uses: classes, groups (?:…), \d, \w and escaped punctuation.
//
// Anything else gives an [*Error].
func Compile(re2 string) (*Pattern, error) {
	if len(re2) > MaxBytes {
		return nil, &Error{"it has more than 512 bytes"}
	}
	tree, err := syntax.Parse(re2, syntax.Perl)
	if err != nil {
		return nil, &Error{"it is not RE2: " + err.Error()}
	}
	if !strings.HasPrefix(re2, "^") || !strings.HasSuffix(re2, "$") || !anchored(tree) {
		return nil, &Error{"it begins with ^ and ends with $, around all alternatives"}
	}
	if !portable(re2) {
		return nil, &Error{`it uses only classes, groups (?:…), \d, \w and escaped punctuation`}
	}
	if allowsTooMuch(tree) {
		return nil, &Error{"it lists what is allowed: no dot, no negated class, no (?i)"}
	}
	re, err := regexp.Compile(re2)
	if err != nil {
		return nil, &Error{"it is not RE2: " + err.Error()}
	}
	return &Pattern{re}, nil
}

// MustCompile is [Compile] for a constant: it panics where that gives an error.
func MustCompile(re2 string) *Pattern {
	p, err := Compile(re2)
	if err != nil {
		panic(err)
	}
	return p
}

// MatchString reports whether the whole of s is allowed.
func (p *Pattern) MatchString(s string) bool { return p.re != nil && p.re.MatchString(s) }

// String returns the RE2 of the pattern.
func (p *Pattern) String() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

func anchored(tree *syntax.Regexp) bool {
	subs := tree.Sub
	return tree.Op == syntax.OpConcat && len(subs) >= 2 &&
		subs[0].Op == syntax.OpBeginText && subs[len(subs)-1].Op == syntax.OpEndText
}

// portable keeps to what RE2 and ECMA-262 read alike, for schemas made later.
func portable(re2 string) bool {
	if strings.Contains(strings.ReplaceAll(re2, "(?:", ""), "(?") {
		return false
	}
	// RE2 begins a class with these, or a named class within one.
	if strings.Contains(re2, "[:") || strings.Contains(re2, "[]") {
		return false
	}
	for i := 0; i < len(re2); i++ {
		if re2[i] != '\\' {
			continue
		}
		if i++; i == len(re2) || !strings.ContainsRune(`dw.^$*+?()[]{}|/\-`, rune(re2[i])) {
			return false
		}
	}
	return true
}

// allowsTooMuch finds what allows all characters but some.
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
	return slices.ContainsFunc(tree.Sub, allowsTooMuch)
}
