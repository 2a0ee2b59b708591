package access

import "maps"

const (
	maxDead   = 1024 // bounds what Invalidate remembers
	everybody = "*"  // is no id
)

// Invalidate ends every entity of the person or device called id that was issued so
// far, whoever issued it: an authenticator calls it when a credential of id was set
// or removed, so that nobody goes on with the old one, id itself included. Entities
// that are issued from now on live. Who verifies a credential issues the entity
// before he reads the credential, and hands it out only afterwards: a change in
// between then ends it.
//
// It is kept in memory only, for no entity outlives a restart. After 1024 different
// ids it ends the entities of all persons and devices and begins anew. Services and
// standing mandates go on. A bad id is an [*InputError].
func (i *Issuer) Invalidate(id string) error {
	if i == nil || i.guard == nil {
		return badInput("issuer", "", "is one that a guard gave")
	}
	if !validID(id) {
		return badInput("facts", "/id", ruleID)
	}
	i.guard.invalidate(id)
	return nil
}

func (g *Guard) invalidate(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	serial := g.serial.Add(1)
	if len(g.dead) >= maxDead {
		g.dead = map[string]uint64{everybody: serial}
	} else {
		dead := make(map[string]uint64, len(g.dead)+1) // a view holds the old one
		maps.Copy(dead, g.dead)
		dead[id] = serial
		g.dead = dead
	}
	v := *g.view.Load()
	g.publish(&v)
}

// outlived reports whether e was issued before what ended its like.
func (v *view) outlived(e *Entity) bool {
	return e.serial < v.dead[e.id] || e.serial < v.dead[everybody]
}
