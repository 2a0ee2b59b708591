package eventlog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// Prune gives up the records below before, after an event that says so: call it once a
// receiver has accepted an export of them. Nobody reads or exports them any more; their
// space comes back by whole segments. What stays still verifies, and can still be proved.
// The last record is never given up. Permission: [access.LogControl].
func (l *Log) Prune(ctx context.Context, before uint64) error {
	if _, err := l.check(ctx, access.LogControl); err != nil {
		return fmt.Errorf("eventlog: prune: %w", err)
	}
	l.trimming.Lock()
	defer l.trimming.Unlock()
	l.mu.Lock()
	before = min(before, l.next-1)
	first := l.oldest()
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

// oldest is the first record that was not given up. Under l.mu.
func (l *Log) oldest() uint64 { return l.base.size + 1 }

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
			return l.marked(l.first + uint64(i) + 1)
		}
	}
	return 0
}

// mark notes the tree, if so many bytes more make a step. Under l.mu, or at Open.
func (l *Log) mark(t *tree, size int) {
	if l.unmarked += size; l.unmarked >= l.opts.segment()/4 {
		l.marks, l.unmarked = append(l.marks, t.clone()), 0
	}
}

// marked is the first record from before on behind a mark, or before: what is given up is
// then known without reading it. Under l.mu.
func (l *Log) marked(before uint64) uint64 {
	for i := range l.marks {
		if next := l.marks[i].size + 1; next >= before && next < l.next {
			return next
		}
	}
	return min(before, l.next-1)
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
		err = l.note(EventOverwritten, slog.LevelWarn, counting(l.base.size))
	}
	l.ill.trim = err
}

// baseOf returns the tree of the records below before, as far as they are on the medium:
// what is left of them once they are gone, so that everything later can still be proved.
// Under l.trimming.
func (l *Log) baseOf(ctx context.Context, before uint64) (tree, error) {
	l.mu.Lock()
	base := l.base
	before = min(before, l.synced)
	for _, m := range l.marks {
		if m.size > base.size && m.size < before {
			base = m
		}
	}
	base = base.clone()
	l.mu.Unlock()
	return l.treeFrom(ctx, base, before)
}

// treeFrom adds to base the records behind it and below before.
func (l *Log) treeFrom(ctx context.Context, base tree, before uint64) (tree, error) {
	if base.size+1 >= before {
		return base, nil
	}
	for rec, err := range l.log.Records(ctx, base.size+1) {
		if err != nil {
			return base, err
		}
		if rec.Seq >= before {
			break
		}
		if rec.Seq != base.size+1 {
			return base, l.gaveUp(base.size+1, badRecord(base.size+1, "it is missing"))
		}
		base.add(leafOf(lineOf(rec.Data)))
	}
	return base, nil
}

// lineOf is the line of a frame.
func lineOf(frame []byte) []byte {
	line, _, _ := bytes.Cut(frame, []byte("\n"))
	return line
}

// trim removes whole segments below before. That they were given up is signed, in the
// log and in the anchor, before the first goes: a log that begins later was cut.
func (l *Log) trim(ctx context.Context, before uint64) error {
	base, err := l.baseOf(ctx, before)
	if err == nil {
		err = l.giveUp(base)
	}
	if err == nil {
		err = l.flush()
	}
	if err == nil {
		err = l.keepAnchor(ctx)
	}
	if err == nil {
		err = l.log.Trim(ctx, base.size+1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	return err
}

// giveUp signs that the records of base are given up. If it cannot, none is.
func (l *Log) giveUp(base tree) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.base
	l.base = base
	if err := l.sign(); err != nil {
		l.base = was
		return err
	}
	l.marks = slices.DeleteFunc(l.marks, func(m tree) bool { return m.size <= base.size })
	return nil
}

// forget drops what is known of records that are gone. Under l.mu.
func (l *Log) forget() {
	gone := min(l.log.First()-l.first, uint64(len(l.sizes)))
	for _, n := range l.sizes[:gone] {
		l.size -= int(n)
	}
	l.sizes = l.sizes[gone:]
	l.first += gone
	l.stats.Overwritten = max(l.first-1, l.base.size)
}
