package baseline

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/iot-device-baseline/baseline/clause"
)

// ErrPart is wrapped by the error of [New] about a part that cannot be composed.
var ErrPart = errors.New("part cannot be composed")

// Parts is what a device is composed of. A nil field is a capability that is not
// composed. One value may stand in several fields, as a vault does that protects
// and erases.
type Parts struct {
	Configurer Configurer
	Resetter   Resetter
	Eraser     Eraser
	Protector  Protector
	Accessor   Accessor
	Updater    Updater
	Notifier   Notifier
	// Extra are further parts, started after the capabilities: listeners, hubs,
	// the vendor's own.
	Extra []Part
}

// member is a part and the name of its field.
type member struct {
	name string
	part Part
}

// fields are the names of the fields that hold one part.
var fields = []string{"Updater", "Protector", "Accessor", "Eraser", "Resetter", "Notifier", "Configurer"}

// members returns what is composed in the order in which it recovers: the boot
// chain first, since it needs nothing; then the vault, then who may, then what
// both of them guard.
func (p *Parts) members() []member {
	all := []member{
		{"Updater", p.Updater}, {"Protector", p.Protector}, {"Accessor", p.Accessor}, {"Eraser", p.Eraser},
		{"Resetter", p.Resetter}, {"Notifier", p.Notifier}, {"Configurer", p.Configurer},
	}
	for i, extra := range p.Extra {
		all = append(all, member{fmt.Sprintf("Extra[%d]", i), extra})
	}
	var composed []member
	for _, m := range all {
		if m.part != nil {
			composed = append(composed, m)
		}
	}
	return composed
}

// check refuses what only looks composed: a nil pointer in an interface is a part
// for the compiler and none for the device.
func (p *Parts) check() error {
	for i, extra := range p.Extra {
		if extra == nil {
			return fmt.Errorf("part Extra[%d] is nil: %w", i, ErrPart)
		}
	}
	for _, m := range p.members() {
		if isNil(m.part) {
			return fmt.Errorf("part %s is a nil %T: leave the field nil when it is not composed: %w", m.name, m.part, ErrPart)
		}
	}
	return nil
}

func isNil(p Part) bool {
	v := reflect.ValueOf(p)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}

// distinct returns the members without those that are the same value again.
func distinct(all []member) []member {
	var out []member
	for _, m := range all {
		if !slices.ContainsFunc(out, func(o member) bool { return same(o.part, m.part) }) {
			out = append(out, m)
		}
	}
	return out
}

// same reports whether a and b are one value. What cannot be compared, such as a
// slice of places to erase from, is never the same.
func same(a, b Part) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// memberOf returns p, which is composed in a field, under the name of the first
// field that it stands in.
func (d *Device) memberOf(field string, p Part) member {
	i := slices.IndexFunc(d.members, func(m member) bool { return m.name == field || same(m.part, p) })
	return d.members[i]
}

// Features returns the features of everything composed, in no particular order,
// for risk.Derive. A nil pointer in a field has none; [New] refuses it.
func (p *Parts) Features() []clause.Feature {
	var all []clause.Feature
	for _, m := range distinct(p.members()) {
		if !isNil(m.part) {
			all = append(all, m.part.Features()...)
		}
	}
	return all
}

// field returns the name of the field that answers the entries of an area.
func field(area clause.Area) string {
	switch area {
	case clause.AreaConfig:
		return "Configurer"
	case clause.AreaReset:
		return "Resetter"
	case clause.AreaErase:
		return "Eraser"
	case clause.AreaProtect:
		return "Protector"
	case clause.AreaAccess:
		return "Accessor"
	case clause.AreaUpdate:
		return "Updater"
	case clause.AreaNotify:
		return "Notifier"
	}
	return ""
}
