package access

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Kind says what an [Entity] is.
type Kind uint8

// The kinds of entities. The zero Kind is none of them.
const (
	KindPerson   Kind = iota + 1 // a human being, authenticated
	KindDevice                   // another device or a remote system
	KindService                  // a part of this device that acts on its own
	KindPresence                 // somebody who proved to stand at the device
)

func (k Kind) valid() bool { return k >= KindPerson && k <= KindPresence }

// String returns "person", "device", "service", "presence", or "none".
func (k Kind) String() string {
	switch k {
	case KindPerson:
		return "person"
	case KindDevice:
		return "device"
	case KindService:
		return "service"
	case KindPresence:
		return "presence"
	}
	return "none"
}

// MarshalText gives the name of k. A Kind that is none of the four is an error.
func (k Kind) MarshalText() ([]byte, error) {
	if !k.valid() {
		return nil, &InputError{What: "kind", Rule: "is person, device, service or presence"}
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads one of the four names.
func (k *Kind) UnmarshalText(text []byte) error {
	for c := KindPerson; c <= KindPresence; c++ {
		if string(text) == c.String() {
			*k = c
			return nil
		}
	}
	return &InputError{What: "kind", Rule: "is person, device, service or presence"}
}

// Entity is who is asking: authenticated facts, nothing else. It holds no roles;
// they are looked up at each decision, so that a revocation reaches running work.
// Only an [Issuer] makes one, and only the [Guard] of that Issuer accepts it. An
// Entity does not change and may be used concurrently.
type Entity struct {
	guard   *Guard
	epoch   uint64 // the ownership under which it was authenticated, in this run
	serial  uint64 // how many invalidations came before it, see [Issuer.Invalidate]
	id      string
	kind    Kind
	method  string
	iface   string
	session string
	at      time.Time
	issued  time.Time // by the monotonic clock
	scope   *scope    // not nil: roles do not count, only what the scope names
	last    atomic.Pointer[lookup]
}

// ID is the name of the entity: 1 to 64 bytes of [a-zA-Z0-9._~-].
func (e *Entity) ID() string { return e.id }

// Kind is what the entity is.
func (e *Entity) Kind() Kind { return e.kind }

// Method is how it was authenticated: "password", "mtls", "service".
func (e *Entity) Method() string { return e.method }

// Interface is the name of the interface on which it came in, or "".
func (e *Entity) Interface() string { return e.iface }

// Session names the session for the log, or "". It is no secret.
func (e *Entity) Session() string { return e.session }

// Time is when it was authenticated, by the clock of the device.
func (e *Entity) Time() time.Time { return e.at }

// IssuedAfter reports whether e was issued after t, which [time.Now] gave in this
// process. Unlike Time it depends neither on what an authenticator says nor on a clock
// that is set.
func (e *Entity) IssuedAfter(t time.Time) bool { return e.issued.After(t) }

// OnBehalf is the id of the entity whose mandate this service carries out (see
// [Guard.Resume]), or "".
func (e *Entity) OnBehalf() string {
	if e.scope == nil {
		return ""
	}
	return e.scope.principal
}

// String describes the entity for people. It names a person: it is for the
// device, not for what leaves it.
func (e *Entity) String() string {
	if e == nil || e.guard == nil {
		return "nobody"
	}
	return fmt.Sprintf("%s %s (%s)", e.kind, e.id, e.method)
}

// LogValue is the entity as attributes of the vocabulary, see [ClassOf].
func (e *Entity) LogValue() slog.Value {
	if e == nil || e.guard == nil {
		return slog.GroupValue(slog.String(KeyKind, "none"))
	}
	return slog.GroupValue(entityAttrs(e)...)
}

func entityAttrs(e *Entity) []slog.Attr {
	if e == nil || e.guard == nil {
		return []slog.Attr{slog.String(KeyKind, "none")}
	}
	attrs := []slog.Attr{
		slog.String(KeyEntity, e.id), slog.String(KeyKind, e.kind.String()), slog.String(KeyMethod, e.method),
	}
	if e.iface != "" {
		attrs = append(attrs, slog.String(KeyInterface, e.iface))
	}
	if e.session != "" {
		attrs = append(attrs, slog.String(KeySession, e.session))
	}
	if p := e.OnBehalf(); p != "" {
		attrs = append(attrs, slog.String(KeyOnBehalf, p))
	}
	return attrs
}

type entityKey struct{}

// WithEntity returns ctx with e as the one who asks. A nil e asks as nobody.
func WithEntity(ctx context.Context, e *Entity) context.Context {
	return context.WithValue(ctx, entityKey{}, e)
}

// FromContext returns who asks in ctx, or nil.
func FromContext(ctx context.Context) *Entity {
	if ctx == nil {
		return nil
	}
	e, _ := ctx.Value(entityKey{}).(*Entity)
	return e
}

// Detach returns ctx without its entity. Deadline, cancellation and every other
// value stay. Work that goes on after the request that started it begins with
// Detach and then takes an authority of its own: [AsService], or a mandate by
// [Guard.Resume]. It never keeps that of the request (PROTOCOLS 3).
func Detach(ctx context.Context) context.Context { return WithEntity(ctx, nil) }

// AsService returns ctx with a service entity called name as the one who asks.
// What it may do stands in [GuardOptions].Services.
func AsService(ctx context.Context, issuer *Issuer, name string) (context.Context, error) {
	e, err := issuer.Issue(Facts{ID: name, Kind: KindService})
	if err != nil {
		return nil, err
	}
	return WithEntity(ctx, e), nil
}
