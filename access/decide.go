package access

import "math/bits"

var (
	denyNoGuard    = deny(lawGuard, "nobody decides here: the guard is nil, or was not opened")
	denyNobody     = deny(lawEntity, "nobody is authenticated")
	denyForeign    = deny(lawEntity, "the entity was not issued for this guard")
	denyEpoch      = deny(lawOwnership, "the entity was authenticated before the ownership changed")
	denyRetired    = deny(lawOwnership, "the initial secret is retired")
	denyRoles      = deny(lawRoles, "the entity holds no role")
	denyKind       = deny(lawRoles, "the roles are assigned to another kind of entity")
	denyPermission = deny(lawPermission, "the policy does not know the permission")
	denyResource   = deny(lawResource, "the resource is not valid")
	denyLimits     = deny(lawLimits, "the entity's grants are for other kinds or interfaces")
	denyService    = deny(lawShut, "while the guard is shut only services of this device may do this")
	denyScope      = deny(lawScope, "the mandate does not name this")
	denySetting    = deny(lawScope, "the commissioning installs the owner's credentials and nothing else")
	denyDead       = deny(lawEntity, "the credential of the entity has changed since")
	denyPrincipal  = deny(lawScope, "who gave the mandate no longer holds the permission")
	denyRunner     = deny(lawScope, "the service that carries out the mandate does not hold the permission")
	denyOwner      = deny(lawScope, "the mandate was given under another ownership")

	allowInitial = &Decision{Allowed: true, Rule: "commissioning", Reason: "the initial secret may commission the device"}
	allowSetting = &Decision{Allowed: true, Rule: "commissioning", Reason: "the commissioning installs the owner's credential"}
	allowMandate = &Decision{Allowed: true, Rule: "mandate", Reason: "a mandate names this act"}
)

// who is what a decision of the policy depends on besides the question.
type who struct {
	roles uint64
	kind  Kind
	id    string
	iface string
}

func (p *Policy) permission(name Permission) *permission {
	if i := p.names.find(string(name)); i >= 0 {
		return &p.perms[i]
	}
	return nil
}

// decide answers for w. While the guard is shut, shut is the denial.
func (p *Policy) decide(w *who, name Permission, resource string, shut *Decision) *Decision {
	perm := p.permission(name)
	if perm == nil {
		return denyPermission
	}
	at := perm.machine.walk(resource, w.id)
	if at < 0 {
		return denyResource
	}
	limited := false
	accept := perm.machine.states[at].accept
	for i := range accept {
		c := &accept[i]
		held := c.roles & w.roles
		if held == 0 {
			continue
		}
		if !p.limits[c.limit].admits(p, w) {
			limited = true
			continue
		}
		if shut != nil {
			if d := p.gate(perm.shut, w, resource, shut); d != nil {
				return d
			}
		}
		return c.allow[bits.OnesCount64(c.roles&(held&-held-1))]
	}
	if limited {
		return denyLimits
	}
	return perm.none
}

// gate returns the denial of a permission that w holds, but that does not pass the
// shut guard, or nil.
func (p *Policy) gate(s Shut, w *who, resource string, shut *Decision) *Decision {
	switch {
	case s == ShutAllowed, s == ShutService && w.kind == KindService:
		return nil
	case s == ShutService:
		return denyService
	case s == ShutSetup:
		if at := p.setup.walk(resource, w.id); at >= 0 && len(p.setup.states[at].accept) > 0 {
			return nil
		}
	}
	return shut
}

func (l *limit) admits(p *Policy, w *who) bool {
	if l.kinds != 0 && l.kinds>>w.kind&1 == 0 {
		return false
	}
	if l.ifaces == 0 {
		return true
	}
	bit, ok := p.ifaces[w.iface]
	return ok && l.ifaces>>bit&1 != 0
}

// walk returns the state in which resource ends, for an entity called id, or -1
// if resource is not valid (see [ValidResource]). Segments that a pattern names
// are valid, so that only the others are looked at byte by byte.
func (m *machine) walk(resource, id string) int32 {
	at := int32(1)
	if resource == "" {
		return at
	}
	if len(resource) > MaxResource {
		return -1
	}
	for range MaxSegments {
		seg := resource
		end := slash(resource)
		if end >= 0 {
			seg = resource[:end]
		}
		s := &m.states[at]
		to := s.other
		if i := s.literals.find(seg); i >= 0 {
			to = m.steps[i]
		} else if !validSegment(seg) {
			return -1
		}
		at = to.plain
		if to.self != to.plain && seg == id {
			at = to.self
		}
		if end < 0 {
			return at
		}
		resource = resource[end+1:]
	}
	return -1
}
