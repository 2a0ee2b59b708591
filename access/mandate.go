package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"
)

// Limits of a mandate.
const (
	MaxActs   = 8
	MaxReason = 200 // bytes
	idHex     = 32
)

// Act is one thing to be done: a permission on a resource, both exact.
type Act struct {
	Permission Permission `json:"permission"`
	Resource   string     `json:"resource"`
}

// Mandate is the record of a privileged act to come: who ordered what, why, and
// by which plan. It lets work go on after the request, and after a power cut,
// without keeping the authority of the request (PROTOCOLS 3). Keep it by
// [Mandates] and carry it out by [Guard.Resume]. Nobody orders [AccessCommission] in
// advance: it takes the label, or presence, at that time.
//
// A Mandate is believed: who can write the store that keeps it can order what he
// likes. In a device that is the vault's floor compartment.
type Mandate struct {
	ID        string    `json:"id"`        // 32 hex digits, random
	Principal string    `json:"principal"` // id of who ordered it
	Kind      Kind      `json:"kind"`
	Interface string    `json:"interface,omitempty"` // on which he did
	Ownership string    `json:"ownership"`           // under which he did, or the time without owner; 32 hex digits
	Acts      []Act     `json:"acts"`
	Reason    string    `json:"reason"`
	Plan      string    `json:"plan"` // SHA-256 of the plan, in hex
	Time      time.Time `json:"time"` // by the clock of the device
	// Standing is for work on a schedule: the principal, and the service that
	// carries it out, must hold every permission still when it is done.
	Standing bool `json:"standing"`
}

// MandateRequest is what [Guard.NewMandate] is asked for.
type MandateRequest struct {
	Acts     []Act  // 1 to 8
	Reason   string // for the log; 1 to 200 bytes of printable text
	Plan     []byte // what exactly will be done; only its digest is kept
	Standing bool
}

// NewMandate makes a mandate of the entity in ctx, who must hold every permission
// that it names, now. A mandate cannot be made out of another one. What breaks a
// rule is an [*InputError]; nothing is stored. A device that is not provisioned, or
// whose state cannot be read, has none ([ErrNotProvisioned], [ErrUnreadable]).
func (g *Guard) NewMandate(ctx context.Context, req MandateRequest) (Mandate, error) {
	v := g.view.Load() // before the question: if the ownership ends meanwhile, the mandate is dead
	var e *Entity
	for _, a := range req.Acts {
		var err error
		if e, err = Check(ctx, g, a.Permission, a.Resource); err != nil {
			return Mandate{}, err
		}
	}
	if e == nil {
		return Mandate{}, badInput("mandate", "/acts", "has 1 to 8 acts")
	}
	if e.scope != nil && (e.scope.kind != scopeInitial || req.Standing) || e.kind == KindPresence && req.Standing {
		return Mandate{}, badInput("mandate", "/principal", "is an entity that can hold its permissions later")
	}
	if v.rec.binding() == "" { // a service of a device without record
		return Mandate{}, fmt.Errorf("access: new mandate: %w", cmp.Or(g.health(v), ErrNotProvisioned))
	}
	id := make([]byte, idHex/2)
	rand.Read(id)
	sum := sha256.Sum256(req.Plan)
	m := Mandate{
		ID: hex.EncodeToString(id), Principal: e.id, Kind: e.kind, Interface: e.iface, Ownership: v.rec.binding(),
		Acts: slices.Clone(req.Acts), Reason: req.Reason, Plan: hex.EncodeToString(sum[:]),
		Time: time.Now().UTC().Truncate(time.Second), Standing: req.Standing,
	}
	if err := checkMandate(m); err != nil {
		return Mandate{}, err
	}
	g.audit(ctx, EventMandateGiven, e, slog.String(KeyMandate, m.ID))
	return m, nil
}

