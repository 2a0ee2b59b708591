package tuf

import (
	"errors"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// Clock tells the time by which expiry is judged. [*durable.Clock] is one. It is
// called by one goroutine at a time.
type Clock interface {
	Now() (time.Time, durable.Quality)
}

// Options are the options of [Open]. Zero means the default.
type Options struct {
	// Clock judges expiry; nil is the system's clock, as a lower bound: only what is
	// surely expired is refused.
	Clock Clock
	// Floors keep the versions of root, timestamp, snapshot and targets that were
	// seen, where whoever changes the Store does not reach: metadata below one is
	// refused. nil: only the copies in the Store resist rollback.
	//
	// The floor of root is called "tuf.root" and never goes down. Those of the others
	// are called "tuf.<role>.<16 digits>" after the keys of the role, and so begin
	// anew when a verified root changes these: a vendor whose keys were stolen takes
	// back versions that the thief made (recovery from a fast-forward attack). Once the
	// new root has its floor, those of keys that are no longer in force are dropped by
	// the method Forget(ctx, name) error, where the Floors has it ([update.FloorStore]
	// does); else they add up. Floors that are full ([update.ErrFloorsFull]) do not
	// fail a Refresh: [Client.Status] names the roles that are without one.
	Floors update.Floors
	// Metadata and Targets are the directories of the repository in the Source;
	// defaults "metadata" and "targets". "." is the top.
	Metadata, Targets string
	// Timeout bounds one file of metadata; default 1 minute.
	Timeout time.Duration
	// Limits bound what is read and walked.
	Limits Limits
}

// Limits bound what a Source may send, in bytes. A Store keeps at most
// [durable.MaxValue] under a name, and so no role may be larger.
type Limits struct {
	Root        int64 // default 500 KiB
	Timestamp   int64 // default 16 KiB
	Snapshot    int64 // default 1 MiB
	Targets     int64 // of each targets role; default 1 MiB; in memory it takes 40 times that
	Rotations   int   // new roots in one Refresh; default 256
	Delegations int   // roles that one Find looks into; default 32
}

func (o *Options) orDefaults() (Options, error) {
	r := Options{}
	if o != nil {
		r = *o
	}
	if r.Clock == nil {
		r.Clock = systemClock{}
	}
	orText(&r.Metadata, "metadata")
	orText(&r.Targets, "targets")
	if r.Timeout == 0 {
		r.Timeout = time.Minute
	}
	l := &r.Limits
	for _, f := range []struct {
		field *int64
		value int64
	}{{&l.Root, 500 << 10}, {&l.Timestamp, 16 << 10}, {&l.Snapshot, durable.MaxValue}, {&l.Targets, durable.MaxValue}} {
		if *f.field == 0 {
			*f.field = f.value
		}
		if *f.field < 0 || *f.field > durable.MaxValue {
			return r, errors.New("tuf: options: a limit is 1 byte to 1 MiB")
		}
	}
	orNumber(&l.Rotations, 256)
	orNumber(&l.Delegations, 32)
	if r.Timeout < 0 || l.Rotations < 0 || l.Delegations < 0 {
		return r, errors.New("tuf: options: a limit is negative")
	}
	return r, nil
}

func orText(s *string, fallback string) {
	if *s == "" {
		*s = fallback
	}
}

func orNumber(n *int, fallback int) {
	if *n == 0 {
		*n = fallback
	}
}

// systemClock is trusted as little as it deserves: a device without a battery
// starts in 1970.
type systemClock struct{}

func (systemClock) Now() (time.Time, durable.Quality) { return time.Now(), durable.LowerBound }
