package access

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	foldTime   = 10 * time.Second
	maxDenials = 64 // different denials that are told apart within foldTime
	maxOfOne   = 4  // of them of one entity
)

// denials folds: what somebody causes again and again is logged once in foldTime,
// with a count. A stranger chooses what he asks for, so his denials are told apart
// by area and reason only; those of an entity by permission and resource, a few
// at a time. What is too much shares a line: of the entity, and of all.
type denials struct {
	denied atomic.Uint64
	folded atomic.Uint64
	mu     sync.Mutex
	seen   map[denial]*tally
	swept  time.Time
}

type denial struct {
	id         string
	kind       Kind
	permission Permission // of a stranger: "area.*"
	resource   string
	reason     string // of a stranger
}

type tally struct {
	since time.Time
	more  int // since it was logged
	attrs []slog.Attr
}

// deniedBy is how Check finds the guard of an Authorizer.
func (g *Guard) deniedBy() *Guard { return g }

// denied logs that Check denied. No lock is held: a log handler may ask the guard.
func (g *Guard) denied(ctx context.Context, e *Entity, p Permission, resource string, d Decision) {
	if e != nil && e.guard != g {
		e = nil // what it says of itself nobody has checked
	}
	for _, attrs := range g.denials.add(e, g.denial(e, p, resource, d)) {
		g.log.LogAttrs(ctx, slog.LevelWarn, EventDenied, attrs...)
	}
}

// denial is what tells a denial apart, and what is logged of it.
func (g *Guard) denial(e *Entity, p Permission, resource string, d Decision) denial {
	key := denial{permission: p, resource: resource, reason: d.Reason}
	if g.policy.permission(p) == nil {
		key.permission = "unknown"
	}
	if !ValidResource(resource) {
		key.resource = "not valid"
	}
	if e != nil {
		key.id, key.kind = e.id, e.kind
		return key
	}
	key.resource = ""
	if key.permission != "unknown" {
		key.permission = Permission(p.area() + ".*")
	}
	return key
}

// add counts a denial of e and returns the lines to log now.
func (t *denials) add(e *Entity, key denial) [][]slog.Attr {
	t.denied.Add(1)
	attrs := append(entityAttrs(e), slog.String(KeyPermission, string(key.permission)))
	if e != nil {
		attrs = append(attrs, slog.String(KeyResource, key.resource))
	}
	attrs = append(attrs, slog.String(KeyReason, key.reason))
	if e != nil {
		key.reason = "" // it follows from the rest, and changes with the state
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count(key) {
		return t.sweep(now)
	}
	lines := t.sweep(now)
	const many = "too many different denials"
	if e != nil && t.of(key) >= maxOfOne {
		key, attrs = denial{id: key.id, kind: key.kind}, append(entityAttrs(e), slog.String(KeyReason, many))
	}
	if t.seen[key] == nil && len(t.seen) >= maxDenials {
		key, attrs = denial{}, []slog.Attr{slog.String(KeyReason, many)}
	}
	if t.count(key) {
		return lines
	}
	t.seen[key] = &tally{since: now, attrs: attrs}
	return append(lines, attrs)
}

// count counts one more of what is told apart already.
func (t *denials) count(key denial) bool {
	old := t.seen[key]
	if old == nil {
		return false
	}
	old.more++
	t.folded.Add(1)
	return true
}

// of returns how many denials of key's entity are told apart.
func (t *denials) of(key denial) int {
	n := 0
	for k := range t.seen {
		if k.id == key.id && k.kind == key.kind {
			n++
		}
	}
	return n
}

// sweep looks at what is older than foldTime, at most once in that time, or when
// the table is full. What was counted is logged with its count and counts on, so
// that it is one line in foldTime; the rest is forgotten.
func (t *denials) sweep(now time.Time) [][]slog.Attr {
	if t.seen == nil {
		t.seen, t.swept = map[denial]*tally{}, now
	}
	if now.Sub(t.swept) < foldTime && len(t.seen) < maxDenials {
		return nil
	}
	t.swept = now
	var lines [][]slog.Attr
	for key, old := range t.seen {
		if now.Sub(old.since) < foldTime {
			continue
		}
		if old.more == 0 {
			delete(t.seen, key)
			continue
		}
		lines = append(lines, append(slices.Clip(old.attrs), slog.Int(KeyRepeated, old.more)))
		old.since, old.more = now, 0
	}
	return lines
}
