package eventlog

import (
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
)

// The failures that a caller can act on.
var (
	// ErrTampered: a log, an export or a checkpoint is not what was written. The error
	// is a [*RecordError] where one record is to blame. Keep what is there for analysis.
	ErrTampered = fmt.Errorf("not what was logged: %w", durable.ErrCorrupt)
	// ErrFull: the record was refused because the log has its size and its policy is
	// [Stop], or because the medium is full. Export, then [Log.Prune].
	ErrFull = fmt.Errorf("event log full: %w", durable.ErrFull)
	// ErrNoLog: no handler of the logger leads to a [Log].
	ErrNoLog = errors.New("the logger leads to no event log")
)

// RecordError says which record of a log does not verify. It is [ErrTampered].
type RecordError struct {
	Seq    uint64 // number of the record, or the one that should be there
	Reason string // what does not fit, in words of this package
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("eventlog: record %d: %s: %v", e.Seq, e.Reason, ErrTampered)
}

// Unwrap returns [ErrTampered].
func (e *RecordError) Unwrap() error { return ErrTampered }

func badRecord(seq uint64, reason string) error { return &RecordError{Seq: seq, Reason: reason} }
