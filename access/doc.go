// Package access says who may do what on a device (27402 5.2.6), and keeps it shut
// until nobody else can (27402 5.2.6.1.4).
//
// An authenticator makes an [Entity] through an [Issuer] and puts it into the
// context; every part of the device asks [Check] before it acts. A [Guard] answers:
// by a [Policy], which is compiled once and denies what it does not allow, by the
// roles that the entity holds at this moment, and by the state of commissioning.
//
//	policy, err := access.NewPolicy(access.PolicySpec{
//		Roles:  []access.Role{{Name: "owner"}},
//		Grants: []access.Grant{{Role: "owner", Permission: "config.*", Resources: []string{"**"}}},
//	}, nil)
//	guard, err := access.OpenGuard(ctx, floor, policy, &access.GuardOptions{Parts: []string{"password"}}) // floor: of the vault
//	err = guard.Credentials().Set("password", users.Credentials())
//	first, err := guard.Initial(ctx, typed, "usb")          // the secret on the label
//	err = guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, setPassword)
//	ann, err := guard.Issuer("password").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
//	_, err = access.Check(access.WithEntity(ctx, ann), guard, access.ConfigWrite, "network/wifi")
//
// # What it secures
//
// Operations: each asks, whatever interface it came by, and work that goes on asks
// again, so that a revocation reaches it. The first hour of a device: it does
// nothing for anybody until the secret on its label is out of service, no credential
// is common to several devices, and every part has said so. Deferred work: a
// [Mandate] says who ordered it, and it can do that and nothing else. Records that
// leave the device: keys have classes, and persons become pseudonyms. Changed
// credentials: the entities of before end ([Issuer.Invalidate]).
//
// # What it does not
//
// It authenticates nobody but the holder of the initial secret: access/password does,
// and access/login with its throttle. It closes no port: access/gate does. It trusts
// all code in the process: who holds the Guard can issue any entity. It raises no
// notices; it logs, and package baseline turns events into notices.
//
// # Threats
//
// A remote stranger has no entity and is denied; what he causes is folded, so that he
// cannot wear out the medium by denials, whatever he asks for, and he cannot test a
// guess of the initial secret without somebody at the device. A user who may assign
// one role cannot give himself another, as each role is a resource. Who holds the
// label chooses the first owner, but no role of a service, nor one that inherits it. An
// old owner holds a dead entity, dead credentials, mandates that can only reset and
// erase, and not once another ownership began, and, with the label, still needs presence. Somebody who can write to the medium is
// stopped by the Store only: Guard and Mandates belong in an authenticated one, the
// vault's floor compartment. A record that is missing, damaged or of another format
// shuts the guard; none opens it.
//
// # What survives a power cut
//
// Assignments, the ownership and the state of the initial secret are one record. A cut
// during [Guard.Assign], [Guard.Unassign], [Guard.Commission], [Guard.EndOwnership] or
// [Guard.Erase] leaves the old state or the new one, and the new one once the
// method returned nil. A credential that a commissioning installed before it was cut
// is bound to an ownership that never began, and dead. A mandate and a pseudonym are
// one value each. Presence, entities, what ended them and the list of credentials are
// memory only: after a restart, everybody authenticates, and every part declares, again.
package access
