package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"
)

// Log is an append log of records in segment files, for what is written often
// and read in order: events, outboxes, indexes.
//
//   - A record is kept once Sync returned nil after its Append. Callers of Sync
//     that wait at the same time share one fsync.
//   - Records come back in order, without gaps, under the numbers that Append
//     gave them; a record that was synced is never missing and never changed:
//     damage gives an error that is [ErrCorrupt], it is not skipped.
//   - After a power cut some of the last records that were not synced may be
//     there too, in order.
//
// What cannot be told from an interrupted write: damage in the very last batch of
// records synced before a power cut. It is cut off like one. [Log.Close] and the
// next batch end that state. A log that was shortened or removed as a whole is
// noticed by nobody but an anchor outside of it (protect).
//
// A Log may be used concurrently. It writes nothing before Sync, unless
// LogOptions.Buffer is exceeded.
type Log struct {
	dir  *Dir
	path string // of the directory that holds the segments
	opts LogOptions
	hold *Hold // works also while this one is in force

	flushing sync.Mutex // held through every change of the medium; before mu

	mu       sync.Mutex
	seg      segment // the last one, which grows
	first    uint64  // number of the oldest record
	next     uint64  // number of the next record
	durable  uint64  // records below are kept
	marked   uint64  // the last sync mark on the medium says so much
	buf      []byte  // frames not yet known to be on the medium, at seg.size
	segments []uint64
	gaps     []gap     // numbers that salvage left out; set once
	rolling  bool      // the next segment must be begun before anything else
	spending bool      // the reserve was given up for records that must be kept
	retry    time.Time // when to try next to set it aside again
	closed   bool
	closeErr error
	stats    LogStats
}

// OpenLog implements [Logs]: it opens the log called name, makes it if it is
// missing, and cuts off what a power cut left unfinished.
func (d *Dir) OpenLog(ctx context.Context, name string, opts *LogOptions) (*Log, error) {
	return d.openLog(ctx, name, opts, nil)
}

func (u unheld) OpenLog(ctx context.Context, name string, opts *LogOptions) (*Log, error) {
	return u.openLog(ctx, name, opts, u.hold)
}

func (d *Dir) openLog(ctx context.Context, name string, opts *LogOptions, hold *Hold) (*Log, error) {
	if opts == nil {
		opts = &LogOptions{}
	}
	o, err := opts.orDefaults()
	if err != nil {
		return nil, fmt.Errorf("durable: open log %s: %w", name, err)
	}
	l := &Log{dir: d, path: name + logSuffix, opts: o, hold: hold}
	err = d.change(ctx, "open log", name, hold, func() error {
		return d.makeParents(path.Join(l.path, "x"))
	})
	if err != nil {
		return nil, err
	}
	if !d.claimLog(l.path) {
		return nil, fmt.Errorf("durable: open log %s: it is open already: %w", name, ErrInUse)
	}
	if err := l.recover(); err != nil {
		d.freeLog(l.path)
		return nil, fmt.Errorf("durable: open log %s: %w", name, err)
	}
	return l, nil
}

// claimLog sees to it that a log has one writer.
func (d *Dir) claimLog(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := !d.logs[path]
	d.logs[path] = true
	return free
}

func (d *Dir) freeLog(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.logs, path)
}

// Append adds record (1 byte or more) and returns its number; it is kept after
// the next Sync. It does I/O only when the buffer or the segment is full.
func (l *Log) Append(ctx context.Context, record []byte) (seq uint64, err error) {
	if l.isSpending() {
		if err := l.restoreReserve(ctx); err != nil {
			return 0, fmt.Errorf("durable: append: %w", err)
		}
	}
	return l.append(ctx, record)
}

