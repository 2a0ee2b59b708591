package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Quality says how far a time can be trusted.
type Quality int

// The qualities, worst first.
const (
	LowerBound    Quality = iota // it is at least so late
	Set                          // told by a hardware clock, plain NTP or a person
	Authenticated                // told by a source that proved itself: NTS, TUF-signed time, a pinned hub
)

func (q Quality) String() string {
	if q < LowerBound || q > Authenticated {
		return "unknown"
	}
	return [...]string{"lower bound", "set", "authenticated"}[q]
}

// Clock tells the time together with its quality, for parts that judge times from
// outside: expiry dates, validity windows, certificates. Durations and time-outs
// use package time.
//
// It starts at the latest of the system's clock, the build, and the last
// authenticated time of an earlier run, and goes on with the monotonic clock, so
// that later jumps of the system's clock do not reach it. Only authenticated time
// is kept as a lower bound: a clock that somebody set to 2100 locks nothing after
// it is set back. Time asleep is not counted until the clock is told again.
//
// A Clock may be used concurrently.
type Clock struct {
	bound *Value[clockRecord]

	mu      sync.Mutex
	base    time.Time // time told last
	since   time.Time // when, on the monotonic clock
	quality Quality
	floor   time.Time // no time before this is told
	kept    time.Time // the floor on the medium
	damaged error     // what was kept could not be read
}

// ClockOptions are the options of [OpenClock].
type ClockOptions struct {
	// Build is when this software was built; never is it earlier.
	Build time.Time
	// HardwareClock says that the system's clock was set by one with a battery:
	// the start is then Set, not LowerBound.
	HardwareClock bool
	// System tells the system's time at the start; nil means time.Now.
	System func() time.Time
}

type clockRecord struct {
	Authenticated time.Time `json:"authenticated"`
}

// keepEvery bounds the writes to the medium.
const keepEvery = time.Hour

// OpenClock opens the clock whose lower bound is kept as "clock" in s. One that is
// damaged is told by Health, and the build is the lower bound.
func OpenClock(ctx context.Context, s Store, opts *ClockOptions) (*Clock, error) {
	if opts == nil {
		opts = &ClockOptions{}
	}
	c := &Clock{bound: NewValue[clockRecord](s, "clock", nil)}
	rec, err := c.bound.LoadOr(ctx, clockRecord{})
	if errors.Is(err, ErrCorrupt) {
		rec, c.damaged, err = clockRecord{}, err, nil
	}
	if err != nil {
		return nil, fmt.Errorf("durable: open clock: %w", err)
	}
	now := time.Now()
	system := now
	if opts.System != nil {
		system = opts.System()
	}
	c.kept = rec.Authenticated
	c.floor = later(opts.Build, rec.Authenticated)
	c.base, c.since = later(system, c.floor).Round(0), now
	if opts.HardwareClock && !system.Before(c.floor) {
		c.quality = Set
	}
	return c, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Now returns the time and how far it can be trusted.
func (c *Clock) Now() (time.Time, Quality) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(), c.quality
}

func (c *Clock) now() time.Time { return c.base.Add(time.Since(c.since)) }

// Learn tells the clock that it is t, by a source of quality q. A worse source
// does not correct a better one, and none goes behind the lower bound: those give
// an error that is [io/fs.ErrInvalid]. Authenticated time is kept, at most once
// an hour; an error of the medium leaves the clock corrected for this run only.
func (c *Clock) Learn(ctx context.Context, t time.Time, q Quality) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case q < LowerBound || q > Authenticated:
		return fmt.Errorf("durable: learn time: quality %d: %w", int(q), fs.ErrInvalid)
	case t.Year() < 1970 || t.Year() > 9999:
		return fmt.Errorf("durable: learn time: year %d: %w", t.Year(), fs.ErrInvalid)
	case q < c.quality:
		return fmt.Errorf("durable: learn time: %v source, the time is %v: %w", q, c.quality, fs.ErrInvalid)
	case t.Before(c.floor):
		return fmt.Errorf("durable: learn time: %v is before %v: %w", t, c.floor, fs.ErrInvalid)
	case q == LowerBound:
		if t.After(c.now()) {
			c.base, c.since = t.Round(0), time.Now()
		}
		return nil
	}
	c.base, c.since, c.quality = t.Round(0), time.Now(), q
	if q != Authenticated {
		return nil
	}
	c.floor = c.base
	return c.keep(ctx)
}

func (c *Clock) keep(ctx context.Context) error {
	if c.base.Sub(c.kept) < keepEvery {
		return nil
	}
	if err := c.bound.Store(ctx, clockRecord{c.base.UTC()}); err != nil {
		return fmt.Errorf("durable: learn time: %w", err)
	}
	c.kept, c.damaged = c.base, nil
	return nil
}

// Health tells of a lower bound that could not be read, until one is kept again.
func (c *Clock) Health(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.damaged != nil {
		return fmt.Errorf("durable: clock: the lower bound is that of the build: %w", c.damaged)
	}
	return nil
}
