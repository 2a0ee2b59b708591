package access

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	foldTime   = 10 * time.Second
	maxDenials = 64 // different denials that are told apart within foldTime
)

// denials folds: what a stranger can cause again and again is logged once in
// foldTime, with a count, and different strangers' doings share one line when
// there are too many.
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
	permission Permission
	resource   string
}

type tally struct {
	since time.Time
	more  int // since it was logged
	attrs []slog.Attr
}

// deniedBy is how Check finds the guard of an Authorizer.
func (g *Guard) deniedBy() *Guard { return g }

// denied logs that Check denied.
func (g *Guard) denied(ctx context.Context, e *Entity, p Permission, resource string, d Decision) {
	for _, attrs := range g.denials.add(e, p, resource, d) {
		g.log.LogAttrs(ctx, slog.LevelWarn, EventDenied, attrs...)
	}
}

// add counts a denial and returns the lines to log now.
func (t *denials) add(e *Entity, p Permission, resource string, d Decision) [][]slog.Attr {
	t.denied.Add(1)
	key := denial{permission: p, resource: resource}
	if !validPermission(p) {
		key.permission = "unknown"
	}
	if !ValidResource(resource) {
		key.resource = "not valid"
	}
	if e != nil && e.guard != nil {
		key.id, key.kind = e.id, e.kind
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.sweep(now)
	if t.seen[key] == nil && len(t.seen) >= maxDenials {
		key = denial{} // the line of all others
	}
	if old := t.seen[key]; old != nil {
		old.more++
		t.folded.Add(1)
		return lines
	}
	attrs := append(entityAttrs(e), slog.String(KeyPermission, string(key.permission)),
		slog.String(KeyResource, key.resource), slog.String(KeyReason, d.Reason))
	if key == (denial{}) {
		attrs = []slog.Attr{slog.String(KeyReason, "too many different denials")}
	}
	t.seen[key] = &tally{since: now, attrs: attrs}
	return append(lines, attrs)
}

// sweep forgets what is older than foldTime, at most once in that time, or when
// the table is full, and returns the lines of what was counted.
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
		if old.more > 0 {
			lines = append(lines, append(old.attrs, slog.Int(KeyRepeated, old.more)))
		}
		delete(t.seen, key)
	}
	return lines
}