func (l *Log) append(ctx context.Context, record []byte) (seq uint64, err error) {
	if len(record) == 0 || len(record) > l.maxRecord() {
		return 0, fmt.Errorf("durable: append: record of %d bytes, want 1 to %d: %w", len(record), l.maxRecord(), fs.ErrInvalid)
	}
	for {
		if err := l.admit(ctx); err != nil {
			return 0, fmt.Errorf("durable: append: %w", err)
		}
		seq, full, err := l.add(record)
		if !full {
			return seq, err
		}
		if err := l.makeRoom(frameOverhead + len(record) + codecSlack); err != nil {
			return 0, fmt.Errorf("durable: append: %w", err)
		}
	}
}

func (l *Log) maxRecord() int { return min(maxRecord, l.opts.SegmentSize/2) }

// add puts the record's frame into the buffer, or says that there is no room.
func (l *Log) add(record []byte) (seq uint64, full bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	frame := frameOverhead + len(record)
	if l.opts.Codec != nil {
		frame += codecSlack
	}
	waiting := len(l.buf) > 0
	if l.rolling || waiting && len(l.buf)+frame > l.opts.Buffer || l.rolls(frame) {
		return 0, true, nil
	}
	if l.opts.Codec != nil {
		if record, err = l.seal(record); err != nil {
			return 0, false, err
		}
	}
	if l.marked < l.durable { // say what is proven before what is not
		l.buf = l.seg.appendMark(l.buf, l.durable)
		l.marked = l.durable
	}
	l.buf = l.seg.appendFrame(l.buf, kindRecord, record)
	l.next++
	l.stats.Appends++
	return l.next - 1, false, nil
}

func (l *Log) seal(record []byte) ([]byte, error) {
	sealed, err := l.opts.Codec.Seal(l.next, record)
	if err == nil && (len(sealed) == 0 || len(sealed) > len(record)+codecSlack) {
		err = fmt.Errorf("codec made %d bytes of %d: %w", len(sealed), len(record), fs.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("durable: append: %w", err)
	}
	return sealed, nil
}

// rolls says that frame does not fit into the growing segment, which holds
// something already.
func (l *Log) rolls(frame int) bool {
	used := int(l.seg.size) + len(l.buf)
	return used+frame+2*markFrame > l.opts.SegmentSize && used > segmentHeader
}

// makeRoom writes the buffer and, if the segment has no room for frame, begins
// the next.
func (l *Log) makeRoom(frame int) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.flush(); err != nil {
		return err
	}
	l.mu.Lock()
	roll := l.rolling || l.rolls(frame)
	l.mu.Unlock()
	if roll {
		return l.roll()
	}
	return nil
}

// Sync makes every record appended so far durable.
func (l *Log) Sync(ctx context.Context) error {
	if err := l.sync(ctx); err != nil {
		return fmt.Errorf("durable: sync: %w", err)
	}
	return nil
}

func (l *Log) sync(ctx context.Context) error {
	l.mu.Lock()
	target := l.next
	l.mu.Unlock()
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.admit(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	done := l.durable >= target
	l.mu.Unlock()
	if done {
		return nil
	}
	return l.flush()
}

// First and Next bound the records there are: First <= n < Next.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// Next returns the number that the next record will get.
func (l *Log) Next() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// Stats returns the counters.
func (l *Log) Stats() LogStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close syncs, marks the end and closes the log. A second Close does nothing,
// and returns what the first did.
func (l *Log) Close() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if l.isClosed() {
		return l.closeErr
	}
	err := l.flush()
	if err == nil {
		err = l.markEnd()
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.dir.freeLog(l.path)
	if l.seg.file != nil {
		err = errors.Join(err, l.seg.file.Close())
	}
	if err != nil {
		l.closeErr = fmt.Errorf("durable: close log: %w", err)
	}
	return l.closeErr
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *Log) admit(ctx context.Context) error {
	if l.isClosed() {
		return fs.ErrClosed
	}
	return l.dir.admit(ctx, "", l.hold)
}

// admitLocked is admit for who holds l.mu.
func (l *Log) admitLocked() error {
	if l.closed {
		return fs.ErrClosed
	}
	return l.dir.admit(context.Background(), "", l.hold)
}
