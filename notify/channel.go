package notify

import (
	"context"
	"errors"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// Notifier sends a notice to one place: a hub, a mail server, a light.
//
// Who calls it: a [Center], from its Run, with a ctx that holds no entity and,
// for a channel with a queue, ends after [Options].Timeout. Who writes one:
// backends and vendors. The kit is notify/notifytest.
//
//   - A nil error means that the receiver has the notice, or keeps it safe for delivery.
//   - Any other error means that the notice is sent again later, under the same ID and Sequence.
//   - A notice that arrives again under an ID and Sequence that the receiver knows is no error.
//   - A failure that no retry mends is marked with [Permanent], and no other is.
//   - A receiver's wish to be left alone for a time is passed on with [RetryAfter].
//   - Notify returns soon after ctx is done, with an error that is the ctx's.
//   - A notice that does not pass [Notice.Check] is refused with [Permanent], and nothing of it leaves.
//   - The notice is not changed, its Data included, and not kept after Notify returned.
//   - Notify may be called concurrently.
//
// The interface is frozen.
type Notifier interface {
	Notify(ctx context.Context, n Notice) error
}

// Channel is one way out for notices.
type Channel struct {
	// Name keys the channel's queue in the store: a channel keeps its queue over
	// releases as long as it keeps its name. [a-z][a-z0-9-]*, at most 32 bytes.
	Name string
	To   Notifier
	// Match says which notices go this way; nil takes all. It is called whenever a
	// notice is sent, under the Center's lock: it must be quick, must not change
	// the notice and must not call the Center. [Routing] narrows it further.
	Match func(n *Notice) bool
	// Direct sends from memory, once, without a queue: for what only matters now,
	// such as a light. A notice is lost when the power fails, when the channel
	// fails, or when it is 16 notices behind. There is no time-out.
	Direct bool
	// Serves says what the channel is for, if it is one of [clause.C5_2_8_1_C] (a
	// local hub) and [clause.C5_2_8_1_E] (an alarm or logging system).
	Serves []clause.ID
}

// Permanent marks err as a failure that no retry mends: the notice is given up
// on this channel, counted and logged. Permanent(nil) is nil.
func Permanent(err error) error { return durable.Permanent(err) }

// RetryAfter marks err as one that lasts for d at least. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error { return durable.RetryAfter(err, d) }

// IsPermanent reports whether err is marked by [Permanent].
func IsPermanent(err error) bool {
	var p *durable.PermanentError
	return errors.As(err, &p)
}

// RetryDelay returns what [RetryAfter] marked err with.
func RetryDelay(err error) (d time.Duration, ok bool) {
	if r, ok := errors.AsType[*durable.RetryError](err); ok {
		return r.After, true
	}
	return 0, false
}
