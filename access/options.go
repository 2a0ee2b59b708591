package access

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// GuardOptions are the options of [OpenGuard]. Nil options mean: no services, no
// local interface, no log, 10 minutes after presence, and a guard that stays shut,
// as no part is named that would have to declare its credentials.
type GuardOptions struct {
	// Log takes the events of this package; nil discards them.
	Log *slog.Logger
	// Services are the roles of the services of this device, by the name given to
	// [AsService]. They belong to the release, not to the owner.
	Services map[string][]string
	// Parts are the names of the parts that must have declared their credentials
	// (see [CredentialList.Set]) before the guard opens. With nil it never opens:
	// nobody would notice that nobody declared. A device of which no part has any
	// credential, and a test, say so by an empty slice that is not nil.
	Parts []string
	// OwnerRoles are the roles that [Guard.Commission] may give to the owner, out of
	// those of the policy; nil is each that neither is nor inherits a role of Services.
	OwnerRoles []string
	// Local are the interfaces that can only be reached at the device itself. On
	// them the initial secret works without presence.
	Local []string
	// PresenceWindow is how long presence lasts; default 10 minutes, at most 1 hour.
	PresenceWindow time.Duration
}

func checkOptions(o *GuardOptions, p *Policy) error {
	for i, name := range o.Local {
		if !validID(name) {
			return badInput("options", item("/local", i), ruleID)
		}
	}
	for i, name := range o.OwnerRoles {
		if _, ok := p.index[name]; !ok || name == RoleCommissioner || name == RolePresence {
			return badInput("options", item("/ownerRoles", i), "names a role of the policy that the guard does not give")
		}
	}
	for i, name := range o.Parts {
		if !validWord(name) {
			return badInput("options", item("/parts", i), "is [a-z][a-z0-9-]*, at most 64 bytes")
		}
	}
	if o.PresenceWindow < 0 || o.PresenceWindow > time.Hour {
		return badInput("options", "/presenceWindow", "is at most 1 hour")
	}
	return nil
}

func cloneServices(in map[string][]string, p *Policy) (map[string]uint64, error) {
	out := make(map[string]uint64, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !validID(name) || reservedID(name) {
			return nil, badInput("options", "/services/"+name, ruleID+", and no name of the guard")
		}
		for i, role := range in[name] {
			if _, ok := p.index[role]; !ok || role == RoleCommissioner || role == RolePresence {
				return nil, badInput("options", item("/services/"+name, i), "names a role of the policy that the guard does not give")
			}
		}
		out[name] = p.mask(in[name])
	}
	return out, nil
}
