// Package pattern makes the patterns of settings from regular expressions: an
// entry of config.SchemaOptions.Patterns, which tags name. 27402 5.2.2.
//
// It is a package of its own because package regexp adds some 0.3 MB to a program:
// settings whose strings have a charset or an enum do without.
//
// It secures that a pattern is an allow-list of whole strings: one that matches
// somewhere within a string, or that says only what is forbidden, is refused when
// the program starts. It does not secure that the list is a good one.
//
// Threats: input with characters that nobody thought of, hidden before or after
// what matches; input that makes matching slow (RE2 takes time linear in the
// input). Not: the pattern itself, which is the vendor's code.
//
// Patterns keep no state, so a power cut does not touch them.
//
//	type Device struct {
//		Serial string `json:"serial" setting:"doc=Serial number; default=; pattern=serial"`
//	}
//	serial, err := pattern.Compile(`^(?:[A-Z]{2}[0-9]{6})?$`)
//	...
//	schema, err := config.For[Device](&config.SchemaOptions{
//		Patterns: map[string]config.Pattern{"serial": serial},
//	})
package pattern
