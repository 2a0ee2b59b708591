package uboot

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/update"
)

// The variables. Their values are words, so that a person at the console sees what
// is going to happen.
const (
	varOrder = "BOOT_ORDER"

	stateGood  = "good"
	stateTrial = "trial"
	stateBad   = "bad"

	digits = "0123456789abcdef" // of tries: setexpr counts in hexadecimal
)

func varState(slot string) string { return "BOOT_" + slot + "_STATE" }
func varLeft(slot string) string  { return "BOOT_" + slot + "_LEFT" }

// slot is what the variables say of one slot.
type slot struct {
	name  string
	state string
	left  int // tries; 0 unless on trial
}

func (s slot) starts() bool { return s.state == stateGood || s.state == stateTrial && s.left > 0 }

// table is what the variables say of all slots, in BOOT_ORDER; those that are not in
// it are never started, and come last, as bad.
type table []slot

// readTable understands the variables as the boot script in the package
// documentation does, and nothing else.
func readTable(vars []variable, slots []string) (table, error) {
	order, ok := get(vars, varOrder)
	if !ok {
		return nil, errors.New(varOrder + " is not there")
	}
	var t table
	for name := range strings.FieldsSeq(order) {
		if !slices.Contains(slots, name) || t.index(name) >= 0 {
			return nil, fmt.Errorf("%s: want each of %q at most once", varOrder, slots)
		}
		s, err := readSlot(vars, name)
		if err != nil {
			return nil, err
		}
		t = append(t, s)
	}
	for _, name := range slots {
		if t.index(name) < 0 {
			t = append(t, slot{name: name, state: stateBad})
		}
	}
	return t, nil
}

func readSlot(vars []variable, name string) (slot, error) {
	s := slot{name: name, state: stateBad}
	if state, ok := get(vars, varState(name)); ok {
		s.state = state
	}
	switch s.state {
	case stateGood, stateBad:
		return s, nil
	case stateTrial:
	default:
		return s, fmt.Errorf("%s: want good, trial or bad", varState(name))
	}
	left, ok := get(vars, varLeft(name))
	if !ok {
		return s, nil
	}
	if s.left = strings.Index(digits, left); len(left) != 1 || s.left < 0 {
		return s, fmt.Errorf("%s: want one digit, 0 to f", varLeft(name))
	}
	return s, nil
}

// write puts the table into the variables.
func (t table) write(vars []variable) []variable {
	names := make([]string, len(t))
	for i, s := range t {
		names[i] = s.name
	}
	vars = set(vars, varOrder, strings.Join(names, " "))
	for _, s := range t {
		vars = set(vars, varState(s.name), s.state)
		left := ""
		if s.state == stateTrial {
			left = digits[s.left : s.left+1]
		}
		vars = set(vars, varLeft(s.name), left)
	}
	return vars
}

func (t table) index(name string) int {
	return slices.IndexFunc(t, func(s slot) bool { return s.name == name })
}

// next is the index of the slot that the boot script takes, or -1.
func (t table) next() int { return slices.IndexFunc(t, slot.starts) }

// first returns t with the slot in front, as s.
func (t table) first(s slot) table {
	rest := slices.DeleteFunc(slices.Clone(t), func(o slot) bool { return o.name == s.name })
	return append(table{s}, rest...)
}

// without returns t with the slot made bad, where it stands.
func (t table) without(name string) table {
	t = slices.Clone(t)
	t[t.index(name)] = slot{name: name, state: stateBad}
	return t
}

// tried returns t with the slot first, for so many tries. There must be another to
// come back to.
func (t table) tried(name string, tries int) (table, error) {
	if tries < 1 || tries > MaxTries {
		return nil, fmt.Errorf("%d tries, want 1 to %d: %w", tries, MaxTries, fs.ErrInvalid)
	}
	if !slices.ContainsFunc(t, func(s slot) bool { return s.name != name && s.state == stateGood }) {
		return nil, fmt.Errorf("no other slot is good, so nothing would start after the tries: %w", fs.ErrInvalid)
	}
	return t.first(slot{name, stateTrial, tries}), nil
}

// confirmed returns t with the slot good and first. The trial of another one is over.
func (t table) confirmed(name string) table {
	t = t.first(slot{name: name, state: stateGood})
	for i, s := range t {
		if s.state == stateTrial {
			t[i] = slot{name: s.name, state: stateBad}
		}
	}
	return t
}

// states are those of the slots in the order of the configuration.
func (t table) states(slots []string) []update.SlotState {
	next := t.next()
	out := make([]update.SlotState, 0, len(slots))
	for _, name := range slots {
		i := t.index(name)
		out = append(out, update.SlotState{Name: name, Good: t[i].state == stateGood, Next: i == next, Tries: t[i].left})
	}
	return out
}

// firstVars are those of a new environment.
func firstVars(cfg Config, good string, more map[string]string) ([]variable, error) {
	var t table
	for _, name := range cfg.Slots {
		t = append(t, slot{name: name, state: stateBad})
	}
	vars := t.confirmed(good).write(nil)
	for _, name := range slices.Sorted(maps.Keys(more)) {
		_, taken := get(vars, name)
		if taken || !validName(name) || more[name] == "" || strings.Contains(more[name], "\x00") {
			return nil, fmt.Errorf("variable %q: %w", name, fs.ErrInvalid)
		}
		vars = append(vars, variable{name, more[name]})
	}
	return vars, nil
}
