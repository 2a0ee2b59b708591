package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Origin says where a credential comes from.
type Origin uint8

// The origins. Everything but Common lets the guard open (27402 5.2.6.1.4).
const (
	MadeOnDevice Origin = iota + 1 // random, made on this device
	SetByOwner                     // chosen by the owner
	DefinedBy                      // set by a named external entity: the vendor's PKI, an operator
	Common                         // the same on several devices
)

// String returns "made on device", "set by owner", "defined by", "common", or "none".
func (o Origin) String() string {
	switch o {
	case MadeOnDevice:
		return "made on device"
	case SetByOwner:
		return "set by owner"
	case DefinedBy:
		return "defined by"
	case Common:
		return "common"
	}
	return "none"
}

// Credential is a secret, a key or a trust anchor of a part, by name only.
type Credential struct {
	Name   string // for people, at most 100 bytes, never the value
	Origin Origin
	By     string // who defined it; needed with DefinedBy
}

// CredentialList is what each part says about the credentials that it uses. Parts
// declare theirs at every start, before anything listens, and again when one
// changes; it is kept in memory only. The guard is shut while one is Common, and
// while a part of [GuardOptions].Parts has said nothing; also when those are nil.
//
// It trusts the parts, as all code in the process is trusted: a part that leaves
// out a common key opens what should be shut.
type CredentialList struct {
	guard *Guard
	want  []string
	mu    sync.Mutex
	lists map[string][]Credential
}

// Set replaces what part declares; an empty list says that it has none. A list
// that breaks a rule is an [*InputError] and leaves the list before.
func (l *CredentialList) Set(part string, list []Credential) error {
	if !validWord(part) {
		return badInput("credentials", "/part", "is [a-z][a-z0-9-]*, at most 64 bytes")
	}
	if len(list) > 256 {
		return badInput("credentials", "", "has at most 256 entries")
	}
	for i, c := range list {
		switch {
		case !printable(c.Name, 100) || c.Name == "":
			return badInput("credentials", item("", i)+"/name", "is 1 to 100 bytes of printable text")
		case c.Origin < MadeOnDevice || c.Origin > Common:
			return badInput("credentials", item("", i)+"/origin", "is one of the four")
		case !printable(c.By, 100) || (c.Origin == DefinedBy) != (c.By != ""):
			return badInput("credentials", item("", i)+"/by", "names who defined it, with DefinedBy only")
		}
	}
	l.mu.Lock()
	l.lists[part] = slices.Clone(list)
	l.mu.Unlock()
	l.guard.refresh()
	return nil
}

// All returns what every part declared.
func (l *CredentialList) All() map[string][]Credential {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string][]Credential, len(l.lists))
	for part, list := range l.lists {
		out[part] = slices.Clone(list)
	}
	return out
}

// expected says whose word the guard waits for.
func (l *CredentialList) expected() string {
	switch {
	case l.want == nil:
		return "none named: shut for good"
	case len(l.want) == 0:
		return "none, as the device says"
	}
	return strings.Join(l.want, " ")
}

// open returns why the list keeps the guard shut, or "".
func (l *CredentialList) open() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.want == nil {
		return "no part has been named to declare its credentials"
	}
	for _, part := range l.want {
		if _, ok := l.lists[part]; !ok {
			return "part " + part + " has not declared its credentials"
		}
	}
	for _, part := range slices.Sorted(maps.Keys(l.lists)) {
		for _, c := range l.lists[part] {
			if c.Origin == Common {
				return fmt.Sprintf("credential %q of part %s is common to several devices", c.Name, part)
			}
		}
	}
	return ""
}

// refresh computes again whether the guard is shut.
func (g *Guard) refresh() {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := *g.view.Load()
	g.publish(&v)
}

// shutReason says why the guard is shut, or "".
func (g *Guard) shutReason(v *view) string {
	switch {
	case v.err != nil:
		return "the state of the guard cannot be read"
	case !v.provisioned:
		return "the device is not provisioned"
	case v.rec.Serves:
		return "the initial secret is in service: the device is not commissioned"
	}
	return g.credentials.open()
}

// printable reports whether s is at most n bytes of graphic text and spaces.
func printable(s string, n int) bool {
	if len(s) > n {
		return false
	}
	for _, r := range s {
		if !isPrint(r) {
			return false
		}
	}
	return true
}
