package notify

import (
	"maps"
	"time"
)

// Severity says how much a notice matters.
type Severity uint8

// The severities. The zero Severity is none of them.
const (
	Info     Severity = iota + 1 // worth knowing; nothing to do
	Warning                      // something to do soon
	Critical                     // something to do now
)

// String returns "info", "warning", "critical", or "none".
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	}
	return "none"
}

// MarshalText gives the name of s. A Severity that is none of the three is an
// [*InputError].
func (s Severity) MarshalText() ([]byte, error) {
	if s < Info || s > Critical {
		return nil, &InputError{Path: "/severity", Rule: ruleSeverity}
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads one of the three names.
func (s *Severity) UnmarshalText(text []byte) error {
	for v := Info; v <= Critical; v++ {
		if string(text) == v.String() {
			*s = v
			return nil
		}
	}
	return &InputError{Path: "/severity", Rule: ruleSeverity}
}

// Audience says for whom a notice is. It is the resource of [access.NotifyRead]
// and [access.NotifyAck], so a policy decides who belongs to it. A vendor may add
// its own: [a-z][a-z0-9-]*, at most 32 bytes.
type Audience string

// The audiences that the parts of this module write for.
const (
	Owner     Audience = "owner"     // who answers for the device
	User      Audience = "user"      // who uses it
	Installer Audience = "installer" // who sets it up and services it
	Bystander Audience = "bystander" // who is near it, without any right to it
	Vendor    Audience = "vendor"    // who makes and updates it
)

// Notice is one thing that people or other devices should know. The first group
// of fields is set by who raises it, the second is kept by the [Center] and
// ignored by [Center.Raise]. [Notice.Check] tells the limits of each field.
type Notice struct {
	// Type says what it is about: "update.available", "protect.tampered". With "/"
	// for "." it is the resource of [access.NotifyRaise]: "update/available".
	Type string
	// Key tells notices of one type apart; it may be empty. (Type, Key) is what a
	// notice is deduplicated by. Do not build it from what strangers send.
	Key      string
	Severity Severity
	Audience Audience
	// Subject is the id of the person whom the notice is about, or "": then
	// [Center.Erase] finds it. It stays on the device.
	Subject string
	Title   string            // one line
	Text    string            // may have several lines
	Data    map[string]string // for machines
	// RepeatAfter is the time of operation after which a further Raise tells the
	// channels again, unless somebody acknowledged it. 0: not again while active.
	RepeatAfter time.Duration
	// Expires is the time of operation for which the notice is kept after it was
	// raised last. 0: until there is no room.
	Expires time.Duration
	// DependsOn is the type of notices that explain this one: while one of them is
	// active, this one is kept but not sent.
	DependsOn string

	ID           string // the same as long as the notice is kept, also when it is raised again after Resolve
	Sequence     uint64 // of its last change; grows over all notices of the device
	Count        int    // how often it was raised; see [Center.Raise] for what a power cut may take off
	First, Last  time.Time
	Acknowledged Acknowledgement
	Resolved     time.Time // zero: still active
}

// Acknowledgement says who has seen a notice, and when. Zero: nobody.
type Acknowledgement struct {
	By string    `json:"by,omitempty"` // id of the entity; "" after its erasure, and in what leaves the device
	At time.Time `json:"at"`
}

// Active reports whether what n tells is still so, as far as the device knows.
func (n *Notice) Active() bool { return n.Resolved.IsZero() }

// clone returns n with a Data of its own.
func (n *Notice) clone() Notice {
	c := *n
	c.Data = maps.Clone(n.Data)
	return c
}

// outgoing is n as channels get it: without the ids of persons.
func (n *Notice) outgoing() Notice {
	c := *n
	c.Subject, c.Acknowledged.By = "", ""
	return c
}
