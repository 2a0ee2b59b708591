package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxPattern is the most bytes of the text of a pattern.
const maxPattern = 512

// Pattern is an allow-list of strings, which a tag names: pattern=serial. Package
// config/pattern makes one of a regular expression; it is a package of its own
// because regexp adds some 0.3 MB to a program.
//
// Who calls it: [Schema], for each value of a setting with that pattern. A vendor
// may write one by hand, for a program that is to stay small.
//
//   - MatchString reports whether the whole of s is allowed, and depends on nothing else; s has at most the maxlen of its setting, in valid UTF-8.
//   - What is not listed is not allowed: a pattern that only forbids is none.
//   - String returns RE2 for the same strings, at most 512 bytes, from ^ to $; it is shown in findings and in [Field].Pattern.
//   - Both may be called concurrently.
//
// [For] refuses a nil one and a String that is not like this with [ErrSchema]; it
// cannot see whether MatchString agrees. There is no kit: config/pattern keeps all
// of this. The interface is frozen.
type Pattern interface {
	MatchString(s string) bool
	String() string
}

// checkPatterns sees that each pattern has a name and tells what it allows.
func checkPatterns(field string, patterns map[string]Pattern) error {
	for _, name := range slices.Sorted(maps.Keys(patterns)) {
		p := patterns[name]
		if !validMember(name) {
			return schemaError(field, "pattern %.40q: its name is of [a-zA-Z][a-zA-Z0-9_-]*, at most %d bytes", name, maxMemberName)
		}
		if v := reflect.ValueOf(p); p == nil || v.Kind() == reflect.Pointer && v.IsNil() {
			return schemaError(field, "pattern %q is nil", name)
		}
		text := p.String()
		if len(text) > maxPattern || len(text) < 2 || !strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$") {
			return schemaError(field, "pattern %q: its text begins with ^, ends with $ and has at most %d bytes", name, maxPattern)
		}
	}
	return nil
}
