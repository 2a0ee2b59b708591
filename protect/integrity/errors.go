package integrity

import "errors"

// The failures that a caller can act on. What is wrong with the software is no error
// but a [Finding].
var (
	// ErrInvalid: a release, an expectation or a tree that no manifest can be made of
	// or checked against. The error says which.
	ErrInvalid = errors.New("not acceptable")
	// ErrAltered: the software is not what the manifest says; the report tells how.
	ErrAltered = errors.New("software is not as released")
	// ErrUnchecked: no check has ended yet, so that nothing is known of the software.
	ErrUnchecked = errors.New("software was not checked yet")
)
