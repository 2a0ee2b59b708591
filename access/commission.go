package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// The resource of [AccessCommission] and [AccessDisown].
const resourceOwnership = "ownership"

var denyPresence = deny(lawOwnership, "presence was proved too long ago")

// Presence proves that somebody stands at the device: a button, a jumper, a
// confirmation on its display.
//
// Who calls it: [Guard.ProvePresence]. Who writes one: the vendor.
//
//   - Prove returns nil only if somebody acted at the device after the call began.
//   - Prove gives up when ctx is done. No deadline of its own is needed.
//   - challenge is 32 random bytes, new for each call; a prover at the other end
//     of a wire authenticates its answer over them.
//   - It may be called concurrently.
//
// The interface is frozen.
type Presence interface {
	Prove(ctx context.Context, challenge []byte) error
}

// ProvePresence asks p for a proof. From then on, for [GuardOptions].PresenceWindow,
// the initial secret works on every interface, and the entity returned may do what
// the policy grants to [RolePresence]. A restart, and the beginning and the end of
// an ownership, end both. An error of p is wrapped.
func (g *Guard) ProvePresence(ctx context.Context, p Presence) (*Entity, error) {
	if p == nil {
		return nil, badInput("presence", "", "has a prover")
	}
	epoch := g.view.Load().epoch
	challenge := make([]byte, 32)
	rand.Read(challenge)
	if err := p.Prove(ctx, challenge); err != nil {
		return nil, fmt.Errorf("access: prove presence: %w", err)
	}
	e := g.mark(epoch)
	if e == nil {
		return nil, g.refuse(ctx, "the ownership changed during the proof", "presence")
	}
	g.audit(ctx, EventPresence, e)
	return e, nil
}

// mark notes that presence was proved, unless the ownership is no longer that of
// epoch: it must not end between the look and the mark.
func (g *Guard) mark(epoch uint64) *Entity {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	e := g.entity("presence", Facts{ID: idPresence, Kind: KindPresence, Time: now})
	if e.epoch != epoch {
		return nil
	}
	g.present.Store(&now)
	return e
}

// Initial exchanges the initial secret, as typed by somebody on the interface
// called iface, for an entity that may commission the device, and do what the
// policy grants to [RoleCommissioner] and passes the shut guard. It works until
// the device is commissioned, and again after [Guard.EndOwnership]; on an interface
// of [GuardOptions].Local, or within the presence window. Everything else is a
// [*DeniedError]. Without presence the secret is not even looked at, so a remote
// stranger cannot test a guess. Nothing is stored.
func (g *Guard) Initial(ctx context.Context, secret, iface string) (*Entity, error) {
	v := g.view.Load()
	switch {
	case iface != "" && !validID(iface):
		return nil, badInput("initial", "/interface", ruleID)
	case v.err != nil:
		return nil, fmt.Errorf("access: initial secret: %w", ErrUnreadable)
	case !v.provisioned:
		return nil, fmt.Errorf("access: initial secret: %w", ErrNotProvisioned)
	case !v.rec.Serves:
		return nil, g.refuse(ctx, denyRetired.Reason, "the end of the ownership")
	case !slices.Contains(g.local, iface) && !g.isPresent():
		return nil, g.refuse(ctx, "nobody has proved presence at the device", "presence")
	case !v.rec.Verifier.matches(normalSecret(secret)):
		return nil, g.refuse(ctx, "the initial secret is not right", "the secret on the label")
	}
	e := g.entity("initial-secret", Facts{ID: idInitial, Kind: KindPerson, Interface: iface})
	e.epoch, e.scope = v.epoch, &scope{kind: scopeInitial}
	g.audit(ctx, EventInitial, e)
	return e, nil
}

func (g *Guard) isPresent() bool {
	at := g.present.Load()
	return at != nil && time.Since(*at) <= g.window
}

func (g *Guard) refuse(ctx context.Context, reason, missing string) error {
	g.denied(ctx, nil, AccessCommission, resourceOwnership, *deny(lawEntity, reason))
	return &DeniedError{Permission: AccessCommission, Resource: resourceOwnership, Reason: reason, Missing: missing}
}

// Owner is who takes a device into service.
type Owner struct {
	ID    string
	Kind  Kind     // KindPerson or KindDevice; zero is KindPerson
	Roles []string // of [GuardOptions].OwnerRoles
}

