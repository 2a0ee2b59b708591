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

// Records returns the durable records from number from on, in order. Where the log
// is damaged it ends with an error that is [ErrCorrupt], after the records before. Records trimmed or
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
			for j, data := range records {
				seq := first + uint64(j)
				if seq >= from && !yield(Record{seq, data}, nil) {
					return
				}
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("durable: read log: segment %s: %w", segmentName(first), err))
				return
			}
		}
	}
}

// read returns the records first to end-1 of one segment; with an error, those
// before the one that cannot be read.
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
	if have := uint64(len(records)); have < end-first {
		err = fmt.Errorf("record %d: %w", first+have, ErrCorrupt)
	} else {
		records = records[:end-first]
	}
	return l.open(first, records, err)
}

// open opens in place what the codec sealed, up to the first that does not open.
func (l *Log) open(first uint64, records [][]byte, err error) ([][]byte, error) {
	if l.opts.Codec == nil {
		return records, err
	}
	for i, sealed := range records {
		record, oerr := l.opts.Codec.Open(first+uint64(i), sealed)
		if oerr != nil {
			return records[:i], fmt.Errorf("record %d: %w", first+uint64(i), oerr)
		}
		records[i] = record
	}
	return records, err
}