// Resume returns ctx as the service entity "resume", which may do exactly the acts
// of m and nothing else, on behalf of its principal. It still obeys the shut guard.
// Once another ownership has begun, a mandate of the one before is dead for good, and
// so is one of the time without owner; when an ownership ends, only its own mandates
// go on, until the next begins, and only with reset.*, erase.* and [AccessDisown]. A
// standing mandate needs a
// service in ctx (see [AsService]) to carry it out.
//
// A mandate that allows nothing now is a [*DeniedError], one that breaks a rule an
// [*InputError]. Compare the plan with [Mandate.Covers] before acting.
func (g *Guard) Resume(ctx context.Context, m Mandate) (context.Context, error) {
	if err := checkMandate(m); err != nil {
		return nil, err
	}
	m.Acts = slices.Clone(m.Acts)
	s := &scope{kind: scopeMandate, principal: m.Principal, mandate: m}
	if m.Standing {
		s.runner = FromContext(ctx)
		if s.runner == nil || s.runner.guard != g || s.runner.kind != KindService || s.runner.scope != nil {
			return nil, &DeniedError{
				Permission: m.Acts[0].Permission, Resource: m.Acts[0].Resource,
				Reason: "a standing mandate is carried out by a service of this device", Missing: "a service",
			}
		}
		s.giver = g.entity("mandate", Facts{ID: m.Principal, Kind: m.Kind, Interface: m.Interface, Time: m.Time})
		s.giver.serial = math.MaxUint64 // no session: it ends with the roles, not with the credential
	}
	e := g.entity("mandate", Facts{ID: idResume, Kind: KindService})
	e.scope = s
	ctx = WithEntity(ctx, e)
	for _, a := range m.Acts {
		if _, err := Check(ctx, g, a.Permission, a.Resource); err != nil {
			return nil, err
		}
	}
	g.audit(ctx, EventMandateResumed, e, slog.String(KeyMandate, m.ID))
	return ctx, nil
}

// Covers reports whether plan is the one that the mandate was given for.
func (m Mandate) Covers(plan []byte) bool {
	sum := sha256.Sum256(plan)
	return subtle.ConstantTimeCompare([]byte(m.Plan), []byte(hex.EncodeToString(sum[:]))) == 1
}

func (m *Mandate) names(p Permission, resource string) bool {
	return slices.Contains(m.Acts, Act{p, resource})
}

// checkMandate says which rule m breaks, wherever it comes from.
func checkMandate(m Mandate) error {
	bad := func(path, rule string) error { return badInput("mandate", path, rule) }
	special := m.Principal == idInitial && m.Kind == KindPerson || m.Principal == idPresence && m.Kind == KindPresence
	switch {
	case !isHex(m.ID, idHex):
		return bad("/id", "is 32 hex digits")
	case !validID(m.Principal):
		return bad("/principal", ruleID)
	case !m.Kind.valid() || m.Kind == KindPresence && !special:
		return bad("/kind", "is the kind of the principal")
	case reservedID(m.Principal) && (!special || m.Standing):
		return bad("/principal", "is an entity that can hold its permissions later")
	case m.Interface != "" && !validID(m.Interface):
		return bad("/interface", ruleID)
	case !isHex(m.Ownership, ownershipLength):
		return bad("/ownership", "is 32 hex digits")
	case m.Reason == "" || !printable(m.Reason, MaxReason):
		return bad("/reason", "is 1 to 200 bytes of printable text")
	case !isHex(m.Plan, 2*sha256.Size):
		return bad("/plan", "is 64 hex digits")
	case len(m.Acts) == 0 || len(m.Acts) > MaxActs:
		return bad("/acts", "has 1 to 8 acts")
	}
	for i, a := range m.Acts {
		if !validPermission(a.Permission) {
			return bad(item("/acts", i)+"/permission", "is a permission")
		}
		if a.Permission == AccessCommission {
			return bad(item("/acts", i)+"/permission", "can be ordered in advance")
		}
		if !ValidResource(a.Resource) {
			return bad(item("/acts", i)+"/resource", fmt.Sprintf("is a resource of at most %d bytes", MaxResource))
		}
	}
	return nil
}