// Commission takes the device into service (27402 5.2.6.1.4). set installs the
// owner's own credential: it must be idempotent, for a power cut after it leaves
// the device uncommissioned and everything is done again. It runs as a service that
// may only set credentials of the owner. Then one record retires the initial secret, gives the
// owner its roles and begins a new ownership. An error of set is wrapped.
//
// A credential is to be bound to the [Guard.Binding] of set's context: one that was
// installed by a commissioning that never ended is then dead.
//
// Permission: [AccessCommission] on "ownership". A device with an owner is
// [ErrCommissioned].
func (g *Guard) Commission(ctx context.Context, owner Owner, set func(ctx context.Context) error) error {
	if owner.Kind == 0 {
		owner.Kind = KindPerson
	}
	a := Assignment{ID: owner.ID, Kind: owner.Kind, Roles: slices.Sorted(slices.Values(owner.Roles))}
	if err := g.checkAssignment("owner", a); err != nil {
		return err
	}
	if err := g.checkOwnerRoles(a.Roles); err != nil {
		return err
	}
	if set == nil {
		return badInput("owner", "", "has a function that sets its credential")
	}
	g.commission.Lock()
	defer g.commission.Unlock()
	by, err := g.mayCommission(ctx)
	if err != nil {
		return err
	}
	ownership := newOwnership()
	if err := g.install(ctx, by, owner.ID, ownership, set); err != nil {
		return err
	}
	err = g.change(ctx, "commission", func(r *record) error {
		// The authority may have ended meanwhile.
		if err := g.may(ctx, AccessCommission, resourceOwnership); err != nil {
			return err
		}
		if !r.Serves {
			return fmt.Errorf("access: commission: %w", ErrCommissioned)
		}
		*r = record{Verifier: r.Verifier, Ownership: ownership, Assignments: []Assignment{a}}
		return nil
	})
	if err == nil {
		g.audit(ctx, EventCommissioned, by, slog.String(KeySubject, a.ID), slog.String(KeyRoles, strings.Join(a.Roles, " ")))
	}
	return err
}

func (g *Guard) mayCommission(ctx context.Context) (*Entity, error) {
	by, err := Check(ctx, g, AccessCommission, resourceOwnership)
	if err != nil {
		return nil, err
	}
	switch v := g.view.Load(); {
	case v.err != nil:
		return nil, fmt.Errorf("access: commission: %w", ErrUnreadable)
	case !v.provisioned:
		return nil, fmt.Errorf("access: commission: %w", ErrNotProvisioned)
	case !v.rec.Serves:
		return nil, fmt.Errorf("access: commission: %w", ErrCommissioned)
	}
	return by, nil
}

// install runs set with an authority that dies when it returns.
func (g *Guard) install(ctx context.Context, by *Entity, owner, ownership string, set func(context.Context) error) error {
	e := g.entity("commissioning", Facts{ID: idCommission, Kind: KindService})
	e.scope = &scope{kind: scopeCommission, principal: by.id, owner: owner, binding: ownership, alive: &atomic.Bool{}}
	e.scope.alive.Store(true)
	defer e.scope.alive.Store(false)
	if err := set(WithEntity(ctx, e)); err != nil {
		return fmt.Errorf("access: commission: set credential: %w", err)
	}
	return nil
}

// Binding is the ownership to which what is made in ctx belongs: in the set
// function of [Guard.Commission] the one that is about to begin, else [Guard.Ownership].
func (g *Guard) Binding(ctx context.Context) string {
	if e := FromContext(ctx); e != nil && e.guard == g && e.scope != nil && e.scope.alive != nil && e.scope.alive.Load() {
		return e.scope.binding
	}
	return g.Ownership()
}

// EndOwnership is the part of a reset or a transfer that ends the ownership: every
// assignment is gone, all entities but services are dead, credentials bound to the
// ownership are dead, and the initial secret serves again, once. A device without
// owner is no error.
//
// Permission: [AccessDisown] on "ownership".
func (g *Guard) EndOwnership(ctx context.Context) error {
	by, err := Check(ctx, g, AccessDisown, resourceOwnership)
	if err != nil {
		return err
	}
	ended := false
	err = g.change(ctx, "end ownership", func(r *record) error {
		if err := g.may(ctx, AccessDisown, resourceOwnership); err != nil { // it may have ended meanwhile
			return err
		}
		if !r.Serves {
			ended = true
			*r = record{Verifier: r.Verifier, Serves: true, Period: newOwnership(), Previous: r.Ownership}
		}
		return nil
	})
	if err == nil && ended {
		g.audit(ctx, EventOwnershipEnded, by)
	}
	return err
}

// checkOwnerRoles: who holds the label chooses the roles, but not any.
func (g *Guard) checkOwnerRoles(roles []string) error {
	for i, role := range roles {
		if g.ownerRoles != nil && !slices.Contains(g.ownerRoles, role) {
			return badInput("owner", item("/roles", i), "is a role that an owner may have")
		}
		if g.ownerRoles == nil && g.policy.reach(role)&g.serviceRoles != 0 {
			return badInput("owner", item("/roles", i), "is no role of a service and inherits none")
		}
	}
	return nil
}

func newOwnership() string {
	b := make([]byte, ownershipLength/2)
	rand.Read(b)
	return hex.EncodeToString(b)
}
