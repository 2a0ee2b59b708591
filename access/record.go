package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
)

// Limits of the state of a guard.
const (
	MaxEntities      = 256 // with roles
	maxEntityRoles   = 16
	recordName       = "guard"
	ownershipLength  = 32 // hex digits
	verifierSaltSize = 16
)

// record is everything that the guard remembers. It is one value, so that each
// change is old or new as a whole.
type record struct {
	Verifier  verifier `json:"verifier"`
	Serves    bool     `json:"serves"`    // the initial secret is in service
	Ownership string   `json:"ownership"` // "" while it serves
	// Period names the time without owner, as Ownership names one with: what was
	// ordered in it is of no other.
	Period string `json:"period,omitempty"`
	// Previous is the ownership that ended last, while no other has begun: a reset or
	// an erasure that was ordered under it is finished.
	Previous    string       `json:"previous,omitempty"`
	Assignments []Assignment `json:"assignments,omitempty"`
}

// verifier checks the initial secret. The secret has 100 random bits: a slow hash
// would add nothing.
type verifier struct {
	Salt []byte `json:"salt"`
	Sum  []byte `json:"sum"`
}

func newVerifier(salt []byte, secret string) verifier {
	h := sha256.New()
	h.Write([]byte("baseline access initial secret\x00"))
	h.Write(salt)
	h.Write([]byte(secret))
	return verifier{Salt: salt, Sum: h.Sum(nil)}
}

func (v verifier) matches(secret string) bool {
	return subtle.ConstantTimeCompare(newVerifier(v.Salt, secret).Sum, v.Sum) == 1
}

// Assignment is the roles of one entity.
type Assignment struct {
	ID    string   `json:"id"`
	Kind  Kind     `json:"kind"` // KindPerson or KindDevice
	Roles []string `json:"roles"`
}

func openRecord(s durable.Store) *durable.Value[record] {
	return durable.NewValue(s, recordName, &durable.ValueOptions[record]{Check: checkRecord})
}

// binding is what a mandate of now belongs to; "" only without a record.
func (r *record) binding() string {
	if r.Ownership != "" {
		return r.Ownership
	}
	return r.Period
}

func checkRecord(r record) error {
	switch {
	case len(r.Verifier.Salt) != verifierSaltSize || len(r.Verifier.Sum) != sha256.Size:
		return badInput("record", "/verifier", "has a salt of 16 bytes and a sum of 32")
	case r.Serves != (r.Ownership == ""):
		return badInput("record", "/ownership", "is empty while the initial secret serves, and only then")
	case r.Ownership != "" && !isHex(r.Ownership, ownershipLength):
		return badInput("record", "/ownership", "is 32 hex digits")
	case r.Serves != isHex(r.Period, ownershipLength) || !r.Serves && r.Period != "":
		return badInput("record", "/period", "is 32 hex digits while the initial secret serves, and empty else")
	case r.Previous != "" && (!r.Serves || !isHex(r.Previous, ownershipLength)):
		return badInput("record", "/previous", "is 32 hex digits while the initial secret serves, or empty")
	case r.Serves && len(r.Assignments) > 0:
		return badInput("record", "/assignments", "is empty while the initial secret serves")
	case len(r.Assignments) > MaxEntities:
		return badInput("record", "/assignments", "has at most 256 entries")
	}
	return checkAssignments(r.Assignments)
}

func checkAssignments(list []Assignment) error {
	seen := map[string]bool{}
	for i, a := range list {
		if seen[a.ID] {
			return badInput("record", item("/assignments", i)+"/id", "is given once")
		}
		seen[a.ID] = true
		if path, rule := badAssignment(a); rule != "" {
			return badInput("record", item("/assignments", i)+path, rule)
		}
	}
	return nil
}

// badAssignment says which rule a breaks, whatever the policy.
func badAssignment(a Assignment) (path, rule string) {
	switch {
	case !validID(a.ID):
		return "/id", ruleID
	case reservedID(a.ID):
		return "/id", ruleReserved
	case a.Kind != KindPerson && a.Kind != KindDevice:
		return "/kind", "is person or device"
	case len(a.Roles) == 0 || len(a.Roles) > maxEntityRoles:
		return "/roles", "has 1 to 16 roles"
	}
	for i, r := range a.Roles {
		switch {
		case !validWord(r):
			return item("/roles", i), "is [a-z][a-z0-9-]*, at most 64 bytes"
		case r == RoleCommissioner || r == RolePresence:
			return item("/roles", i), "is not a role that only the guard gives"
		case slices.Contains(a.Roles[:i], r):
			return item("/roles", i), "is given once"
		}
	}
	return "", ""
}

