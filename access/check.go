package access

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// The failures that a caller can act on.
var (
	// ErrDenied: the entity may not do this. The error is a [*DeniedError], which
	// says what is missing.
	ErrDenied = errors.New("denied")
	// ErrProvisioned: the device has its initial secret already.
	ErrProvisioned = errors.New("already provisioned")
	// ErrNotProvisioned: the device has no initial secret yet, see [Provision].
	ErrNotProvisioned = errors.New("not provisioned")
	// ErrCommissioned: the device has an owner. End the ownership first.
	ErrCommissioned = errors.New("already commissioned")
	// ErrUnreadable: the state of the guard could not be read, so that it is shut.
	// Repair the store, then [Guard.Reload].
	ErrUnreadable = errors.New("state of the guard cannot be read")
	// ErrFull: a limit on the number of entities or mandates is reached.
	ErrFull = errors.New("too many entries")
)

// Authorizer decides. Only *[Guard] implements it in this module; a [Policy]
// deliberately does not, so that nobody can pass by the commissioning.
//
// Who calls it: [Check], and code that only wants to know (to grey out a button).
// Parts of a device take an Authorizer and ask by Check, never by Decide.
//
//   - Decide answers from memory: no I/O, no waiting, no logging.
//   - A nil entity, an unknown permission, a resource that is not valid: denied.
//   - The Decision says why, whether allowed or denied.
//   - It may be called concurrently.
//
// The interface is frozen.
type Authorizer interface {
	Decide(ctx context.Context, e *Entity, p Permission, resource string) Decision
}

// Decision is an answer. The zero Decision is denied.
type Decision struct {
	Allowed bool
	Rule    string // the grant that allows, or the law that denies
	Reason  string // why, for people
}

// The laws that deny. [DeniedError].Missing follows from them.
const (
	lawGuard      = "no guard"
	lawEntity     = "authentication"
	lawOwnership  = "ownership"
	lawPermission = "vocabulary"
	lawResource   = "resource grammar"
	lawRoles      = "roles"
	lawGrants     = "deny by default"
	lawLimits     = "limits of grants"
	lawShut       = "commissioning"
	lawScope      = "mandate"
)

//go:noinline
func deny(law, reason string) *Decision { return &Decision{Rule: law, Reason: reason} }

func missing(law string, p Permission) string {
	switch law {
	case lawGuard:
		return "an authorizer"
	case lawEntity, lawOwnership:
		return "authentication"
	case lawPermission:
		return "a permission that the policy knows"
	case lawResource:
		return "a valid resource"
	case lawLimits:
		return "another kind of entity or another interface"
	case lawShut:
		return "commissioning"
	case lawScope:
		return "a mandate that names " + string(p) + " and still holds"
	}
	return "a role that grants " + string(p) + " on this resource"
}

// DeniedError is the error of [Check]. It is [ErrDenied].
type DeniedError struct {
	Permission Permission
	Resource   string
	Reason     string // why it was denied
	Missing    string // what would have to be there
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("access: %s on %.300q denied: %s; missing: %s", string(e.Permission), e.Resource, e.Reason, e.Missing)
}

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }

// Check asks a whether the entity in ctx may do p on resource. It is the one
// question that every part of a device asks before it acts, and, for work that
// takes longer than a request, again before each step that cannot be undone.
//
// It returns the entity when allowed, and otherwise a [*DeniedError]: also for a
// nil a (or a typed nil), and for a ctx without entity. A [Guard] logs a denial once
// and counts equal ones for 10 s: of a stranger those of one area of permissions are
// equal, of an entity those on one resource, four at a time.
func Check(ctx context.Context, a Authorizer, p Permission, resource string) (*Entity, error) {
	e := FromContext(ctx)
	d := ask(ctx, a, e, p, resource)
	if d.Allowed {
		return e, nil
	}
	// A type that embeds a *Guard logs as well; one that was not opened has nowhere to.
	if by, ok := a.(interface{ deniedBy() *Guard }); ok && d.Rule != lawGuard {
		if g := by.deniedBy(); g != nil && g.policy != nil {
			g.denied(ctx, e, p, resource, d)
		}
	}
	return nil, &DeniedError{Permission: p, Resource: resource, Reason: d.Reason, Missing: missing(d.Rule, p)}
}

func ask(ctx context.Context, a Authorizer, e *Entity, p Permission, resource string) Decision {
	if a == nil {
		return *deny(lawGuard, "nobody decides here: the authorizer is nil")
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.Pointer && v.IsNil() {
		return *deny(lawGuard, "nobody decides here: the authorizer is a typed nil")
	}
	if e == nil {
		return *denyNobody
	}
	d := a.Decide(ctx, e, p, resource)
	if !d.Allowed && d.Reason == "" {
		d.Reason = "the authorizer gave no reason"
	}
	return d
}
