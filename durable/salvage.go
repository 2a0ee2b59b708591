package durable

import "errors"

// An outbox rather loses damaged messages than delivers nothing any more: it leaves
// a segment that cannot be read to its end, and goes on in another.

// gap is a range of numbers that no record was given.
type gap struct{ from, to uint64 }

// salvage goes on behind a last segment that is damaged, which is what err says,
// and finds the numbers that this left out, now or at an earlier start.
func (l *Log) salvage(err error) error {
	if err != nil {
		l.stats.Damaged++
		last := l.segments[len(l.segments)-1]
		raw, err := readSegment(l.dir.fsys, l.file(last))
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		// No number is given twice: a segment holds fewer records than bytes.
		if err := l.restart(last + uint64(max(len(raw), l.opts.SegmentSize))); err != nil {
			return err
		}
	}
	return l.findGaps()
}

// findGaps finds segments with fewer bytes than records would take up to the next
// one: numbers between were left out.
func (l *Log) findGaps() error {
	for i, first := range l.segments {
		end := l.end(i)
		if end-first < minSegment {
			continue // salvage leaves out more
		}
		raw, err := readSegment(l.dir.fsys, l.file(first))
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if end-first > uint64(len(raw))/(frameOverhead+1) {
			seg, _ := parseHeader(first, raw) // without its salt no frame is sound
			l.gaps = append(l.gaps, gap{min(seg.known(raw), end), end})
		}
	}
	return nil
}

// end returns the first record behind the i-th segment.
func (l *Log) end(i int) uint64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1]
	}
	return l.durable
}

// leave returns the first record behind the segment that holds record seq. If that
// is the growing one, another is begun for what comes: behind damage nothing can be
// read.
func (l *Log) leave(seq uint64) uint64 {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, first := range l.segments {
		if first > seq {
			return first
		}
	}
	l.rolling = true
	return l.durable
}

// count returns how many numbers from from to to-1 were given to records.
func (l *Log) count(from, to uint64) uint64 {
	n := max(from, to) - from
	for _, g := range l.gaps {
		if lo, hi := max(g.from, from), min(g.to, to); lo < hi {
			n -= hi - lo
		}
	}
	return n
}

// behind returns the number behind the n records that follow from.
func (l *Log) behind(from, n uint64) uint64 {
	to := from + n
	for _, g := range l.gaps {
		if from < g.to && to > g.from {
			to += g.to - max(g.from, from)
		}
	}
	return to
}
