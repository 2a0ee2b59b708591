package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// recover opens the last segment for writing and makes durable what it holds.
func (l *Log) recover() error {
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.admit(context.Background()); err != nil {
		return err
	}
	if err := l.findSegments(); err != nil {
		return err
	}
	// Of an attempt to open it that failed, and was the first.
	if err := l.dir.certain(l.path); err != nil {
		return err
	}
	if len(l.segments) == 0 {
		l.first = max(l.opts.start, 1)
		return l.restart(l.first)
	}
	l.first = l.segments[0]
	err := l.openLast(l.segments[len(l.segments)-1])
	if l.opts.salvage && (err == nil || errors.Is(err, ErrCorrupt)) {
		return l.salvage(err)
	}
	return err
}

func (l *Log) findSegments() error {
	infos, err := l.dir.fsys.List(l.path)
	if err != nil {
		return err
	}
	reserved := int64(0)
	for _, in := range infos {
		if first, ok := parseSegmentName(in.Name); ok {
			l.segments = append(l.segments, first)
		} else if in.Name == reserveName {
			reserved = in.Size
		}
	}
	slices.Sort(l.segments)
	if l.opts.Reserve > 0 && reserved < int64(l.reserveSize()) && l.makeReserve() != nil {
		l.spending = true
	}
	return nil
}

// openLast recovers the segment that was growing when the log was left.
func (l *Log) openLast(first uint64) error {
	raw, err := readSegment(l.dir.fsys, l.file(first))
	if err != nil {
		return err
	}
	seg, err := parseHeader(first, raw)
	if errors.Is(err, ErrCorrupt) && len(raw) <= segmentHeader {
		return l.dropUnborn(first)
	}
	if err != nil {
		return fmt.Errorf("segment %s: %w", segmentName(first), err)
	}
	p := seg.parse(raw)
	l.next = first + uint64(len(p.records))
	if p.end < int64(len(raw)) && seg.newestMark(raw, p.end) > l.next {
		return fmt.Errorf("segment %s: byte %d: %w", segmentName(first), p.end, ErrCorrupt)
	}
	if p.proven > l.next {
		return fmt.Errorf("segment %s: records up to %d are missing: %w", segmentName(first), p.proven, ErrCorrupt)
	}
	return l.adopt(seg, raw, p)
}

// dropUnborn removes a segment whose creation was cut short: no record can have
// been in it. That needs no space, so that a full medium is no reason not to open.
// The only segment is begun again instead: its name says how far the numbers went.
func (l *Log) dropUnborn(first uint64) error {
	l.segments = l.segments[:len(l.segments)-1]
	if len(l.segments) == 0 {
		return l.restart(first)
	}
	if err := l.dir.discard(l.file(first)); err != nil {
		return err
	}
	if err := l.dir.syncDir(l.path); err != nil {
		return err
	}
	return l.openLast(l.segments[len(l.segments)-1])
}

// restart goes on with record next in a new segment, begun now, or, on a full
// medium, with that record. What there is stays.
func (l *Log) restart(next uint64) error {
	l.next, l.durable, l.marked = next, next, next
	err := l.begin()
	if errors.Is(err, ErrFull) {
		l.rolling, err = true, nil
	}
	return err
}

// adopt cuts off an unfinished write and makes the unproven tail durable. It
// writes the tail again, since after a failed fsync the medium may lack what the
// operating system still shows.
func (l *Log) adopt(seg segment, raw []byte, p parsed) (err error) {
	if seg.file, err = l.dir.fsys.Open(l.file(seg.first), ReadWrite); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			seg.file.Close()
		}
	}()
	l.stats.CutBytes = int64(len(raw)) - p.end
	if l.stats.CutBytes > 0 {
		if err := seg.file.Truncate(p.end); err != nil {
			return err
		}
	}
	from := p.unproven(seg.first)
	if _, err := seg.file.WriteAt(raw[from:p.end], from); err != nil {
		return err
	}
	if err := l.dir.sync(seg.file); err != nil {
		return err
	}
	seg.size = p.end
	l.seg, l.durable, l.marked = seg, l.next, p.proven
	return nil
}

// begin makes the segment for record l.durable the growing one, and moves there
// what waits in the buffer; the caller sees to it that nobody appends.
func (l *Log) begin() error {
	seg := newSegment(l.durable)
	name := l.file(seg.first)
	f, err := l.dir.fsys.Open(name, Create)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(seg.header(), 0); err == nil {
		err = l.dir.sync(f)
	}
	if err == nil {
		err = l.dropOldest()
	}
	if err == nil {
		err = l.dir.syncDir(l.path)
	}
	if err != nil {
		err = errors.Join(err, f.Close())
		if len(l.segments) > 0 { // else only this name says how far the numbers went
			err = errors.Join(err, l.dir.discard(name))
		} else {
			l.dir.doubt(l.path)
		}
		return err
	}
	if l.seg.file != nil {
		l.seg.file.Close() // everything in it is synced
	}
	seg.file = f
	l.buf = seg.moved(l.buf)
	l.seg, l.marked, l.rolling = seg, l.durable, false
	l.segments = append(l.segments, seg.first)
	return nil
}
