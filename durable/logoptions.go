package durable

import (
	"fmt"
	"io/fs"
)

// LogOptions are the options of [OpenLog]. Zero means the default.
type LogOptions struct {
	// SegmentSize is the size in bytes at which a new file is begun: 4 KiB to
	// 16 MiB, default 256 KiB. A record takes at most half of it, and at most 64 KiB.
	SegmentSize int
	// MaxSegments bounds the log: when more are needed, the oldest is dropped and
	// its records counted. 0: no bound, the medium's end is the log's.
	MaxSegments int
	// Buffer is how many bytes may wait for a Sync: default 64 KiB.
	Buffer int
	// Reserve keeps so many bytes, frames of 9 bytes a record included, for
	// AppendReserved on a full medium; default none.
	Reserve int
	// salvage goes on behind a last segment that is damaged, instead of failing.
	salvage bool
	// start is the number of the first record of a new log; 0 is 1.
	start uint64
	// Codec seals the records; nil keeps them in plain.
	Codec Codec
}

// Codec changes records on their way to the medium and back. seq is the record's
// number, which a sealing Codec authenticates. Seal adds at most 128 bytes. Both
// are called concurrently.
type Codec interface {
	Seal(seq uint64, record []byte) ([]byte, error)
	Open(seq uint64, sealed []byte) ([]byte, error)
}

// LogStats counts what a [Log] did since it was opened.
type LogStats struct {
	Appends, Syncs int
	BytesWritten   int64
	Dropped        uint64 // records lost to MaxSegments
	Damaged        int    // damaged last segments that an outbox left for a new one
	CutBytes       int64  // bytes of an interrupted write cut off at open
}

const (
	maxRecord  = 64 << 10
	codecSlack = 128 // bytes by which a Codec may lengthen a record
	minSegment = 4 << 10
	maxSegment = 16 << 20
)

func (o LogOptions) orDefaults() (LogOptions, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = 256 << 10
	}
	if o.Buffer == 0 {
		o.Buffer = 64 << 10
	}
	if o.SegmentSize < minSegment || o.SegmentSize > maxSegment || o.MaxSegments < 0 || o.Buffer < 0 || o.Reserve < 0 {
		return o, fmt.Errorf("segment of %d bytes, want %d to %d: %w", o.SegmentSize, minSegment, maxSegment, fs.ErrInvalid)
	}
	return o, nil
}
