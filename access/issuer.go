package access

import (
	"strconv"
	"time"
)

// MaxID is the greatest length of an entity's id, a session, an interface, a
// method and the name of a role, in bytes.
const MaxID = 64

// Ids that only this package issues.
const (
	idInitial    = "initial"
	idCommission = "commission"
	idPresence   = "presence"
	idResume     = "resume"
)

func reservedID(id string) bool {
	return id == idInitial || id == idCommission || id == idPresence || id == idResume
}

// InputError says which part of an input breaks which rule. It never holds the
// input itself.
type InputError struct {
	What string // what was given: "facts", "owner", "mandate"
	Path string // the part of it, an RFC 6901 pointer; "" is the whole
	Rule string // the rule that it breaks
}

func (e *InputError) Error() string {
	return "access: " + e.What + e.Path + ": " + e.Rule
}

//go:noinline
func badInput(what, path, rule string) error {
	return &InputError{What: what, Path: path, Rule: rule}
}

const (
	ruleID       = "is 1 to 64 bytes of [a-zA-Z0-9._~-], not only dots"
	ruleReserved = "is a name that only the guard issues"
)

// validID reports whether s is one segment of a resource: an id can then stand
// in one, and no id can be taken for a pattern or a path.
//
//go:noinline
func validID(s string) bool {
	if s == "" || len(s) > MaxID {
		return false
	}
	dots := true
	for i := range len(s) {
		if !segByte(s[i]) {
			return false
		}
		dots = dots && s[i] == '.'
	}
	return !dots
}

// Facts are what an authenticator found out about somebody.
type Facts struct {
	ID        string // see [Entity.ID]
	Kind      Kind   // KindPerson, KindDevice or KindService
	Interface string // name of the interface it came in on, or ""
	Session   string // name of the session, or ""; never the session's secret
	Time      time.Time
	// Time is when it authenticated; zero is now.
}

// Issuer makes entities for one way of authentication. Who holds one is believed:
// give it to authenticators only. It may be used concurrently.
type Issuer struct {
	guard  *Guard
	method string
}

// Issuer returns what an authenticator called method makes entities with. A
// method that is not a valid id makes every Issue fail.
func (g *Guard) Issuer(method string) *Issuer { return &Issuer{guard: g, method: method} }

// Issue makes the entity that f describes. Facts that break a rule give an
// [*InputError]. Presence has no issuer: see [Guard.ProvePresence].
func (i *Issuer) Issue(f Facts) (*Entity, error) {
	if i == nil || i.guard == nil {
		return nil, badInput("issuer", "", "is one that a guard gave")
	}
	if err := i.check(f); err != nil {
		return nil, err
	}
	return i.guard.entity(i.method, f), nil
}

func (i *Issuer) check(f Facts) error {
	switch {
	case !validID(i.method):
		return badInput("issuer", "/method", ruleID)
	case !validID(f.ID):
		return badInput("facts", "/id", ruleID)
	case reservedID(f.ID):
		return badInput("facts", "/id", ruleReserved)
	case !f.Kind.valid() || f.Kind == KindPresence:
		return badInput("facts", "/kind", "is person, device or service")
	case f.Interface != "" && !validID(f.Interface):
		return badInput("facts", "/interface", ruleID)
	case f.Session != "" && !validID(f.Session):
		return badInput("facts", "/session", ruleID)
	}
	return nil
}

// entity makes an entity of g without asking whether it may exist.
func (g *Guard) entity(method string, f Facts) *Entity {
	now := time.Now()
	if f.Time.IsZero() {
		f.Time = now
	}
	return &Entity{
		guard: g, epoch: g.view.Load().epoch, serial: g.serial.Load(), id: f.ID, kind: f.Kind, method: method,
		iface: f.Interface, session: f.Session, at: f.Time, issued: now,
	}
}

//go:noinline
func item(path string, i int) string { return path + "/" + strconv.Itoa(i) }
