package baseline

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// passes reports whether operation goes ahead over other, which is pending: nobody
// is at it, and who could end it may never be up.
func (l *Interlock) passes(operation, other string) bool {
	return l.left[other] && l.active[other] == 0 && slices.Contains(passed[operation], other)
}

// with returns what is pending once operation is. What it passes over goes in the
// same write: were it still there after another cut, its part would resume it beside
// this one.
func (l *Interlock) with(operation string) map[string]bool {
	next := maps.Clone(l.kept)
	if lasts(operation) {
		next[operation] = true
	}
	maps.DeleteFunc(next, func(other string, _ bool) bool { return l.passes(operation, other) })
	return next
}

func (l *Interlock) without(operation string) map[string]bool {
	next := maps.Clone(l.kept)
	delete(next, operation)
	return next
}

// keep changes what the medium says is pending.
func (l *Interlock) keep(ctx context.Context, next map[string]bool) error {
	if maps.Equal(next, l.kept) && !l.unsure {
		return nil
	}
	l.unsure = true // which of the two a power cut would leave
	if err := l.record.Store(ctx, pending{slices.Sorted(maps.Keys(next))}); err != nil {
		return fmt.Errorf("baseline: interlock: %w", err)
	}
	l.kept, l.damaged, l.unsure = next, nil, false
	maps.DeleteFunc(l.left, func(op string, _ bool) bool { return !next[op] })
	return nil
}

// Settle ends what was pending when the Interlock was opened and that no part has
// resumed or begun again, and returns it: its part is gone from this release, or
// finished without telling. [Device.Run] calls it once every part has recovered.
func (l *Interlock) Settle(ctx context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var stale []string
	for _, op := range slices.Sorted(maps.Keys(l.left)) {
		if l.active[op] > 0 {
			delete(l.left, op) // its part began it again: End ends it
			continue
		}
		if err := l.keep(ctx, l.without(op)); err != nil {
			return stale, err
		}
		stale = append(stale, op)
	}
	l.unknown = false
	return stale, nil
}
