package config

import (
	"math"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Field describes a setting: for the user documentation, a form, or a schema in
// another language. A zero limit does not apply to its Type.
type Field struct {
	// Path is the pointer to the setting, with "*" for the entries of a map and the
	// elements of a list: "/users/*/role".
	Path string `json:"path"`
	// Type is boolean, integer, number, string, duration, array or object (a map).
	Type     string `json:"type"`
	Default  string `json:"default,omitempty"` // text; of an array or object, JSON
	Min      string `json:"min,omitempty"`
	Max      string `json:"max,omitempty"`
	MinLen   int    `json:"minlen,omitempty"` // characters
	MaxLen   int    `json:"maxlen,omitempty"`
	MinItems int    `json:"minitems,omitempty"`
	MaxItems int    `json:"maxitems,omitempty"`
	// Charset is a named allow-list, Pattern the RE2 that a string or the names of a
	// map match, from ^ to $: made from the charset when the tag names none.
	Charset string   `json:"charset,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Doc     string   `json:"doc,omitempty"`
	Grades  []Grade  `json:"grades,omitempty"`
	// Sensitivity says who may see the value; access.ClassSecret is write-only.
	Sensitivity access.Class `json:"-"`
	Class       string       `json:"class"` // the name of Sensitivity
	Restart     bool         `json:"restart,omitempty"`
	Floor       bool         `json:"floor,omitempty"`
	Required    bool         `json:"required,omitempty"`
	// Resource is that of access.ConfigWrite, with "*" as in Path; that of
	// access.ConfigRead is the path.
	Resource string              `json:"resource"`
	Needs    []access.Permission `json:"needs,omitempty"`
}

// Grade says which values of a setting are insecure, or worth a warning, and why.
type Grade struct {
	Severity  Severity `json:"severity"`
	Condition string   `json:"condition"` // as in the tag: "=x", "!x", "<8" or ">8"
	Reason    string   `json:"reason"`
}

// Fields returns all settings in the order of the struct: plain values, lists
// and maps, and below these the fields of their elements.
func (s *Schema) Fields() []Field {
	var out []Field
	s.root.describe("", "", nil, &out)
	return out
}

func (n *node) describe(path, resource string, needs []access.Permission, out *[]Field) {
	if n.tag.write != "" {
		resource = n.tag.write
	}
	needs = append(slices.Clip(needs), n.tag.needs...)
	if n.kind != kObject {
		f := n.describeOne(path, strings.TrimPrefix(resource, "/"))
		f.Needs = needs
		*out = append(*out, f)
	}
	for _, f := range n.fields {
		below := resource + "/" + f.name
		if f.tag.write != "" {
			below = f.tag.write
		}
		f.describe(path+"/"+f.name, below, needs, out)
	}
	if n.elem == nil {
		return
	}
	below := resource // a list is authorised as a whole
	if n.kind == kDict {
		below += "/*"
	}
	n.elem.describe(path+"/*", below, needs, out)
}

func (n *node) describeOne(path, resource string) Field {
	f := Field{
		Path: path, Type: n.kind.name(), Unit: n.tag.unit, Doc: n.tag.doc, Resource: resource,
		Sensitivity: n.tag.class, Class: n.tag.class.String(),
		Restart: n.tag.restart, Floor: n.tag.floor, Required: n.tag.require,
		MinItems: n.minItems, MaxItems: n.maxItems,
	}
	for _, x := range n.enum {
		f.Enum = append(f.Enum, n.format(x))
	}
	for _, g := range n.grades {
		f.Grades = append(f.Grades, Grade{Severity: g.severity, Condition: g.condition(n), Reason: g.reason})
	}
	switch {
	case n.elem != nil:
		e := encoder{}
		e.encode(n, n.def, n.def)
		f.Default = string(e.buf)
	case !n.tag.require:
		f.Default = n.format(n.defVal)
	}
	if n.kind&ranged != 0 && len(n.enum) == 0 {
		f.Min, f.Max = n.bounds()
	}
	n.describeText(&f)
	return f
}

func (n *node) describeText(f *Field) {
	set := n.keys
	if n.kind == kString && len(n.enum) == 0 {
		set, f.MinLen, f.MaxLen = n.charset, n.minLen, n.maxLen
	}
	if set != nil {
		f.Charset, f.Pattern = set.name, "^["+set.class+"]*$"
	}
	if n.pattern != nil {
		f.Pattern = n.pattern.String()
	}
}

func (g *grade) condition(n *node) string {
	if n.kind == kString && (g.op == '<' || g.op == '>') {
		return string(g.op) + (&node{kind: kInt}).format(scalar{i: int64(min(g.length, math.MaxInt32))})
	}
	return string(g.op) + n.format(g.limit)
}
