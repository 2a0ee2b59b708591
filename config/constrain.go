package config

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/access"
)

// apply puts what the tag says into n. Limits come before the values that are
// held against them, whatever their order in the tag.
func (n *node) apply(entries []entry, patterns map[string]Pattern, field string) error {
	n.widest()
	for _, e := range entries {
		if rule := n.applyRule(e, patterns); rule != "" {
			return schemaError(field, "%s: %s", e.key, rule)
		}
	}
	for _, e := range entries {
		if rule := n.applyValue(e); rule != "" {
			return schemaError(field, "%s: %s", e.key, rule)
		}
	}
	return nil
}

// widest sets the limits of n to those of its type.
func (n *node) widest() {
	n.minInt, n.maxInt = -maxExact, maxExact
	n.minFloat, n.maxFloat = -math.MaxFloat64, math.MaxFloat64
	n.maxLen = 256
	switch n.kind {
	case kInt:
		if bits := n.typ.Bits(); bits < 64 {
			n.minInt, n.maxInt = -1<<(bits-1), 1<<(bits-1)-1
		}
	case kUint:
		n.minInt = 0
		if bits := n.typ.Bits(); bits < 64 {
			n.maxInt = 1<<bits - 1
		}
	case kDuration:
		n.minInt, n.maxInt = math.MinInt64, math.MaxInt64
	case kFloat:
		if n.typ.Bits() == 32 {
			n.minFloat, n.maxFloat = -math.MaxFloat32, math.MaxFloat32
		}
	}
}

// own reports whether a key speaks of n itself, not of its elements.
func (n *node) own(key string) bool { return n.elem == nil || !elementKeys[key] }

func (n *node) applyRule(e entry, patterns map[string]Pattern) string {
	if !n.own(e.key) {
		if n.elem.kind == kObject {
			return "the elements are structs: it stands at their fields"
		}
		if tagKeys[e.key].kinds&n.elem.kind == 0 {
			return "it is not for elements of kind " + n.elem.kind.name()
		}
		return ""
	}
	switch e.key {
	case "min":
		return n.limit(e.value, &n.minInt, &n.minFloat)
	case "max":
		return n.limit(e.value, &n.maxInt, &n.maxFloat)
	case "minlen":
		return count(e.value, maxLength, &n.minLen)
	case "maxlen":
		return count(e.value, maxLength, &n.maxLen)
	case "minitems":
		return count(e.value, maxElements, &n.minItems)
	case "maxitems":
		return count(e.value, maxElements, &n.maxItems)
	case "charset":
		if n.charset = charsetByName(e.value); n.charset == nil {
			return "want one of " + charsetNames(false)
		}
	case "keys":
		if n.keys = charsetByName(e.value); n.keys == nil || !n.keys.key {
			return "want one of " + charsetNames(true)
		}
	case "pattern":
		if n.pattern = patterns[e.value]; n.pattern == nil {
			return "SchemaOptions.Patterns has no " + strconv.Quote(e.value)
		}
	default:
		return n.applyNote(e)
	}
	return ""
}

// applyNote takes what a tag says beside rules for the value.
func (n *node) applyNote(e entry) string {
	switch e.key {
	case "doc":
		n.tag.doc = e.value
		return words(e.value, 512)
	case "unit":
		n.tag.unit = e.value
		return words(e.value, 16)
	case "required":
		n.tag.require = true
	case "write":
		n.tag.write = e.value
		if !access.ValidResource(e.value) {
			return "want a resource of package access"
		}
	case "needs":
		return n.permissions(e.value)
	}
	return ""
}

// limit reads a bound, which the type must be able to hold.
func (n *node) limit(text string, i *int64, f *float64) string {
	x, rule := n.parse(text)
	if rule == "" {
		rule = n.check(x)
	}
	*i, *f = x.i, x.f
	return rule
}

func count(text string, most int, to *int) string {
	v, err := strconv.Atoi(text)
	if err != nil || v < 0 || v > most || strconv.Itoa(v) != text {
		return "want 0 to " + strconv.Itoa(most)
	}
	*to = v
	return ""
}

func words(text string, most int) string {
	if utf8.RuneCountInString(text) > most || !charsetByName("text").holds(text) {
		return "want at most " + strconv.Itoa(most) + " printable characters"
	}
	return ""
}

func (n *node) permissions(text string) string {
	for word := range strings.FieldsSeq(text) {
		known := false
		for _, p := range access.Permissions() {
			known = known || string(p.Name) == word
		}
		if !known {
			return "access knows no permission " + strconv.Quote(word)
		}
		n.tag.needs = append(n.tag.needs, access.Permission(word))
	}
	return ""
}

// applyValue reads values of n. They are checked when all rules are known.
func (n *node) applyValue(e entry) string {
	if !n.own(e.key) || n.elem != nil && e.key != "default" {
		return ""
	}
	switch e.key {
	case "enum":
		for text := range strings.SplitSeq(e.value, "|") {
			x, rule := n.parse(text)
			if rule != "" {
				return rule
			}
			n.enum = append(n.enum, x)
		}
	case "insecure":
		return n.addGrade(Insecure, e.value)
	case "warn":
		return n.addGrade(Warning, e.value)
	case "default":
		if n.elem == nil {
			x, rule := n.parse(e.value)
			n.defVal = x
			return rule
		}
	}
	return ""
}

// addGrade reads "CONDITION: reason".
func (n *node) addGrade(severity Severity, text string) (rule string) {
	limit, reason, ok := strings.Cut(text, ": ")
	if reason = strings.TrimSpace(reason); !ok || reason == "" || words(reason, 512) != "" {
		return `want "CONDITION: reason", at most 512 printable characters`
	}
	g := grade{severity: severity, op: '=', reason: reason}
	if limit != "" && strings.IndexByte("=!<>", limit[0]) >= 0 {
		g.op, limit = limit[0], limit[1:]
	}
	order := g.op == '<' || g.op == '>'
	switch {
	case order && n.kind == kBool:
		return "true and false have no order"
	case order && n.kind == kString:
		rule = count(limit, maxLength, &g.length)
	default:
		g.limit, rule = n.parse(limit)
	}
	n.grades = append(n.grades, g)
	n.graded = true
	return rule
}
