package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
)

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
