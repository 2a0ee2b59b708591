package reset

import (
	"context"
	"errors"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
)

// Options are the options of [Open]. Nil options mean: no restart, so that the caller
// ends the process, no log, no notices, no interlock.
type Options struct {
	// Restart is called at the end, with the reason, and for the scope [Restart]. It
	// may return before the restart happens.
	Restart func(ctx context.Context, reason string) error
	// Interlock is asked before a reset. It keeps its record where a Hold does not
	// reach, as in the floor compartment, with a reserve.
	Interlock Interlock
	// Log takes [access.EventResetDone] at [access.LevelAudit], once the device runs
	// again: while it is reset the log is on hold too. Nil discards it.
	Log *slog.Logger
	// Sync says whether the event is kept: in a device eventlog.Sync of Log. Until it
	// returned nil the reset is not accepted, and the event comes again; nil asks nobody.
	Sync func(ctx context.Context) error
	// Notice is called by [Resetter.Run] for what a person should know: that the device
	// was reset. An error has it told again after the next start; nil discards it.
	Notice func(ctx context.Context, n Notice) error
}

// Interlock keeps operations apart that must not meet. Package baseline has one.
//
// Who calls it: [Resetter], with [Operation]. Begin comes before the first change, End
// once the device has started after the reset, or when it did not begin.
//
//   - An error of Begin refuses the reset; it is returned as it is, wrapped.
//   - Resume is Begin for what an earlier run left.
//   - Calls may come concurrently.
//
// The interface is frozen.
type Interlock interface {
	Begin(ctx context.Context, operation string) error
	Resume(ctx context.Context, operation string) error
	End(ctx context.Context, operation string) error
}

// Operation is what an [Interlock] is asked about.
const Operation = "reset"

// Guard decides, and makes and honours mandates. *[access.Guard] is one.
//
// It may gain no methods: it is what this package uses of that type.
type Guard interface {
	access.Authorizer
	NewMandate(ctx context.Context, req access.MandateRequest) (access.Mandate, error)
	Resume(ctx context.Context, m access.Mandate) (context.Context, error)
	// Health tells whether it knows who owns the device.
	Health(ctx context.Context) error
}

// Notice is something that a person should know. The composition hands it to package
// notify.
type Notice struct {
	Type   string // NoticeDone
	Key    string // of the reset; with Type it tells one from a repetition
	Title  string
	Text   string
	Urgent bool
}

// NoticeDone is the type of the notice of a reset that ran to its end.
const NoticeDone = "reset.done"

// The failures that a caller can act on. A denial is an [access.DeniedError], what
// breaks a rule [io/fs.ErrInvalid].
var (
	// ErrInterrupted: a step failed. The reset is ordered and the device on hold: it
	// goes on at the next start, or when it is ordered again.
	ErrInterrupted = errors.New("reset interrupted")
	// ErrOrphan: the device is on hold for a reset of which there is no order: it was
	// lost, or never given. Nothing was reset. Order one anew, with presence.
	ErrOrphan = errors.New("on hold for a reset that nobody ordered")
	// ErrRestart: the steps are done, and the device is on hold until it has started
	// again: the restart failed, or nobody brings it about. End the process.
	ErrRestart = errors.New("reset done, the device must restart")
	// ErrPending: a reset of another scope has begun. It must run to its end first.
	ErrPending = errors.New("a reset of another scope has begun")
)
