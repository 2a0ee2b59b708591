package access

import (
	"strings"
	"sync/atomic"
)

type scopeKind uint8

const (
	scopeInitial    scopeKind = iota + 1 // who presented the initial secret
	scopeCommission                      // the function that sets the owner's credential
	scopeMandate                         // the service "resume"
)

// scope is an authority that does not come from roles.
type scope struct {
	kind      scopeKind
	principal string // on whose behalf

	alive   *atomic.Bool // scopeCommission: until the function returned
	owner   string       // scopeCommission: whose credentials
	binding string       // scopeCommission: the ownership to come

	mandate Mandate // scopeMandate
	giver   *Entity // scopeMandate, standing: who gave it
	runner  *Entity // scopeMandate, standing: the service that carries it out
}

func (g *Guard) decideScope(v *view, e *Entity, p Permission, resource string) *Decision {
	switch e.scope.kind {
	case scopeInitial:
		return g.decideInitial(v, e, p, resource)
	case scopeCommission:
		method, who, _ := strings.Cut(resource, "/")
		if p == AccessCredentials && e.scope.alive.Load() && v.rec.Serves && validID(method) && who == e.scope.owner {
			return allowSetting
		}
		return denySetting
	case scopeMandate:
		return g.decideMandate(v, e.scope, p, resource)
	}
	return denyScope
}

func (g *Guard) decideInitial(v *view, e *Entity, p Permission, resource string) *Decision {
	switch {
	case e.epoch != v.epoch || !v.rec.Serves:
		return denyRetired
	case p == AccessCommission && resource == resourceOwnership:
		return allowInitial
	case g.commissioner == 0:
		return denyRoles
	}
	return g.policy.decide(&who{g.commissioner, e.kind, e.id, e.iface}, p, resource, v.shut)
}

// decideMandate allows an act that the mandate names, of the same ownership. While
// none has begun since the ownership ended, what was ordered under it to end it is
// finished. What was ordered under any earlier one, or in another time without owner, is dead.
func (g *Guard) decideMandate(v *view, s *scope, p Permission, resource string) *Decision {
	m := &s.mandate
	perm := g.policy.permission(p)
	switch {
	case !m.names(p, resource):
		return denyScope
	case perm == nil:
		return denyPermission
	case !v.rec.honours(m, p):
		return denyOwner
	}
	if v.shut != nil {
		if d := g.policy.gate(perm.shut, &who{kind: KindService, id: idResume}, resource, v.shut); d != nil {
			return d
		}
	}
	if m.Standing {
		if !g.decide(s.giver, p, resource).Allowed {
			return denyPrincipal
		}
		if !g.decide(s.runner, p, resource).Allowed {
			return denyRunner
		}
	}
	return allowMandate
}

// honours reports whether m was given under what r says holds now, or, for a p that
// clears the device for the next owner, before.
func (r *record) honours(m *Mandate, p Permission) bool {
	switch {
	case m.Ownership == "":
		return false
	case m.Ownership == r.binding():
		return true
	}
	return !m.Standing && m.Ownership == r.Previous && clears(p)
}

// clears reports whether p can only take away: an old owner has no say any more.
func clears(p Permission) bool {
	return p == AccessDisown || p.area() == "reset" || p.area() == "erase"
}
