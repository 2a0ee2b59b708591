package password

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

const (
	foldTime = 10 * time.Second
	maxFolds = 64 // users whose failed logins are told apart
)

// failures folds failed logins as the guard folds denials: one line for a user in
// foldTime, with a count, and one for all names that nobody has. What was counted
// is told at the next login after that, whoever's it is.
type failures struct {
	mu   sync.Mutex
	seen map[string]*failure
}

type failure struct {
	since time.Time
	more  int // since it was logged
}

// count is to be logged now: many failed logins of who, "" for strangers.
type count struct {
	who  string
	many int
}

// add counts a failed login of id, "" for a name that nobody has, and returns what
// to log now.
func (f *failures) add(id string) []count {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.sweep(now)
	if f.seen[id] == nil && len(f.seen) >= maxFolds {
		id = "" // shares the line of strangers
	}
	if old := f.seen[id]; old != nil {
		old.more++
		return lines
	}
	if f.seen == nil {
		f.seen = map[string]*failure{}
	}
	f.seen[id] = &failure{since: now}
	return append(lines, count{id, 1})
}

// due returns what was counted and not logged yet, where it is time to.
func (f *failures) due() []count {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sweep(time.Now())
}

// sweep looks at what is older than foldTime. What was counted is told and counts
// on, so that it is one line in foldTime; the rest is forgotten.
func (f *failures) sweep(now time.Time) (lines []count) {
	for id, old := range f.seen {
		if now.Sub(old.since) < foldTime {
			continue
		}
		if old.more == 0 {
			delete(f.seen, id)
			continue
		}
		lines = append(lines, count{id, old.more})
		old.since, old.more = now, 0
	}
	return lines
}

// failed logs a failed login of id, or of a name that nobody has: that may be a
// password, typed in the wrong field.
func (s *Store) failed(ctx context.Context, id string) { s.tell(ctx, s.failures.add(id)) }

func (s *Store) tell(ctx context.Context, lines []count) {
	for _, l := range lines {
		attrs := []slog.Attr{slog.Int(access.KeyCount, l.many)}
		if l.who != "" {
			attrs = append(attrs, slog.String(access.KeySubject, l.who))
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, access.EventLoginFailed, attrs...)
	}
}
