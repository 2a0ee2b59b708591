package config

import (
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// leaves visits each setting of v that can be authorised on its own.
func (n *node) leaves(at pointer, v reflect.Value, visit func(pointer)) {
	switch n.kind {
	case kObject:
		for _, f := range n.fields {
			back := at.push(f.name)
			f.leaves(at, v.Field(f.index), visit)
			at.pop(back)
		}
	case kDict:
		visit(at)
		for _, key := range sortedKeys(v) {
			back := at.push(key.String())
			n.elem.leaves(at, v.MapIndex(key), visit)
			at.pop(back)
		}
	default:
		visit(at)
	}
}

// diff visits each setting in which a and b differ. An entry of a map that only
// one of them has is visited itself, and everything in it.
func (n *node) diff(at pointer, a, b reflect.Value, visit func(pointer)) {
	switch n.kind {
	case kObject:
		for _, f := range n.fields {
			back := at.push(f.name)
			f.diff(at, a.Field(f.index), b.Field(f.index), visit)
			at.pop(back)
		}
	case kDict:
		for _, key := range sortedKeys(a) {
			n.diffEntry(at, key, a.MapIndex(key), b.MapIndex(key), visit)
		}
		for _, key := range sortedKeys(b) {
			if !a.MapIndex(key).IsValid() {
				n.diffEntry(at, key, reflect.Value{}, b.MapIndex(key), visit)
			}
		}
	default:
		if !n.same(a, b) {
			visit(at)
		}
	}
}

func (n *node) diffEntry(at pointer, key, a, b reflect.Value, visit func(pointer)) {
	back := at.push(key.String())
	defer func() { at.pop(back) }()
	switch {
	case a.IsValid() && b.IsValid():
		n.elem.diff(at, a, b, visit)
		return
	case n.elem.kind == kObject:
		visit(at)
	}
	if !a.IsValid() {
		a = b
	}
	n.elem.leaves(at, a, visit)
}

// gradeAll reports what in v is insecure or worth a warning.
func (n *node) gradeAll(r *reporter, at *pointer, v reflect.Value) {
	if !n.graded {
		return
	}
	switch n.kind {
	case kObject:
		for _, f := range n.fields {
			back := at.push(f.name)
			f.gradeAll(r, at, v.Field(f.index))
			at.pop(back)
		}
	case kList:
		for i := range v.Len() {
			back := at.pushIndex(i)
			n.elem.gradeAll(r, at, v.Index(i))
			at.pop(back)
		}
	case kDict:
		n.gradeDict(r, at, v)
	default:
		x := n.load(v)
		for i := range n.grades {
			if g := &n.grades[i]; g.holds(n, x) {
				r.add(*at, g.reason, g.severity)
			}
		}
	}
}

// gradeDict grades in whatever order the map has, and then sorts the findings.
func (n *node) gradeDict(r *reporter, at *pointer, v reflect.Value) {
	key, elem := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem()).Elem()
	before := len(r.list)
	for it := v.MapRange(); it.Next(); {
		key.SetIterKey(it)
		elem.SetIterValue(it)
		back := at.push(key.String())
		n.elem.gradeAll(r, at, elem)
		at.pop(back)
	}
	list := r.list[before:]
	sort.SliceStable(list, func(i, j int) bool { return list[i].Path < list[j].Path })
}

// place is what a pointer leads to.
type place struct {
	node     *node
	resource string              // of package access
	setting  string              // the pointer to what is authorised: a list for its elements
	general  string              // the same with "*" for the entries of maps: it names nobody
	needs    []access.Permission // to be held besides access.ConfigWrite
}

// find follows a pointer as far as the schema goes.
func (n *node) find(path string) place {
	p := place{node: n}
	segments := strings.Split(path, "/")
	for _, seg := range segments[1:] {
		var next *node
		name := seg
		switch p.node.kind {
		case kObject:
			if i, ok := p.node.byName[seg]; ok {
				next = p.node.fields[i]
			}
		case kDict:
			next, name = p.node.elem, "*"
		}
		if next == nil {
			return p
		}
		p.node = next
		p.setting += "/" + seg
		p.general += "/" + name
		p.resource = strings.TrimPrefix(p.resource+"/"+seg, "/")
		if next.tag.write != "" {
			p.resource = next.tag.write
		}
		p.needs = append(p.needs, next.tag.needs...)
	}
	return p
}

// longest returns the most bytes and segments that a resource below n can have,
// given those of n's own; of the paths, or with what write= puts in their place.
func (n *node) longest(bytes, segments int, paths bool) (int, int) {
	if n.tag.write != "" && !paths {
		bytes, segments = len(n.tag.write), 1+strings.Count(n.tag.write, "/")
	}
	mostBytes, mostSegments := bytes, segments
	consider := func(f *node, name int) {
		b, s := f.longest(bytes+1+name, segments+1, paths)
		mostBytes, mostSegments = max(mostBytes, b), max(mostSegments, s)
	}
	for _, f := range n.fields {
		consider(f, len(f.name))
	}
	if n.kind == kDict {
		consider(n.elem, maxMapKey)
	}
	return mostBytes, mostSegments
}

// misplaced names the first setting outside of lists and maps that is required.
func (n *node) misplaced(field string) error {
	for _, f := range n.fields {
		at := field + "." + f.name
		if f.tag.require {
			return schemaError(at, "required is for fields of elements of lists and maps: a setting has a default")
		}
		if err := f.misplaced(at); err != nil {
			return err
		}
	}
	return nil
}

// tooLong says that resources below n do not fit package access.
func (n *node) tooLong(field string) error {
	bytes, segments := n.longest(0, 0, false)
	readBytes, readSegments := n.longest(0, 0, true)
	bytes, segments = max(bytes, readBytes), max(segments, readSegments)
	if bytes > access.MaxResource || segments > access.MaxSegments {
		return schemaError(field, "names are too long or nested too deep for a resource of package access: %s bytes, %s segments",
			strconv.Itoa(bytes), strconv.Itoa(segments))
	}
	return nil
}
