package config

import (
	"reflect"

	"github.com/iot-device-baseline/baseline/access"
)

// finish sees that n is complete and that its default is valid and secure.
func (n *node) finish(entries []entry, field string) error {
	has := map[string]bool{}
	for _, e := range entries {
		has[e.key] = true
	}
	n.secrets = n.secrets || n.tag.class == access.ClassSecret && n.isScalar()
	n.floors = n.floors || n.tag.floor
	n.tag.class = max(n.tag.class, access.ClassPublic)
	if rule := n.incomplete(has); rule != "" {
		return schemaError(field, "%s", rule)
	}
	if n.elem != nil {
		return n.defaultDocument(entries, field)
	}
	if n.kind == kObject {
		return nil
	}
	for _, x := range n.enum {
		if rule := n.withoutEnum().check(x); rule != "" {
			return schemaError(field, "enum: %s", rule)
		}
	}
	if n.tag.require {
		return nil
	}
	return n.checkDefault(field)
}

// defaultDocument sets the default of a list or map, which is written in JSON.
func (n *node) defaultDocument(entries []entry, field string) error {
	text := "[]"
	if n.def = reflect.New(n.typ).Elem(); n.kind == kDict {
		text = "{}"
	}
	for _, e := range entries {
		if e.key == "default" {
			text = e.value
		}
	}
	if n.tag.require {
		return nil
	}
	d := decoder{scanner: scanner{text: text, maxDepth: maxDepth, maxItems: 4096}}
	if d.scan() {
		d.value(n, 0, n.def, reflect.Value{})
		var at pointer
		n.gradeAll(&d.report, &at, n.def)
	} else {
		d.syntaxError()
	}
	for _, f := range d.report.list {
		if f.Severity != Warning {
			return schemaError(field, "default: %s", f)
		}
	}
	return nil
}

func (n *node) withoutEnum() *node {
	c := *n
	c.enum = nil
	return &c
}

func (n *node) checkDefault(field string) error {
	if rule := n.check(n.defVal); rule != "" {
		return schemaError(field, "default: %s", rule)
	}
	for _, g := range n.grades {
		if g.severity == Insecure && g.holds(n, n.defVal) {
			return schemaError(field, "default: is insecure: %s", g.reason)
		}
	}
	return nil
}

// incomplete names what a tag must say and does not.
func (n *node) incomplete(has map[string]bool) string {
	element := n.name == ""
	secret := n.tag.class == access.ClassSecret
	switch {
	case !element && !has["doc"]:
		return "doc is missing"
	case n.isScalar() && !has["default"] && !n.tag.require && !secret:
		return "default is missing"
	case has["default"] && has["required"]:
		return "required has no default"
	case n.kind&ranged != 0 && !has["enum"] && !(has["min"] && has["max"]):
		return "min and max, or enum, are missing"
	case n.kind == kString && !has["charset"] && !has["pattern"] && !has["enum"]:
		return "charset, pattern or enum is missing"
	case n.kind&(kList|kDict) != 0 && !has["maxitems"]:
		return "maxitems is missing"
	case n.kind == kDict && !has["keys"]:
		return "keys is missing"
	case n.isScalar() && secret != (n.typ == typeSecret):
		return "class secret and type config.Secret go together"
	case n.isScalar() && secret && !element && (n.defVal.s != "" || n.tag.require || has["enum"]):
		return "a secret is empty until it is set: no default, required or enum"
	case n.minInt > n.maxInt || n.minFloat > n.maxFloat || n.minLen > n.maxLen || n.minItems > n.maxItems:
		return "the least is above the most"
	}
	return ""
}
