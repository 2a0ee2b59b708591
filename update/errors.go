package update

import (
	"errors"
	"strings"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// The failures that a caller can act on.
var (
	ErrUnavailable = errors.New("not reachable now")                     // retry later
	ErrUntrusted   = errors.New("not verified")                          // do not retry with the same bytes
	ErrNotOffered  = errors.New("not offered")                           // the verified metadata has no such target or version
	ErrDowngrade   = errors.New("older than what may be installed")      // below the running release or a floor
	ErrBlocked     = errors.New("failed on this device, or was revoked") // needs a newer release, or a person
	ErrHeld        = errors.New("held back by a gate")                   // *HeldError has the reason
	ErrRunning     = errors.New("the slot is running")
	ErrDamaged     = errors.New("boot environment is damaged")
	ErrBusy        = errors.New("another installation is under way")
	ErrUnhealthy   = errors.New("not healthy") // the cause is what [Health] says
	ErrNoTrial     = errors.New("no release is on trial")
)

// HeldError says which gate holds which phase back, and why. It is [ErrHeld].
type HeldError struct {
	Phase  Phase
	Reason string

	silent bool // the gate does not answer
}

func (e *HeldError) Error() string {
	return "update: " + string(e.Phase) + ": held back: " + e.Reason
}

// Unwrap returns [ErrHeld].
func (e *HeldError) Unwrap() error { return ErrHeld }

// InputError says which field of a release document breaks which rule. It is
// [ErrUntrusted].
type InputError struct {
	Path string // RFC 6901
	Rule string
}

func (e *InputError) Error() string { return "update: release: " + e.Path + ": " + e.Rule }

// Unwrap returns [ErrUntrusted].
func (e *InputError) Unwrap() error { return ErrUntrusted }

//go:noinline
func bad(path, rule string) error { return &InputError{Path: path, Rule: rule} }

func syntaxError(err error) error {
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return bad(e.Path, e.Rule)
	}
	return bad("", strings.TrimPrefix(err.Error(), "strictjson: "))
}
