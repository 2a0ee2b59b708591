package durable

import (
	"fmt"
	"time"
)

// PermanentError says that delivering again is of no use.
type PermanentError struct{ Err error }

// Permanent marks err as one that no retry mends. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &PermanentError{err}
}

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// RetryError says when to try again.
type RetryError struct {
	Err   error
	After time.Duration
}

// RetryAfter marks err as one that is gone after d at the earliest.
// RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &RetryError{err, d}
}

func (e *RetryError) Error() string { return fmt.Sprintf("%v (retry after %v)", e.Err, e.After) }

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }
