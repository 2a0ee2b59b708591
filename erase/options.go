package erase

import (
	"context"
	"crypto"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Options are the options of [Open]. Nil options mean: receipts without signature, no
// log, no notices, no interlock.
type Options struct {
	// Signer is the device's key. With nil receipts say that there is none; one that
	// fails gives a receipt without signature, with the reason.
	Signer crypto.Signer
	// Device names the device in receipts: at most 64 bytes of printable ASCII.
	Device string
	// Interlock is asked before an erasure. Nil means that nothing else happens. Its
	// own record needs a reserve, or on a full medium it refuses.
	Interlock Interlock
	// Log takes the events, [access.EventEraseDone] and [access.EventEraseFailed] at
	// [access.LevelAudit]; nil discards them. They name no subject, since the log may
	// stay when the data goes: the salted digest of the receipt, and the job.
	Log *slog.Logger
	// Sync says whether the event is kept: in a device eventlog.Sync of Log. Without it
	// an erasure is not told as done ([ErrUnlogged]); one that [Coordinator.Resume]
	// finished has [Coordinator.Health] tell it. Nil asks nobody.
	Sync func(ctx context.Context) error
	// Notice is called at the end for what a person should know (27402 5.2.4.2); nil
	// discards it. Its error is told by [Coordinator.Health].
	Notice func(ctx context.Context, n Notice) error
	// Now is the time for receipts, in a device that of its durable.Clock; nil is
	// [time.Now].
	Now func() time.Time
}

// Interlock keeps operations apart that must not meet. Package baseline has one.
//
// Who calls it: [Coordinator], with [OperationSubject] or [OperationAll], around an
// erasure.
//
//   - An error of Begin refuses the erasure; it is returned as it is, wrapped.
//   - Resume is Begin for what an earlier run left.
//   - After each of both that returned nil there is one End, whatever the outcome.
//   - Calls may come concurrently.
//
// The interface is frozen.
type Interlock interface {
	Begin(ctx context.Context, operation string) error
	Resume(ctx context.Context, operation string) error
	End(ctx context.Context, operation string) error
}

// What an [Interlock] is asked about.
const (
	OperationSubject = "erase.subject"
	OperationAll     = "erase.all"
)

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

// Notice is something that a person should know. The composition hands it to
// package notify. It names nobody.
type Notice struct {
	Type   string // NoticeDone or NoticeFailed
	Key    string // of the erasure; with Type it tells one from a repetition
	Title  string
	Text   string
	Urgent bool
}

// The types of notices.
const (
	NoticeDone   = "erase.done"
	NoticeFailed = "erase.failed"
)
