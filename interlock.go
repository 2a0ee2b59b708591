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
// interface of its own with the methods Begin and End. A part that resumes by a
// journal of its own finds Resume beside them.
//
// What is pending over a restart is kept in a Store. That record can only hold
// operations back: whatever bytes it has, it begins nothing and erases nothing. A
// try is not kept, since it reverts by itself when the power is cut.
//
// An operation that an earlier run left holds others back until its part resumes
// and ends it. That part may never come up, so a reset and erasing everything go
// ahead over an installation and a restart that were only left, and a reset over
// an erasure too; a trial may be running and keys may be in two places, so these
// hold back in any case. What was passed over is pending no more: its part asks
// anew when it is up.
//
// It may be used concurrently.
type Interlock struct {
	record *durable.Value[pending]

	mu      sync.Mutex
	active  map[string]int  // how often begun in this run and not ended
	kept    map[string]bool // pending on the medium
	unsure  bool            // the last write failed: what a power cut leaves is not known
	left    map[string]bool // of kept: by an earlier run, and not resumed in this one
	unknown bool            // what was left: the record was damaged
	damaged error
	reserve error // why no space is set aside
}

type pending struct {
	Operations []string `json:"operations"`
}

// OpenInterlock reads what was pending from s; nobody else uses the value
// "interlock" there. A damaged record is told by Health and counts as empty: each
// part knows from its own journal what it has to resume, and resumes it. The space of
// the record is reserved, if s can: what is refused for a full medium is never the
// erasure that would free it.
func OpenInterlock(ctx context.Context, s durable.Store) (*Interlock, error) {
	l := &Interlock{
		record: durable.NewValue[pending](s, "interlock", &durable.ValueOptions[pending]{Check: checkPending}),
		active: map[string]int{}, kept: map[string]bool{}, left: map[string]bool{},
	}
	if err := durable.Reserve(ctx, s, "interlock", maxInterlock); !errors.Is(err, errors.ErrUnsupported) {
		l.reserve = err
	}
	p, err := l.record.LoadOr(ctx, pending{})
	if errors.Is(err, durable.ErrCorrupt) {
		l.damaged, l.unknown, err = err, true, nil
	}
	if err != nil {
		return nil, fmt.Errorf("baseline: open interlock: %w", err)
	}
	for _, op := range p.Operations {
		if lasts(op) {
			l.kept[op], l.left[op] = true, true
		}
	}
	return l, nil
}

// maxInterlock bounds the record: every operation that lasts, in JSON.
const maxInterlock = 256

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
// may begin again, if nothing else stands in its way: its part adds to it. Each
// Begin that returned nil needs an End.
func (l *Interlock) Begin(ctx context.Context, operation string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begin(ctx, operation, false)
}

// Resume is Begin for a part that goes on with what an earlier run left. Nothing
// stands in its way, unless it was passed over, resumed before or was not pending:
// then it asks as Begin does. When the record was damaged, whoever resumes is
// believed.
func (l *Interlock) Resume(ctx context.Context, operation string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.begin(ctx, operation, l.left[operation] || l.unknown); err != nil {
		return err
	}
	delete(l.left, operation)
	return nil
}

func (l *Interlock) begin(ctx context.Context, operation string, resumes bool) error {
	if _, ok := columnOf(operation); !ok {
		return fmt.Errorf("baseline: begin %q: no such operation: %w", operation, fs.ErrInvalid)
	}
	if !resumes {
		if err := l.ask(operation); err != nil {
			return err
		}
	}
	if err := l.keep(ctx, l.with(operation)); err != nil {
		return err
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
	if l.active[operation] == 1 && !l.left[operation] {
		if err := l.keep(ctx, l.without(operation)); err != nil {
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
			c, _ := columnOf(other)
			if c == col && rules[col] != Allow && other != operation && !l.passes(operation, other) {
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

// Pending returns the operations that were begun and not ended, sorted.
func (l *Interlock) Pending() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list()
}

// Health tells of a damaged record, until it is written again, and of a Store that has
// no space to reserve.
func (l *Interlock) Health(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.damaged, l.reserve); err != nil {
		return fmt.Errorf("baseline: interlock: %w", err)
	}
	return nil
}
