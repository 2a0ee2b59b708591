package config

import (
	"reflect"
	"slices"
)

// dict reads the entries of a map. A document replaces the map, a patch changes
// entries of a copy. An entry that is not valid is left out.
func (d *decoder) dict(n *node, i int, dst, cur reflect.Value) {
	out := reflect.MakeMapWithSize(n.typ, d.members(i))
	if d.patch {
		for it := dst.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), it.Value())
		}
	}
	key := reflect.New(n.typ.Key()).Elem()
	elem := reflect.New(n.typ.Elem()).Elem()
	var given names
	for j := i + 1; j < int(d.toks[i].next); j = int(d.toks[j+1].next) {
		name := d.toks[j].text(d.text)
		d.at = append(d.at, int32(j))
		switch {
		case !given.add(name):
			d.bad("given twice")
		case !validKey(n, name):
			d.bad("want a name of 1 to 64 characters of " + n.keys.name + ", [" + n.keys.class + "], not only dots")
		default:
			key.SetString(name)
			d.entry(n, j+1, out, cur, key, elem)
		}
		d.at = d.at[:len(d.at)-1]
	}
	if d.counted(n, out.Len()) {
		dst.Set(out)
	}
}

// members returns the number of members of the object at token i.
func (d *decoder) members(i int) int {
	count := 0
	for j := i + 1; j < int(d.toks[i].next); j = int(d.toks[j+1].next) {
		count++
	}
	return count
}

// validKey reports whether name can name an entry, and so stand in a resource of
// package access and, unchanged, in a pointer.
func validKey(n *node, name string) bool {
	if name == "" || len(name) > maxMapKey || !n.keys.holds(name) {
		return false
	}
	for i := range len(name) {
		if name[i] != '.' {
			return true
		}
	}
	return false
}

// entry reads one entry into out. elem is room for it, used again for the next.
func (d *decoder) entry(n *node, i int, out, cur, key, elem reflect.Value) {
	var was reflect.Value // the entry in force
	if cur.IsValid() {
		was = cur.MapIndex(key)
	}
	if d.patch && d.toks[i].kind == 'n' {
		d.seen()
		out.SetMapIndex(key, reflect.Value{})
		return
	}
	switch {
	case d.patch && was.IsValid():
		elem.Set(was)
	case was.IsValid():
		n.elem.reset(elem)
		n.elem.keepSecrets(elem, was)
	default:
		n.elem.reset(elem)
	}
	before, visits := d.report.invalid, d.visits
	d.value(n.elem, i, elem, was)
	d.seenEntry(n, i, was, visits)
	if d.report.invalid == before {
		out.SetMapIndex(key, elem)
	}
}

// seenEntry tells of an entry that is new or names nothing within, as nothing
// else would. It comes after what is within: the first setting that is told does not
// depend on whether the entry is there, and so neither does the refusal to somebody
// who may do nothing.
func (d *decoder) seenEntry(n *node, i int, was reflect.Value, visits int) {
	if n.elem.kind != kObject || d.toks[i].kind != '{' {
		return
	}
	if !was.IsValid() || d.visits == visits {
		d.seen()
	}
}

// keepSecrets copies from cur into dst the secrets outside of maps; those in maps
// follow with their entries.
func (n *node) keepSecrets(dst, cur reflect.Value) {
	if !n.secrets {
		return
	}
	switch {
	case n.kind == kObject:
		for _, f := range n.fields {
			f.keepSecrets(dst.Field(f.index), cur.Field(f.index))
		}
	case n.isScalar():
		dst.Set(cur)
	}
}

// names is a set of strings, without a map while there are few, as mostly.
type names struct {
	few [24]string
	n   int
	set map[string]bool
}

// add reports whether name is new.
func (n *names) add(name string) bool {
	if n.n < len(n.few) {
		if slices.Contains(n.few[:n.n], name) {
			return false
		}
		n.few[n.n] = name
		n.n++
		return true
	}
	if n.set == nil {
		n.set = make(map[string]bool, 4*len(n.few))
		for _, old := range n.few {
			n.set[old] = true
		}
	}
	if n.set[name] {
		return false
	}
	n.set[name] = true
	return true
}
