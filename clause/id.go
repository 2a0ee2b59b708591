package clause

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// ID is one entry of the standard: a requirement, a recommendation or an item
// of information. The zero value is no entry. Numbers may differ between
// releases of this module: what is stored or sent is the text, see [ID.String].
type ID uint8

// Kind says how much an entry asks.
type Kind uint8

// The kinds of entries. The zero value belongs to no entry.
const (
	Requirement    Kind = iota + 1 // must be met, or its absence be justified
	Recommendation                 // should be considered
	Information                    // explains, permits or gives examples
)

// Area is the part of the standard, or of a device, that an entry belongs to.
type Area string

// The areas, in the order of the standard.
const (
	AreaRisk          Area = "risk"          // 5.1.1 and Annex A
	AreaDisclosure    Area = "disclosure"    // 5.1.2
	AreaVulnerability Area = "vulnerability" // 5.1.3
	AreaConfig        Area = "config"        // 5.2.2
	AreaReset         Area = "reset"         // 5.2.3
	AreaErase         Area = "erase"         // 5.2.4
	AreaProtect       Area = "protect"       // 5.2.5
	AreaAccess        Area = "access"        // 5.2.6
	AreaUpdate        Area = "update"        // 5.2.7
	AreaNotify        Area = "notify"        // 5.2.8
)

// Group joins recommendations of which any one member is enough. The zero value
// is no group.
type Group string

// The groups of alternatives.
const (
	GroupStartFailure Group = "5.2.5.2.1-fail" // answers to a failed start-up check
	GroupLogSync      Group = "5.2.5.2.2-sync" // synchronise the log, or forward it
	GroupImpact       Group = "5.2.7.2-impact" // keep functions up during an update, or announce
)

// ErrUnknown is wrapped by the errors of [Parse], [ID.MarshalText] and their like.
var ErrUnknown = errors.New("unknown")

// Parse returns the entry with the given text, such as "5.2.7.1.2" or
// "5.2.7.2(b)(3)". An error is [ErrUnknown].
func Parse(s string) (ID, error) {
	i, ok := slices.BinarySearchFunc(sorted[:], s, func(id ID, s string) int {
		switch t := id.String(); {
		case t < s:
			return -1
		case t > s:
			return 1
		default:
			return 0
		}
	})
	if !ok {
		return 0, fmt.Errorf("clause: parse: %w clause %q", ErrUnknown, clip(s))
	}
	return sorted[i], nil
}

// All yields every entry in the order of the standard.
func All() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for id := ID(1); int(id) < len(table); id++ {
			if !yield(id) {
				return
			}
		}
	}
}

// Valid reports whether id is an entry.
func (id ID) Valid() bool { return id != 0 && int(id) < len(table) }

func (id ID) row() row {
	if !id.Valid() {
		return row{}
	}
	return table[id]
}

// String returns the text of the entry, such as "5.2.7.1.2", and "invalid" for
// what is no entry.
func (id ID) String() string {
	if !id.Valid() {
		return "invalid"
	}
	return table[id].id
}

// Title returns a title in our own words, and "" for what is no entry.
func (id ID) Title() string {
	if !id.Valid() {
		return ""
	}
	return titles[id]
}

// Kind returns the kind of the entry.
func (id ID) Kind() Kind { return id.row().kind }

// Area returns the area of the entry.
func (id ID) Area() Area { return id.row().area }

// Group returns the group of alternatives that the entry belongs to, or "".
func (id ID) Group() Group { return id.row().group }

// Condition returns the condition under which the entry applies, or "" when it
// always does.
func (id ID) Condition() Condition { return id.row().condition }

// Conditional reports whether the entry applies only under a [Condition].
func (id ID) Conditional() bool { return id.Condition() != "" }

// Capability reports whether the entry belongs to clause 5.2: what a device can
// do, and so what gets a row in a statement of applicability.
func (id ID) Capability() bool {
	switch id.Area() {
	case AreaConfig, AreaReset, AreaErase, AreaProtect, AreaAccess, AreaUpdate, AreaNotify:
		return true
	default:
		return false
	}
}

// MarshalText gives the text of the entry. The error, for what is no entry, is
// [ErrUnknown].
func (id ID) MarshalText() ([]byte, error) {
	if !id.Valid() {
		return nil, fmt.Errorf("clause: marshal: %w clause number %d", ErrUnknown, uint8(id))
	}
	return []byte(id.String()), nil
}

// UnmarshalText is [Parse].
func (id *ID) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	if err == nil {
		*id = v
	}
	return err
}

// clip keeps hostile input out of error messages.
func clip(s string) string {
	const most = 32
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
