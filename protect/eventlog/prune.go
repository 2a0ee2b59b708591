package eventlog

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
)

// Prune removes records below before, as far as they fill whole segments, after an
// event that says so: call it once a receiver has accepted an export of them. What
// stays still verifies. The last record is never removed. Permission:
// [access.LogControl].
func (l *Log) Prune(ctx context.Context, before uint64) error {
	if _, err := l.check(ctx, access.LogControl); err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	l.mu.Lock()
	before = min(before, l.next-1)
	first := l.log.First()
	l.mu.Unlock()
	if before <= first {
		return nil
	}
	if err := l.audit(EventPruned, number(access.KeyCount, before-first)); err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	err := l.log.Trim(ctx, before)
	if err == nil {
		err = l.recount(ctx)
	}
	if err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	return nil
}

// recount finds the size of what is left.
func (l *Log) recount(ctx context.Context) error {
	l.mu.Lock()
	next := l.next
	old := l.size
	l.mu.Unlock()
	size := 0
	if l.opts.Full == Stop {
		for rec, err := range l.log.Records(ctx, 0) {
			if err != nil {
				return err
			}
			if rec.Seq < next {
				size += len(rec.Data)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size += size - old
	l.first = l.log.First()
	l.stats.Overwritten = l.first - 1
	return nil
}
