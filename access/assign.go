package access

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
)

// Assign gives an entity exactly roles, in place of those it had. It takes effect
// at once, on running work too. A 257th entity is [ErrFull].
//
// Permission: [AccessAssign] on "ROLE/ID", for every role that is given or taken;
// who may give one role can so not give himself another.
func (g *Guard) Assign(ctx context.Context, a Assignment) error {
	if err := g.checkAssignment("assignment", a); err != nil {
		return err
	}
	a.Roles = slices.Clone(a.Roles)
	slices.Sort(a.Roles)
	by := FromContext(ctx)
	err := g.change(ctx, "assign", func(r *record) error {
		i := slices.IndexFunc(r.Assignments, func(o Assignment) bool { return o.ID == a.ID })
		var before Assignment
		if i >= 0 {
			before = r.Assignments[i]
		}
		if err := g.mayAssign(ctx, a.ID, before, a); err != nil {
			return err
		}
		switch {
		case i >= 0:
			r.Assignments[i] = a
		case len(r.Assignments) == MaxEntities:
			return fmt.Errorf("access: assign: %w", ErrFull)
		default:
			r.Assignments = append(r.Assignments, a)
		}
		return nil
	})
	if err == nil {
		g.audit(ctx, EventAssigned, by, slog.String(KeySubject, a.ID), slog.String(KeyRoles, strings.Join(a.Roles, " ")))
	}
	return err
}

// Unassign takes every role from the entity called id. Work of his that is running
// is denied from its next [Check] on. An id without roles is no error.
//
// Nothing keeps the last who holds [AccessAssign] from going: who else is one may
// depend on interfaces and kinds. After that nobody can be assigned until somebody
// with presence ends the ownership and the device is commissioned again.
//
// Permission: [AccessAssign] on "ROLE/ID" for every role that is taken.
func (g *Guard) Unassign(ctx context.Context, id string) error {
	if !validID(id) {
		return badInput("assignment", "/id", ruleID)
	}
	by, removed := FromContext(ctx), false
	err := g.change(ctx, "unassign", func(r *record) error {
		i := slices.IndexFunc(r.Assignments, func(o Assignment) bool { return o.ID == id })
		var before Assignment
		if i >= 0 {
			before, removed = r.Assignments[i], true
			r.Assignments = slices.Delete(r.Assignments, i, i+1)
		}
		return g.mayAssign(ctx, id, before, Assignment{})
	})
	if err == nil && removed {
		g.audit(ctx, EventUnassigned, by, slog.String(KeySubject, id))
	}
	return err
}

// Entities returns every entity with roles, sorted by id.
//
// Permission: [AccessRead] on "entities".
func (g *Guard) Entities(ctx context.Context) ([]Assignment, error) {
	if _, err := Check(ctx, g, AccessRead, "entities"); err != nil {
		return nil, err
	}
	list := slices.Clone(g.view.Load().rec.Assignments)
	for i := range list {
		list[i].Roles = slices.Clone(list[i].Roles)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list, nil
}

// Explain says in one line each what the entity called id may do now.
//
// Permission: [AccessRead] on "entities".
func (g *Guard) Explain(ctx context.Context, id string) ([]string, error) {
	list, err := g.Entities(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range list {
		if a.ID != id {
			continue
		}
		for _, role := range a.Roles {
			for _, line := range g.policy.Explain(role) {
				out = append(out, role+": "+line)
			}
		}
	}
	return out, nil
}

func (g *Guard) checkAssignment(what string, a Assignment) error {
	if path, rule := badAssignment(a); rule != "" {
		return badInput(what, path, rule)
	}
	for i, role := range a.Roles {
		if _, ok := g.policy.index[role]; !ok {
			return badInput(what, item("/roles", i), "names a role of the policy")
		}
	}
	return nil
}

// mayAssign asks for every role in which before and after differ; when they do
// not differ, for those that stay. A changed kind takes and gives all.
func (g *Guard) mayAssign(ctx context.Context, id string, before, after Assignment) error {
	asked := false
	for _, role := range slices.Concat(before.Roles, after.Roles) {
		if before.Kind == after.Kind && slices.Contains(before.Roles, role) && slices.Contains(after.Roles, role) {
			continue
		}
		asked = true
		if err := g.may(ctx, AccessAssign, role+"/"+id); err != nil {
			return err
		}
	}
	if asked {
		return nil
	}
	for _, role := range after.Roles {
		if err := g.may(ctx, AccessAssign, role+"/"+id); err != nil {
			return err
		}
	}
	if len(after.Roles) == 0 { // an unknown id: still not for everybody
		return g.may(ctx, AccessAssign, "none/"+id)
	}
	return nil
}

// audit logs what somebody did, at the level that the event log makes durable.
func (g *Guard) audit(ctx context.Context, event string, by *Entity, attrs ...slog.Attr) {
	g.log.LogAttrs(ctx, LevelAudit, event, append(entityAttrs(by), attrs...)...)
}
