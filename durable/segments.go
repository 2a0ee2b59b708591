package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// dropOldest keeps the log within MaxSegments, counting the one being made.
func (l *Log) dropOldest() error {
	for l.opts.MaxSegments > 0 && len(l.segments) > 0 && len(l.segments) >= l.opts.MaxSegments {
		if err := l.removeFirst(); err != nil {
			return err
		}
		end := l.durable
		if len(l.segments) > 0 {
			end = l.segments[0]
		}
		l.stats.Dropped += end - l.first
		l.first = end
	}
	return nil
}

func (l *Log) removeFirst() error {
	if err := l.dir.fsys.Remove(l.file(l.segments[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.segments = l.segments[1:]
	return nil
}

// Trim removes records below before, as far as they fill whole segments.
func (l *Log) Trim(ctx context.Context, before uint64) error {
	return l.change(ctx, "trim", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for len(l.segments) > 1 && l.segments[1] <= before {
			if err := l.removeFirst(); err != nil {
				return err
			}
			l.first = l.segments[0]
			l.dir.doubt(l.path)
		}
		return l.dir.certain(l.path)
	})
}

// flush writes the buffer behind what is on the medium and syncs. After a failure
// the buffer stays, and the next flush writes all of it again. Under l.flushing: only
// here, and in begin, does anything in the buffer move; meanwhile Append adds behind chunk.
func (l *Log) flush() error {
	l.mu.Lock()
	if l.rolling && l.next > l.durable { // it waited when the segment was left
		if err := l.beginNext(); err != nil {
			l.mu.Unlock()
			return err
		}
	}
	chunk, next := slices.Clip(l.buf), l.next
	l.mu.Unlock()
	if len(chunk) == 0 {
		return nil
	}
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.admit(context.Background()); err != nil {
		return err
	}
	if _, err := l.seg.file.WriteAt(chunk, l.seg.size); err != nil {
		return err
	}
	if err := l.dir.sync(l.seg.file); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seg.size += int64(len(chunk))
	l.durable = next
	l.buf = l.buf[:copy(l.buf, l.buf[len(chunk):])] // chunk is not read any more
	l.stats.Syncs++
	l.stats.BytesWritten += int64(len(chunk))
	return nil
}

// roll begins the next segment once nothing is waiting. Under l.flushing.
func (l *Log) roll() error {
	for {
		if err := l.flush(); err != nil {
			return err
		}
		l.mu.Lock()
		if len(l.buf) == 0 {
			break
		}
		l.mu.Unlock()
	}
	defer l.mu.Unlock()
	// Until it works no record may go to the old segment: the new one may be on
	// the medium already, and it says where the old one ends.
	l.rolling = true
	return l.beginNext()
}

// beginNext is begin under l.flushing and l.mu.
func (l *Log) beginNext() error {
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.admitLocked(); err != nil {
		return err
	}
	return l.begin()
}

// markEnd says on the medium that everything was durable, if there is a segment
// yet. Under l.flushing.
func (l *Log) markEnd() error {
	l.mu.Lock()
	if l.seg.file != nil && l.marked < l.durable {
		l.buf = l.seg.appendMark(l.buf, l.durable)
		l.marked = l.durable
	}
	l.mu.Unlock()
	return l.flush()
}

// change runs f, which changes the medium, alone and if it may run now.
func (l *Log) change(ctx context.Context, verb string, f func() error) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	err := l.admit(ctx)
	if err == nil {
		err = f()
	}
	if err != nil {
		return fmt.Errorf("durable: %s log: %w", verb, err)
	}
	return nil
}

func (l *Log) file(first uint64) string { return path.Join(l.path, segmentName(first)) }
