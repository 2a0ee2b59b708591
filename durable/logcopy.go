package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// CopyTo makes the log called name in the same directory, of the durable records of l
// under the same numbers and in the same segments, sealed by codec: for what has to
// be encrypted anew. There must be none under the name ([fs.ErrExist]). A record that
// cannot be read is an error.
//
// What an error or a power cut leaves is part of a log: remove it, and begin again.
func (l *Log) CopyTo(ctx context.Context, name string, codec Codec) error {
	if err := l.copyTo(ctx, name, codec); err != nil {
		return fmt.Errorf("durable: copy log to %s: %w", name, err)
	}
	return nil
}

func (l *Log) copyTo(ctx context.Context, name string, codec Codec) error {
	infos, err := l.dir.fsys.List(name + logSuffix)
	if err == nil && len(infos) > 0 {
		return fs.ErrExist
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.mu.Lock()
	segments, end := slices.Clone(l.segments), l.durable
	l.mu.Unlock()
	opts := &LogOptions{SegmentSize: maxSegment, Codec: codec, start: l.First()}
	to, err := l.dir.openLog(ctx, name, opts, l.hold)
	if err != nil {
		return err
	}
	for i, first := range segments {
		next := end
		if i+1 < len(segments) {
			next = segments[i+1]
		}
		if err = l.copySegment(ctx, to, first, next, i > 0); err != nil {
			break
		}
	}
	return errors.Join(err, to.Close())
}

// copySegment copies the records first to end-1, into a segment of their own.
func (l *Log) copySegment(ctx context.Context, to *Log, first, end uint64, another bool) error {
	records, err := l.read(ctx, first, end)
	if err == nil && another {
		err = to.nextSegment()
	}
	for _, record := range records {
		if err == nil {
			_, err = to.Append(ctx, record)
		}
	}
	if err == nil {
		err = to.Sync(ctx)
	}
	return err
}

func (l *Log) nextSegment() error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	return l.roll()
}

// LogNames returns the names of the logs that begin with prefix, sorted, open or not.
func (d *Dir) LogNames(ctx context.Context, prefix string) ([]string, error) {
	if err := d.admit(ctx, "", everyHold()); err != nil {
		return nil, fmt.Errorf("durable: list logs %s: %w", prefix, err)
	}
	return d.list(prefix, logSuffix)
}
