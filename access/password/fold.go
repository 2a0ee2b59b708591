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
// foldTime, with a count, and one for all names that nobody has.
type failures struct {
	mu   sync.Mutex
	seen map[string]*failure
}

type failure struct {
	since time.Time
	more  int // since it was logged
}

// add counts a failed login of id, "" for a name that nobody has, and returns how
// many a line to log now stands for, or 0, and for whom.
func (f *failures) add(id string) (who string, count int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[string]*failure{}
	}
	if f.seen[id] == nil && len(f.seen) >= maxFolds {
		f.forget(now)
		if len(f.seen) >= maxFolds {
			id = "" // shares the line of strangers
		}
	}
	switch old := f.seen[id]; {
	case old == nil:
		f.seen[id] = &failure{since: now}
		return id, 1
	case now.Sub(old.since) >= foldTime:
		count = old.more + 1
		old.since, old.more = now, 0
		return id, count
	default:
		old.more++
		return id, 0
	}
}

// forget makes room. What it forgot was not counted.
func (f *failures) forget(now time.Time) {
	for id, old := range f.seen {
		if id != "" && old.more == 0 && now.Sub(old.since) >= foldTime {
			delete(f.seen, id)
		}
	}
}

// failed logs a failed login of id, or of a name that nobody has: that may be a
// password, typed in the wrong field.
func (s *Store) failed(ctx context.Context, id string) {
	who, count := s.failures.add(id)
	if count == 0 {
		return
	}
	attrs := []slog.Attr{slog.Int(access.KeyCount, count)}
	if who != "" {
		attrs = append(attrs, slog.String(access.KeySubject, who))
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, access.EventLoginFailed, attrs...)
}
