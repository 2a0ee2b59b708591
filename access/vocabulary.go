package access

import "log/slog"

// LevelAudit is the level of events that must be on the medium before the
// operation answers: credentials, roles, settings, install, erase, reset, log on
// and off.
const LevelAudit = slog.Level(12)

// Class says who may see the value of an attribute of an event.
type Class uint8

// The classes, from the least to the most sensitive.
const (
	ClassPublic Class = iota + 1 // for everybody
	ClassDevice                  // about the device: for its owner and the vendor
	ClassPerson                  // about a person: leaves the device as a pseudonym or not at all
	ClassSecret                  // never leaves the device
)

// String returns "public", "device", "person", "secret", or "none".
func (c Class) String() string {
	switch c {
	case ClassPublic:
		return "public"
	case ClassDevice:
		return "device"
	case ClassPerson:
		return "person"
	case ClassSecret:
		return "secret"
	}
	return "none"
}

// The events of this module: messages of records for a *slog.Logger. A vendor's
// own are two or three words of [a-z][a-z0-9-]* joined by dots too.
const (
	EventDenied          = "access.denied"
	EventAssigned        = "access.assigned"
	EventUnassigned      = "access.unassigned"
	EventProvisioned     = "access.provisioned"
	EventInitial         = "access.initial-used"
	EventCommissioned    = "access.commissioned"
	EventOwnershipEnded  = "access.ownership-ended"
	EventPresence        = "access.presence"
	EventMandateGiven    = "access.mandate-given"
	EventMandateResumed  = "access.mandate-resumed"
	EventLogin           = "access.login"
	EventLoginFailed     = "access.login-failed"
	EventCredentialSet   = "access.credential-set"
	EventCredentialGone  = "access.credential-deleted"
	EventConfigChanged   = "config.changed"
	EventConfigReverted  = "config.reverted"
	EventConfigInsecure  = "config.insecure"
	EventEraseDone       = "erase.done"
	EventEraseFailed     = "erase.failed"
	EventResetDone       = "reset.done"
	EventUpdateInstalled = "update.installed"
	EventUpdateReverted  = "update.reverted"
	EventUpdateRequested = "update.requested"
	EventUpdateRefused   = "update.refused"
	EventVaultOpened     = "protect.opened"
	EventKeysRotated     = "protect.rotated"
	EventTampered        = "protect.tampered"
	EventSoftwareWhole   = "integrity.verified"   // as released: at the start, and when it is so again
	EventSoftwareAltered = "integrity.altered"    // it is not; with the decision
	EventFound           = "integrity.found"      // one finding: its kind, and where
	EventUnanswered      = "integrity.unanswered" // what was decided could not be carried out
	EventNoticeLost      = "notify.lost"
	EventDegraded        = "device.degraded"
	EventNonconforming   = "device.nonconforming"
	EventStarted         = "device.started"
)

// The keys of attributes. [ClassOf] tells their classes.
const (
	KeyEntity     = "entity"     // who did it
	KeyOnBehalf   = "on_behalf"  // whose mandate it was
	KeySubject    = "subject"    // to whom it was done
	KeyKind       = "kind"       // of the entity
	KeyMethod     = "method"     // of authentication
	KeyInterface  = "interface"  // on which it came in
	KeySession    = "session"    // in which it happened
	KeySource     = "source"     // network address of the peer
	KeyClaimed    = "claimed"    // a name that a stranger gave: it may be a password typed in the wrong field
	KeyPermission = "permission" // that was asked for
	KeyResource   = "resource"   // on which; it may name a person
	KeyRoles      = "roles"      // given or taken
	KeyReason     = "reason"     // why, in words of this module
	KeyError      = "error"      // text of an error: it may quote anything
	KeyMandate    = "mandate"    // id of a mandate
	KeyPart       = "part"       // of the device
	KeyRepeated   = "repeated"   // how often it was folded
	KeyCount      = "count"
	KeyDone       = "done"
	KeyTotal      = "total"
	KeyDuration   = "duration"
	KeyState      = "state"
	KeyScope      = "scope"
	KeyVersion    = "version"
	KeyRevision   = "revision"
	KeyPath       = "path" // of a setting
	KeyNotice     = "notice"
	KeyChannel    = "channel"
	KeyDigest     = "digest"
	KeyDropped    = "dropped" // attributes that were left out
)

// KeyInfo describes a key of the vocabulary.
type KeyInfo struct {
	Key   string
	Class Class
	// Subject says that the value of a person-class key is the id of somebody, and
	// so can leave the device as a pseudonym. Other person-class values are dropped.
	Subject bool
}

// Keys returns the vocabulary of keys.
func Keys() []KeyInfo {
	var out []KeyInfo
	for _, key := range []string{KeyEntity, KeyOnBehalf, KeySubject} {
		out = append(out, KeyInfo{Key: key, Class: ClassPerson, Subject: true})
	}
	for _, key := range []string{
		KeyKind, KeyMethod, KeyInterface, KeySession, KeySource, KeyClaimed, KeyPermission, KeyResource, KeyRoles,
		KeyReason, KeyError, KeyMandate, KeyPart, KeyRepeated, KeyCount, KeyDone, KeyTotal, KeyDuration, KeyState,
		KeyScope, KeyVersion, KeyRevision, KeyPath, KeyNotice, KeyChannel, KeyDigest, KeyDropped,
	} {
		out = append(out, KeyInfo{Key: key, Class: ClassOf(key)})
	}
	return out
}

// ClassOf returns the class of a key. An unknown key is [ClassSecret].
func ClassOf(key string) Class {
	switch key {
	case KeyKind, KeyMethod, KeyPermission, KeyPart, KeyRepeated, KeyCount, KeyDone, KeyTotal, KeyDuration, KeyDropped:
		return ClassPublic
	case KeyInterface, KeyRoles, KeyReason, KeyMandate, KeyState, KeyScope, KeyVersion, KeyRevision, KeyPath,
		KeyNotice, KeyChannel, KeyDigest:
		return ClassDevice
	case KeyEntity, KeyOnBehalf, KeySubject, KeySession, KeySource, KeyResource:
		return ClassPerson
	}
	return ClassSecret
}

func isSubject(key string) bool { return key == KeyEntity || key == KeyOnBehalf || key == KeySubject }
