package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// Guard decides who may do what: a policy, the roles of entities, the commissioning
// of the device, and a log of what was denied. It is the only [Authorizer].
//
// Its state is one record in a Store, so each change is old or new as a whole,
// and is kept when the method returned nil. All methods may be called
// concurrently; Decide never waits for a change.
type Guard struct {
	policy       *Policy
	value        *durable.Value[record]
	log          *slog.Logger
	services     map[string]uint64
	local        []string
	window       time.Duration
	presence     uint64 // roles of who proved presence
	commissioner uint64 // roles of who presented the initial secret
	ownerRoles   []string
	serviceRoles uint64 // given to a service, not those that these inherit
	credentials  *CredentialList
	commission   sync.Mutex // one commissioning at a time, its set function included
	mu           sync.Mutex // changes of the record and of the view
	unsure       bool       // the last write failed: what a power cut leaves is not known; under mu
	view         atomic.Pointer[view]
	dead         map[string]uint64         // see invalidate; replaced, never changed
	serial       atomic.Uint64             // counts the invalidations
	reserve      error                     // why no space is set aside for the record
	present      atomic.Pointer[time.Time] // when presence was proved last
	denials      denials
}

// OpenGuard reads the state of the guard from store. A store without one gives a
// guard that is not provisioned; a record that is damaged, or that cannot be
// read, one whose Health is [ErrUnreadable]. Both are shut and know no entity. Only
// a done ctx and a store on hold ([durable.ErrHeld]) are errors here, besides
// options that do not fit the policy ([*InputError]).
//
// The space of the record is reserved, if the store can: an erasure or a reset makes it
// smaller, and needs no free space for that.
//
// The store must be authenticated: in a device it is the vault's floor compartment.
// On a plain directory whoever can write to the medium is whoever he likes.
func OpenGuard(ctx context.Context, store durable.Store, policy *Policy, opts *GuardOptions) (*Guard, error) {
	if opts == nil {
		opts = &GuardOptions{}
	}
	if policy == nil || store == nil {
		return nil, badInput("guard", "", "has a store and a policy")
	}
	if err := checkOptions(opts, policy); err != nil {
		return nil, err
	}
	services, err := cloneServices(opts.Services, policy)
	if err != nil {
		return nil, err
	}
	g := &Guard{
		policy: policy, value: openRecord(store), log: opts.Log, services: services,
		local: slices.Clone(opts.Local), window: opts.PresenceWindow, ownerRoles: slices.Clone(opts.OwnerRoles),
		presence:     policy.mask([]string{RolePresence}),
		commissioner: policy.mask([]string{RoleCommissioner}),
	}
	for _, roles := range opts.Services {
		g.serviceRoles |= policy.mask(roles)
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.window == 0 {
		g.window = 10 * time.Minute
	}
	g.credentials = &CredentialList{guard: g, want: slices.Clone(opts.Parts), lists: map[string][]Credential{}}
	v, err := g.load(ctx)
	if err != nil {
		return nil, err
	}
	g.publish(v)
	if g.reserve = reserve(ctx, store, v); ctx.Err() != nil {
		return nil, fmt.Errorf("access: open guard: %w", g.reserve)
	}
	return g, nil
}

// reserve sets space aside for a record that is as large as now, and some assignments
// more. A store that cannot is none the worse for it.
func reserve(ctx context.Context, store durable.Store, v *view) error {
	const step = 4 << 10 // about 40 assignments
	now, err := json.Marshal(v.rec)
	if err == nil {
		err = durable.Reserve(ctx, store, recordName, (len(now)/step+1)*step)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// Decide says whether e may do p on resource, and why. It takes about 100 ns and
// does not allocate, but for the first question of an entity after a change. See
// [Authorizer].
func (g *Guard) Decide(_ context.Context, e *Entity, p Permission, resource string) Decision {
	return *g.decide(e, p, resource)
}

func (g *Guard) decide(e *Entity, p Permission, resource string) *Decision {
	switch {
	case g == nil || g.policy == nil:
		return denyNoGuard
	case e == nil:
		return denyNobody
	case e.guard != g:
		return denyForeign
	}
	v := g.view.Load()
	if e.scope != nil {
		return g.decideScope(v, e, p, resource)
	}
	roles, why := g.roles(v, e)
	if roles == 0 {
		return why
	}
	return g.policy.decide(&who{roles, e.kind, e.id, e.iface}, p, resource, v.shut)
}

// lookup is what an entity held in a view. It is kept in the entity, and counts only
// for that very view: every change makes another one.
type lookup struct {
	view  *view
	roles uint64
	why   *Decision // when there are none
}

// roles looks up what e holds now, or why nothing.
func (g *Guard) roles(v *view, e *Entity) (uint64, *Decision) {
	if e.kind == KindPresence && time.Since(e.at) > g.window {
		return 0, denyPresence
	}
	l := e.last.Load()
	if l == nil || l.view != v {
		l = &lookup{view: v}
		l.roles, l.why = g.find(v, e)
		e.last.Store(l)
	}
	return l.roles, l.why
}

func (g *Guard) find(v *view, e *Entity) (uint64, *Decision) {
	switch {
	case e.kind == KindService:
		return g.services[e.id], denyRoles
	case e.epoch != v.epoch:
		return 0, denyEpoch
	case e.kind == KindPresence:
		return g.presence, denyRoles
	case v.outlived(e):
		return 0, denyDead
	}
	h := v.held[e.id]
	if h.roles != 0 && h.kind != e.kind {
		return 0, denyKind
	}
	return h.roles, denyRoles
}

// Policy returns the policy of the guard.
func (g *Guard) Policy() *Policy { return g.policy }

// Credentials returns the list in which every part names its credentials.
func (g *Guard) Credentials() *CredentialList { return g.credentials }

// Ownership is the id of the present ownership, or "" while there is none. What
// belongs to an owner (credentials, enrolments, sequences) is bound to it.
func (g *Guard) Ownership() string { return g.view.Load().rec.Ownership }

// Shut says why the guard is shut (27402 5.2.6.1.4), and whether it is. While it
// is shut only what [Shut] lets pass is allowed.
func (g *Guard) Shut() (reason string, shut bool) {
	if d := g.view.Load().shut; d != nil {
		return d.Reason, true
	}
	return "", false
}

// Reload reads the state again: after [Provision], or when a store that could not
// be read can be read. It changes nothing in the store and needs no permission.
func (g *Guard) Reload(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, err := g.load(ctx)
	if err != nil {
		return err
	}
	g.publish(v)
	return g.health(v)
}

// Health is nil, [ErrUnreadable] with the cause, or why there is no space reserved for
// the record. A device that waits for its commissioning is healthy.
func (g *Guard) Health(context.Context) error {
	if err := g.health(g.view.Load()); err != nil || g.reserve == nil {
		return err
	}
	return fmt.Errorf("access: %w", g.reserve)
}

func (g *Guard) health(v *view) error {
	if v.err == nil {
		return nil
	}
	return fmt.Errorf("access: %w: %w", ErrUnreadable, v.err)
}

// Stats are counters of a guard since it was opened.
type Stats struct {
	Entities int    // with roles
	Denied   uint64 // by Check
	Folded   uint64 // of these, counted but not logged one by one
	Shut     bool
}

// Stats returns the counters.
func (g *Guard) Stats() Stats {
	v := g.view.Load()
	return Stats{
		Entities: len(v.rec.Assignments), Shut: v.shut != nil,
		Denied: g.denials.denied.Load(), Folded: g.denials.folded.Load(),
	}
}

// Features are what the guard does for 27402 5.2.6. Authentication, interfaces
// (5.2.6.1.1) and identifiers are other packages'. That the credentials of the
// device are not common rests on what its parts declare.
func (g *Guard) Features() []clause.Feature {
	return []clause.Feature{
		{
			ID: "access.guard", Clauses: []clause.ID{clause.C5_2_6_1_2_B, clause.C5_2_6_2_I, clause.C5_2_6_2_J},
			Package: "access", Summary: "every operation asks a compiled policy that denies by default; roles are looked up at each decision",
			Settings: []clause.Setting{{Name: "roles", Value: strconv.Itoa(len(g.policy.roles))}, {Name: "grants", Value: strconv.Itoa(len(g.policy.grants))}},
		},
		{
			ID: "access.commissioning", Clauses: []clause.ID{clause.C5_2_6_1_4}, Package: "access",
			Summary:  "shut until the initial secret and every common credential are out of service",
			Settings: []clause.Setting{{Name: "parts that declare", Value: g.credentials.expected()}},
		},
	}
}
