package eventlog

import (
	"context"
	"fmt"
	"log/slog"

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
	l.trimming.Lock()
	defer l.trimming.Unlock()
	l.mu.Lock()
	before = min(before, l.next-1)
	first := l.first
	l.mu.Unlock()
	if before <= first {
		return nil
	}
	if err := l.audit(EventPruned, counting(before-first)); err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	if err := l.trim(ctx, before); err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	return nil
}

// What a record takes on the medium beside its bytes: at most, with the vault's seal,
// and at least.
const (
	overhead = 48
	minFrame = 9
)

// grow counts a record. Under l.mu, or at Open.
func (l *Log) grow(size int) {
	l.sizes = append(l.sizes, uint16(size+overhead)) // two lines of at most maxLine
	l.size += size + overhead
}

// excess is the number below which records must go to make room with Overwrite, or 0:
// enough that a segment goes. Under l.mu.
func (l *Log) excess() uint64 {
	segment := l.opts.segment()
	if l.opts.Full != Overwrite || l.size <= l.opts.MaxSize-segment {
		return 0
	}
	goes, written := 0, 0
	for i, n := range l.sizes {
		goes += int(n)
		written += int(n) - overhead + minFrame
		if written >= segment && l.size-goes <= l.opts.MaxSize-segment {
			return min(l.first+uint64(i)+1, l.next-1)
		}
	}
	return 0
}

// makeRoom overwrites: it drops the oldest records and counts them in the log. What
// goes wrong is told by Health, and by the refusal of records that have no room.
func (l *Log) makeRoom(ctx context.Context) {
	if !l.trimming.TryLock() {
		return // somebody does
	}
	defer l.trimming.Unlock()
	l.mu.Lock()
	before, old := l.excess(), l.first
	l.mu.Unlock()
	if before == 0 {
		return
	}
	err := l.trim(ctx, before)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.first > old {
		err = l.note(EventOverwritten, slog.LevelWarn, counting(l.first-1))
	}
	l.ill.trim = err
}

// trim removes whole segments below before. That they were given up is signed, in the
// log and in the anchor, before the first goes: a log that begins later was cut.
func (l *Log) trim(ctx context.Context, before uint64) error {
	l.mu.Lock()
	l.oldest = max(l.oldest, before)
	err := l.sign()
	l.mu.Unlock()
	if err == nil {
		err = l.flush()
	}
	if err == nil {
		err = l.keepAnchor(ctx)
	}
	if err == nil {
		err = l.log.Trim(ctx, before)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	return err
}

// forget drops what is known of records that are gone. Under l.mu.
func (l *Log) forget() {
	gone := min(l.log.First()-l.first, uint64(len(l.sizes)))
	for _, n := range l.sizes[:gone] {
		l.size -= int(n)
	}
	l.sizes = l.sizes[gone:]
	l.first += gone
	l.stats.Overwritten = l.first - 1
}
