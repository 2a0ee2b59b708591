package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// keepFailure is how long a failure is told to everybody who calls Sync. An operation
// logs and syncs at once; nobody can tell whose record it was that failed, so all that
// may have lost theirs are told.
const keepFailure = 10 * time.Second

// failure is what went wrong last.
type failure struct {
	err  error
	at   time.Time
	told bool
}

func (l *Log) failedLocked(err error) {
	l.failed = failure{err: err, at: time.Now()}
	l.stats.Failures++
}

// lately returns a failure that may concern who calls Sync.
func (l *Log) lately() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed.err == nil || l.failed.told && time.Since(l.failed.at) > keepFailure {
		return nil
	}
	l.failed.told = true
	return l.failed.err
}

// Sync makes durable what was logged by logger, and says whether something was lost:
// an operation whose event is required calls it before it answers. slog drops the
// errors of handlers; they are kept, and told to every Sync within 10 s, and to one at
// least. Handlers before the log's have a method Unwrap that returns the next; without
// a way to a [Log] the error is [ErrNoLog].
func Sync(ctx context.Context, logger *slog.Logger) error {
	if logger == nil {
		return fmt.Errorf("eventlog: sync: %w", ErrNoLog)
	}
	for h := logger.Handler(); ; {
		if own, ok := h.(*handler); ok {
			return own.log.Sync(ctx)
		}
		w, ok := h.(interface{ Unwrap() slog.Handler })
		if !ok {
			return fmt.Errorf("eventlog: sync: %w", ErrNoLog)
		}
		h = w.Unwrap()
	}
}

// Sync is the function [Sync] for who has the Log.
func (l *Log) Sync(context.Context) error {
	if err := l.persist(); err != nil {
		return err
	}
	return l.lately()
}

// flush makes everything durable. An error is kept for Sync as well.
func (l *Log) flush() error {
	l.mu.Lock()
	target, tree := l.next, l.tree.clone()
	l.mu.Unlock()
	err := l.log.Sync(context.Background())
	if errors.Is(err, durable.ErrFull) {
		err = l.flushReserved()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("eventlog: sync: %w", err)
		l.failedLocked(err)
		return err
	}
	if target > l.synced {
		l.synced, l.syncedTree = target, tree
	}
	return nil
}

// flushReserved writes what waits into the log's reserve: with a record that says so,
// as only one more record can open it.
func (l *Log) flushReserved() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.note(EventFull, LevelAudit)
}

// Run makes records durable a second after they were logged, and keeps the anchor up,
// until ctx ends; it then returns the cause. What fails is tried again.
func (l *Log) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("eventlog: run: runs already: %w", fs.ErrInvalid)
	}
	defer l.running.Store(false)
	for {
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), l.rest())
		case <-l.wake:
		}
		if !wait(ctx, maxDelay) {
			return errors.Join(context.Cause(ctx), l.rest())
		}
		if l.persist() != nil {
			l.rouse()
		}
	}
}

// rest writes what waits at the end of Run.
func (l *Log) rest() error {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil
	}
	return l.persist()
}

// wait reports whether d has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