func isHex(s string, n int) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == n
}

// view is the record as Decide reads it, and all that follows from it. It is
// swapped as a whole and never changed.
type view struct {
	rec         record
	provisioned bool
	err         error     // the record could not be read
	epoch       uint64    // counts the ownerships of this run
	shut        *Decision // the denial while the guard is shut, or nil
	held        map[string]held
	dead        map[string]uint64 // of whom which entities are dead, see Issuer.Invalidate
}

type held struct {
	roles uint64
	kind  Kind
}

// load reads the record. It fails only when nothing can be said about it: when
// ctx is done, or the store is on hold.
func (g *Guard) load(ctx context.Context) (*view, error) {
	v := &view{}
	rec, err := g.value.Load(ctx)
	switch {
	case err == nil:
		v.rec, v.provisioned = rec, true
	case errors.Is(err, fs.ErrNotExist):
	case ctx.Err() != nil, errors.Is(err, durable.ErrHeld):
		return nil, fmt.Errorf("access: open guard: %w", err)
	default:
		v.err = err
	}
	return v, nil
}

// publish makes v what decisions are made by. The caller holds g.mu.
func (g *Guard) publish(v *view) {
	v.held = make(map[string]held, len(v.rec.Assignments))
	for _, a := range v.rec.Assignments {
		v.held[a.ID] = held{roles: g.policy.mask(a.Roles), kind: a.Kind}
	}
	if old := g.view.Load(); old != nil {
		v.epoch = old.epoch
		if v.rec.binding() != old.rec.binding() {
			v.epoch++
			g.present.Store(nil)
		}
	}
	v.dead = g.dead
	v.shut = nil
	if why := g.shutReason(v); why != "" {
		v.shut = deny(lawShut, why)
	}
	g.view.Store(v)
}

// change stores what fn makes of the record, and then decides by it. When the
// store fails, the record is read again: it is the old or the new one, and which of
// them a power cut would leave nobody knows, so that the next change is written even if
// it finds its work done. fn asks by may; what that denied is logged here, when no lock is held.
func (g *Guard) change(ctx context.Context, op string, fn func(*record) error) error {
	var denied *DeniedError
	err := g.changeLocked(ctx, op, func(r *record) error {
		err := fn(r)
		errors.As(err, &denied)
		return err
	})
	if denied != nil {
		g.denied(ctx, FromContext(ctx), denied.Permission, denied.Resource, Decision{Reason: denied.Reason})
	}
	return err
}

// may is [Check] without the log, for where a lock is held: a log handler may
// ask the guard, and change it.
func (g *Guard) may(ctx context.Context, p Permission, resource string) error {
	d := ask(ctx, g, FromContext(ctx), p, resource)
	if d.Allowed {
		return nil
	}
	return &DeniedError{Permission: p, Resource: resource, Reason: d.Reason, Missing: missing(d.Rule, p)}
}

func (g *Guard) changeLocked(ctx context.Context, op string, fn func(*record) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.view.Load()
	switch {
	case v.err != nil:
		return fmt.Errorf("access: %s: %w", op, ErrUnreadable)
	case !v.provisioned:
		return fmt.Errorf("access: %s: %w", op, ErrNotProvisioned)
	}
	rec := v.rec
	rec.Assignments = slices.Clone(rec.Assignments)
	if err := fn(&rec); err != nil {
		return err
	}
	if sameRecord(rec, v.rec) && !g.unsure {
		return nil
	}
	if err := g.value.Store(ctx, rec); err != nil {
		g.unsure = true
		return fmt.Errorf("access: %s: %w", op, errors.Join(err, g.reload(context.WithoutCancel(ctx))))
	}
	g.unsure = false
	g.publish(&view{rec: rec, provisioned: true})
	return nil
}

func sameRecord(a, b record) bool {
	return a.Serves == b.Serves && a.binding() == b.binding() &&
		slices.EqualFunc(a.Assignments, b.Assignments, func(x, y Assignment) bool {
			return x.ID == y.ID && x.Kind == y.Kind && slices.Equal(x.Roles, y.Roles)
		})
}

func (g *Guard) reload(ctx context.Context) error {
	v, err := g.load(ctx)
	if err != nil {
		v = &view{err: err}
	}
	g.publish(v)
	return err
}
