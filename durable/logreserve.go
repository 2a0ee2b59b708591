package durable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"time"
)

// AppendReserved is Append and Sync in one for a record that must not be lost to a
// full medium, such as that of an erasure or a reset. Without space it gives up the
// log's reserve (LogOptions.Reserve), which takes that many bytes of such records;
// until the reserve can be set aside again, Append gives [ErrFull].
//
// The reserve is a file that is removed: another process that fills the medium may
// be quicker.
func (l *Log) AppendReserved(ctx context.Context, record []byte) (seq uint64, err error) {
	seq, err = l.append(ctx, record)
	if errors.Is(err, ErrFull) && l.spend() {
		seq, err = l.append(ctx, record)
	}
	if err != nil {
		return 0, err
	}
	err = l.sync(ctx)
	if errors.Is(err, ErrFull) && l.spend() {
		err = l.sync(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("durable: append: %w", err)
	}
	return seq, nil
}

// reserveSize is what the reserve takes on the medium: besides the records that it
// is for, what may wait in the buffer, and headers of the segments they fill.
func (l *Log) reserveSize() int {
	const block = 4096 // a file takes whole ones
	all := l.opts.Reserve + l.opts.Buffer
	return all + (2*all/l.opts.SegmentSize+2)*(segmentHeader+2*markFrame+block)
}

// makeReserve sets space aside. Without space there is none: that is no reason not
// to open.
func (l *Log) makeReserve() error {
	fill := make([]byte, l.reserveSize())
	rand.Read(fill)
	name := path.Join(l.path, reserveName)
	err := l.dir.writeFile(name, fill)
	if err == nil {
		err = l.dir.syncDir(l.path)
	}
	if err != nil {
		l.dir.count(func(s *Stats) { s.ReservesMissing++ })
		err = errors.Join(err, l.dir.discard(name))
	}
	return err
}

// spend gives the reserve's space back, and reports whether there was any.
func (l *Log) spend() bool {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if l.admit(context.Background()) != nil {
		return false
	}
	if err := l.dir.fsys.Remove(path.Join(l.path, reserveName)); err != nil {
		return false
	}
	l.dir.count(func(s *Stats) { s.ReservesUsed++ })
	l.setSpending(true, time.Now().Add(time.Minute))
	return l.dir.syncDir(l.path) == nil
}

// restoreReserve tries, at most once a minute, to set the space aside again.
func (l *Log) restoreReserve(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	due := !time.Now().Before(l.retry)
	l.mu.Unlock()
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.admit(ctx); err != nil {
		return err
	}
	if due {
		whole := l.makeReserve() == nil
		l.setSpending(!whole, time.Now().Add(time.Minute))
	}
	if l.isSpending() {
		return fmt.Errorf("the reserve is in use: %w", ErrFull)
	}
	return nil
}

func (l *Log) isSpending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spending
}

func (l *Log) setSpending(is bool, retry time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spending, l.retry = is, retry
}
