package notify

import (
	"context"
	"slices"
	"sync"
)

// Memory is a [Notifier] that keeps the last notices in memory: for tests and for
// what shows on a page. A restart empties it.
type Memory struct {
	max     int
	mu      sync.Mutex
	notices []Notice
}

// NewMemory returns a Memory of the last n notices, at least 1.
func NewMemory(n int) *Memory { return &Memory{max: max(n, 1)} }

// Notify implements [Notifier]. A notice that came under the same ID and Sequence
// before takes its place.
func (m *Memory) Notify(ctx context.Context, n Notice) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := n.check(); err != nil {
		return Permanent(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	same := func(old Notice) bool { return old.ID == n.ID && old.Sequence == n.Sequence }
	if i := slices.IndexFunc(m.notices, same); i >= 0 {
		m.notices[i] = n.clone()
		return nil
	}
	if len(m.notices) == m.max {
		m.notices = slices.Delete(m.notices, 0, 1)
	}
	m.notices = append(m.notices, n.clone())
	return nil
}

// Notices returns what it holds, the oldest first.
func (m *Memory) Notices() []Notice {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Notice, len(m.notices))
	for i := range m.notices {
		out[i] = m.notices[i].clone()
	}
	return out
}
