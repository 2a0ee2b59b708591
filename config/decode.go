package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// MaxFindings is the most findings that one [Report] holds.
const MaxFindings = 256

// decoder reads a document into settings. What is not valid is reported, and the
// setting keeps the value it had before.
type decoder struct {
	scanner
	report  reporter
	at      trail
	patch   bool             // RFC 7396: null resets or removes, what is not named stays
	visit   func(at pointer) // called for each setting that the document names, or nil
	visits  int              // number of its calls
	unknown Severity         // of a field that the schema does not have; 0 is Invalid
}

// document scans and decodes the whole text into dst. cur holds the settings in
// force, from which secrets come that the document leaves out; it may be the
// zero Value.
func (d *decoder) document(root *node, dst, cur reflect.Value) {
	if !d.scan() {
		d.syntaxError()
		return
	}
	if !d.patch && cur.IsValid() {
		root.keepSecrets(dst, cur)
	}
	d.value(root, 0, dst, cur)
}

func (d *decoder) syntaxError() {
	var at pointer
	for _, v := range slices.Backward(d.path) {
		at.push(v)
	}
	d.report.add(at, d.rule, Invalid)
}

func (d *decoder) here() pointer { return d.at.pointer(d.toks, d.text) }

func (d *decoder) bad(rule string) { d.report.add(d.here(), rule, Invalid) }

func (d *decoder) value(n *node, i int, dst, cur reflect.Value) {
	t := &d.toks[i]
	switch n.kind {
	case kObject:
		if t.kind != '{' {
			d.seen()
			d.bad("want an object")
			return
		}
		d.object(n, i, dst, cur)
	case kList:
		d.seen()
		d.list(n, i, dst)
	case kDict:
		if t.kind != '{' {
			d.seen()
			d.bad("want an object")
			return
		}
		if d.members(i) == 0 {
			d.seen()
		}
		d.dict(n, i, dst, cur)
	default:
		d.seen()
		x, rule := d.scalar(n, t)
		if rule == "" {
			rule = n.check(x)
		}
		if rule != "" {
			d.bad(rule)
			return
		}
		n.store(dst, x)
	}
}

func (d *decoder) seen() {
	if d.visit != nil {
		d.named(d.here())
	}
}

func (d *decoder) named(at pointer) {
	d.visits++
	d.visit(at)
}

func (d *decoder) scalar(n *node, t *token) (x scalar, rule string) {
	switch {
	case n.kind == kBool && (t.kind == 't' || t.kind == 'f'):
		return scalar{b: t.kind == 't'}, ""
	case n.kind&(kString|kDuration) != 0 && t.kind == '"':
		return n.parse(t.text(d.text))
	case n.kind&(kInt|kUint|kFloat) != 0 && t.kind == '0':
		return n.parse(d.text[t.start:t.end])
	case t.kind == 'n':
		return x, "null, want a value"
	case n.kind == kBool:
		return x, "want true or false"
	case n.kind == kString:
		return x, "want a string"
	case n.kind == kDuration:
		return x, `want a string with a duration, like "10s"`
	default:
		return x, "want a number"
	}
}

func (d *decoder) object(n *node, i int, dst, cur reflect.Value) {
	var few [64]bool
	given := few[:]
	if len(n.fields) > len(few) {
		given = make([]bool, len(n.fields))
	}
	hint := 0
	for j := i + 1; j < int(d.toks[i].next); j = int(d.toks[j+1].next) {
		name := d.toks[j].text(d.text)
		d.at = append(d.at, int32(j))
		k, ok := n.field(name, hint)
		switch {
		case !ok:
			d.unknownField(n, name)
		case given[k]:
			d.bad("given twice")
		default:
			given[k], hint = true, k+1
			d.member(n.fields[k], j+1, dst, cur)
		}
		d.at = d.at[:len(d.at)-1]
	}
	for k, f := range n.fields {
		if f.tag.require && !given[k] && !(d.patch && cur.IsValid()) {
			at := d.here()
			at.push(f.name)
			d.report.add(at, "is required", Invalid)
		}
	}
}

func (d *decoder) unknownField(n *node, name string) {
	if d.unknown != 0 {
		d.report.add(d.here(), "is no setting of this release", d.unknown)
		return
	}
	for _, f := range n.fields {
		if strings.EqualFold(f.name, name) {
			d.bad("unknown setting; upper and lower case count: " + f.name)
			return
		}
	}
	d.bad("unknown setting")
}

func (d *decoder) member(f *node, i int, dst, cur reflect.Value) {
	v := dst.Field(f.index)
	if d.patch && d.toks[i].kind == 'n' && !f.tag.require {
		if d.visit != nil {
			f.leaves(d.here(), reflect.Zero(v.Type()), d.named) // of a map the map: its entries it does not name
		}
		f.reset(v)
		return
	}
	if cur.IsValid() {
		cur = cur.Field(f.index)
	}
	d.value(f, i, v, cur)
}

// list replaces the list as a whole; one bad element spoils it.
func (d *decoder) list(n *node, i int, dst reflect.Value) {
	if d.toks[i].kind != '[' {
		d.bad("want an array")
		return
	}
	count := 0
	for j := i + 1; j < int(d.toks[i].next); j = int(d.toks[j].next) {
		count++
	}
	if !d.counted(n, count) {
		return
	}
	patch, visit, before := d.patch, d.visit, d.report.invalid
	d.patch, d.visit = false, nil
	out := reflect.MakeSlice(n.typ, count, count)
	for j, k := i+1, 0; j < int(d.toks[i].next); j, k = int(d.toks[j].next), k+1 {
		d.at = append(d.at, int32(-1-k))
		n.elem.reset(out.Index(k))
		d.value(n.elem, j, out.Index(k), reflect.Value{})
		d.at = d.at[:len(d.at)-1]
	}
	d.patch, d.visit = patch, visit
	if d.report.invalid == before {
		dst.Set(out)
	}
}

func (d *decoder) counted(n *node, count int) bool {
	if count >= n.minItems && count <= n.maxItems {
		return true
	}
	d.bad("want " + strconv.Itoa(n.minItems) + " to " + strconv.Itoa(n.maxItems) + " entries")
	return false
}
