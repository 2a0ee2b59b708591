package durable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
)

// recover opens the last segment for writing and makes durable what it holds.
func (l *Log) recover() error {
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.findSegments(); err != nil {
		return err
	}
	if len(l.segments) == 0 {
		l.first, l.next, l.durable = 1, 1, 1
		return l.begin()
	}
	l.first = l.segments[0]
	return l.openLast(l.segments[len(l.segments)-1])
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
	if reserved < int64(l.opts.Reserve) {
		l.makeReserve()
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
		// Its creation was cut short: no record can have been in it.
		l.segments = l.segments[:len(l.segments)-1]
		l.next, l.durable = first, first
		return l.begin()
	}
	if err != nil {
		return fmt.Errorf("segment %s: %w", segmentName(first), err)
	}
	p := seg.parse(raw)
	if p.end < int64(len(raw)) && seg.frameAfter(raw, p.end) {
		return fmt.Errorf("segment %s: byte %d: %w", segmentName(first), p.end, ErrCorrupt)
	}
	l.next = first + uint64(len(p.records))
	if p.proven > l.next {
		return fmt.Errorf("segment %s: records up to %d are missing: %w", segmentName(first), p.proven, ErrCorrupt)
	}
	return l.adopt(seg, raw, p)
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

// begin makes the segment for record l.next the growing one; the caller sees to
// it that the buffer is empty and nobody appends.
func (l *Log) begin() error {
	seg := newSegment(l.next)
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
		return errors.Join(err, f.Close())
	}
	if l.seg.file != nil {
		l.seg.file.Close() // everything in it is synced
	}
	seg.file = f
	l.seg, l.marked = seg, l.next
	l.segments = append(l.segments, seg.first)
	return nil
}

// dropOldest keeps the log within MaxSegments, counting the one being made.
func (l *Log) dropOldest() error {
	for l.opts.MaxSegments > 0 && len(l.segments) > 0 && len(l.segments) >= l.opts.MaxSegments {
		if err := l.removeFirst(); err != nil {
			return err
		}
		end := l.next
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
		trimmed := false
		for len(l.segments) > 1 && l.segments[1] <= before {
			if err := l.removeFirst(); err != nil {
				return err
			}
			l.first, trimmed = l.segments[0], true
		}
		if !trimmed {
			return nil
		}
		return l.dir.syncDir(l.path)
	})
}

// Record is one entry of a [Log].
type Record struct {
	Seq  uint64
	Data []byte
}

// Records returns the durable records from number from on, in order. It ends with
// an error that is [ErrCorrupt] where the log is damaged. Records trimmed or
// dropped meanwhile are left out.
func (l *Log) Records(ctx context.Context, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.mu.Lock()
		segments, durable := slices.Clone(l.segments), l.durable
		l.mu.Unlock()
		for i, first := range segments {
			end := durable
			if i+1 < len(segments) {
				end = segments[i+1]
			}
			if end <= from {
				continue
			}
			records, err := l.read(ctx, first, end)
			if err != nil {
				yield(Record{}, fmt.Errorf("durable: read log: segment %s: %w", segmentName(first), err))
				return
			}
			for j, data := range records {
				seq := first + uint64(j)
				if seq >= from && !yield(Record{seq, data}, nil) {
					return
				}
			}
		}
	}
}

// read returns the records first to end-1 of one segment.
func (l *Log) read(ctx context.Context, first, end uint64) ([][]byte, error) {
	if err := l.admit(ctx); err != nil {
		return nil, err
	}
	raw, err := readSegment(l.dir.fsys, l.file(first))
	if errors.Is(err, fs.ErrNotExist) && l.First() > first {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	seg, err := parseHeader(first, raw)
	if err != nil {
		return nil, err
	}
	records := seg.parse(raw).records
	if uint64(len(records)) < end-first {
		return nil, fmt.Errorf("record %d: %w", first+uint64(len(records)), ErrCorrupt)
	}
	records = records[:end-first]
	if l.opts.Codec == nil {
		return records, nil
	}
	for i, sealed := range records {
		if records[i], err = l.opts.Codec.Open(first+uint64(i), sealed); err != nil {
			return nil, fmt.Errorf("record %d: %w", first+uint64(i), err)
		}
	}
	return records, nil
}

// flush writes the buffer behind what is on the medium and syncs. After a failure
// the buffer stays, and the next flush writes all of it again. Under l.flushing.
func (l *Log) flush() error {
	l.mu.Lock()
	chunk, next := l.buf[:len(l.buf):len(l.buf)], l.next
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
	l.buf = l.buf[len(chunk):]
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
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.admitLocked(); err != nil {
		return err
	}
	if err := l.begin(); err != nil {
		return err
	}
	l.rolling = false
	return nil
}

// markEnd says on the medium that everything was durable. Under l.flushing.
func (l *Log) markEnd() error {
	l.mu.Lock()
	if l.marked < l.durable {
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

// makeReserve sets space aside. Without space there is none: that is no reason
// not to open.
func (l *Log) makeReserve() {
	fill := make([]byte, l.opts.Reserve)
	rand.Read(fill)
	name := path.Join(l.path, reserveName)
	if l.dir.writeFile(name, fill) != nil || l.dir.syncDir(l.path) != nil {
		l.dir.count(func(s *Stats) { s.ReservesMissing++ })
	}
}

// releaseReserve gives the reserve's space back, or returns full.
func (l *Log) releaseReserve(full error) error {
	l.dir.writing.RLock()
	defer l.dir.writing.RUnlock()
	if err := l.dir.fsys.Remove(path.Join(l.path, reserveName)); err != nil {
		return full
	}
	l.dir.count(func(s *Stats) { s.ReservesUsed++ })
	return l.dir.syncDir(l.path)
}

func (l *Log) file(first uint64) string { return path.Join(l.path, segmentName(first)) }
