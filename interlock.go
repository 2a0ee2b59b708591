package baseline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// ErrPending is wrapped by every [*PendingError].
var ErrPending = errors.New("another operation is pending")

// EventStale is logged for a pending operation that no part resumed.
const EventStale = "device.stale-operation"

// PendingError says what stands in the way of an operation, and what to do.
type PendingError struct {
	Asked, Pending string
	Verdict        Verdict
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("baseline: %s: %s is pending: %s", e.Asked, e.Pending, e.Verdict)
}

// Unwrap returns [ErrPending].
func (e *PendingError) Unwrap() error { return ErrPending }

// Interlock keeps operations apart that must not meet: a settings change and a
// reset, an installation and a trial. Each part asks before it begins, through an
// interface of its own with the methods Begin and End.
//
// What is pending over a restart is kept in a Store. That record can only hold
// operations back: whatever bytes it has, it begins nothing and erases nothing.
//
// It may be used concurrently.
type Interlock struct {
	record *durable.Value[pending]

	mu      sync.Mutex
	active  map[string]int  // how often begun in this run and not ended
	kept    map[string]bool // pending on the medium
	damaged error
}

type pending struct {
	Operations []string `json:"operations"`
}

// OpenInterlock reads what was pending from s; nobody else uses the value
// "interlock" there. A damaged record is told by Health and counts as empty: each
// part knows from its own journal what it has to resume, and begins it again.
func OpenInterlock(ctx context.Context, s durable.Store) (*Interlock, error) {
	l := &Interlock{
		record: durable.NewValue[pending](s, "interlock", &durable.ValueOptions[pending]{Check: checkPending}),
		active: map[string]int{}, kept: map[string]bool{},
	}
	p, err := l.record.LoadOr(ctx, pending{})
	if errors.Is(err, durable.ErrCorrupt) {
		l.damaged, err = err, nil
	}
	if err != nil {
		return nil, fmt.Errorf("baseline: open interlock: %w", err)
	}
	for _, op := range p.Operations {
		l.kept[op] = true
	}
	return l, nil
}

func checkPending(p pending) error {
	for _, op := range p.Operations {
		if col, ok := columnOf(op); !ok || col == colShort {
			return fmt.Errorf("operation %q is not one that can be pending", op)
		}
	}
	return nil
}

// Begin says that operation begins, if nothing stands in its way; otherwise it
// gives a [*PendingError] with what to do. An operation that is pending already
// may begin again: its part adds to it, if nothing else stands in its way, or
// resumes what an earlier run left, in any case. Each Begin that returned nil needs
// an End.
func (l *Interlock) Begin(ctx context.Context, operation string) error {
	col, ok := columnOf(operation)
	if !ok {
		return fmt.Errorf("baseline: begin %q: no such operation: %w", operation, fs.ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	resumed := l.kept[operation] && l.active[operation] == 0
	if !resumed {
		if err := l.ask(operation); err != nil {
			return err
		}
	}
	if col != colShort && !l.kept[operation] {
		if err := l.keep(ctx, operation, true); err != nil {
			return err
		}
	}
	l.active[operation]++
	return nil
}

// End says that operation is over, or was given up. When it fails the operation is
// still pending: call it again.
func (l *Interlock) End(ctx context.Context, operation string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active[operation] == 0 {
		return fmt.Errorf("baseline: end %q: it was not begun: %w", operation, fs.ErrInvalid)
	}
	if l.active[operation] == 1 && l.kept[operation] {
		if err := l.keep(ctx, operation, false); err != nil {
			return err
		}
	}
	if l.active[operation]--; l.active[operation] == 0 {
		delete(l.active, operation)
	}
	return nil
}

// ask returns what stands in the way of operation; it does not itself.
func (l *Interlock) ask(operation string) error {
	rules := verdicts[operation]
	for _, col := range urgent {
		for _, other := range l.list() {
			if c, _ := columnOf(other); c == col && rules[col] != Allow && other != operation {
				return &PendingError{Asked: operation, Pending: other, Verdict: rules[col]}
			}
		}
	}
	return nil
}

func (l *Interlock) list() []string {
	all := maps.Clone(l.kept)
	for op := range l.active {
		all[op] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// keep changes what the medium says is pending.
func (l *Interlock) keep(ctx context.Context, operation string, is bool) error {
	next := maps.Clone(l.kept)
	if is {
		next[operation] = true
	} else {
		delete(next, operation)
	}
	if err := l.record.Store(ctx, pending{slices.Sorted(maps.Keys(next))}); err != nil {
		return fmt.Errorf("baseline: interlock: %w", err)
	}
	l.kept, l.damaged = next, nil
	return nil
}

// Pending returns the operations that were begun and not ended, sorted.
func (l *Interlock) Pending() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list()
}

// Settle ends what was pending when the Interlock was opened and that no part has
// begun again, and returns it: its part is gone from this release, or finished
// without telling. [Device.Run] calls it once every part has recovered.
func (l *Interlock) Settle(ctx context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var stale []string
	for _, op := range slices.Sorted(maps.Keys(l.kept)) {
		if l.active[op] > 0 {
			continue
		}
		if err := l.keep(ctx, op, false); err != nil {
			return stale, err
		}
		stale = append(stale, op)
	}
	return stale, nil
}

// Health tells of a damaged record, until it is written again.
func (l *Interlock) Health(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.damaged != nil {
		return fmt.Errorf("baseline: interlock: %w", l.damaged)
	}
	return nil
}
