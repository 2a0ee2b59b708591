package baseline

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

const (
	maxWaiting = 64
	// maxTries is how often a notice is tried before it is given up: that takes about
	// eight hours by the default of Options.MaxRetry.
	maxTries = 100
)

// sink keeps what the log told until a Notifier took it. It is shared by all handlers
// made of one, and outlives a Device that is composed anew.
type sink struct {
	wake  chan struct{} // holds one when something was added
	count atomic.Int64  // of all there ever were

	mu      sync.Mutex
	waiting []waiting
	dropped int
}

// waiting is a notice that is not raised yet. Its Key is its own.
type waiting struct {
	notify.Notice
	tries int
}

// add never waits for a Notifier.
func (s *sink) add(n notify.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= maxWaiting {
		s.dropped++
		return
	}
	s.waiting = append(s.waiting, waiting{Notice: n})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// first returns the notice whose turn it is.
func (s *sink) first() (waiting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return waiting{}, false
	}
	return s.waiting[0], true
}

// done takes off a notice that was raised or given up.
func (s *sink) done(w waiting, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(w)
	if lost {
		s.dropped++
	}
}

// later puts a notice that failed behind the others: it does not hold them up.
func (s *sink) later(w waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(w)
	w.tries++
	s.waiting = append(s.waiting, w)
}

func (s *sink) remove(w waiting) {
	s.waiting = slices.DeleteFunc(s.waiting, func(o waiting) bool { return o.Key == w.Key })
}

// raiseEvents raises what the log told, until ctx ends. What fails is tried again
// after growing times.
func (d *Device) raiseEvents(ctx context.Context) error {
	s, delay := d.opts.Events.sink, d.opts.MinRetry
	for ctx.Err() == nil {
		w, ok := s.first()
		switch {
		case !ok:
			await(ctx, s.wake)
		case d.raiseWaiting(ctx, w):
			delay = d.opts.MinRetry
		default:
			timer := time.NewTimer(delay)
			await(ctx, timer.C)
			timer.Stop()
			delay = min(2*delay, d.opts.MaxRetry)
		}
	}
	return ctx.Err()
}

func await[T any](ctx context.Context, c <-chan T) {
	select {
	case <-ctx.Done():
	case <-c:
	}
}

// raiseWaiting reports whether a notice waits no more.
func (d *Device) raiseWaiting(ctx context.Context, w waiting) bool {
	err := d.raise(ctx, w.Notice)
	if err != nil && !d.givenUp(ctx, w.Type, w.tries, err) {
		d.opts.Events.sink.later(w)
		return false
	}
	d.opts.Events.sink.done(w, err != nil)
	return true
}

func (d *Device) raise(ctx context.Context, n notify.Notice) error {
	_, err := d.notifier.Raise(d.service(ctx), n)
	return err
}

// givenUp reports whether what failed, after tries before it, is not tried again: it
// can never succeed, or did not for long. The log tells what people are not told.
func (d *Device) givenUp(ctx context.Context, typ string, tries int, err error) bool {
	var invalid *notify.InputError
	if tries+1 < maxTries && !errors.Is(err, access.ErrDenied) && !errors.As(err, &invalid) {
		return false
	}
	d.opts.Log.LogAttrs(ctx, slog.LevelError, access.EventNoticeLost,
		slog.String(access.KeyNotice, typ), slog.String(access.KeyError, err.Error()))
	return true
}

// notifierUp reports whether notices can be raised now: not while the Notifier is
// down, or waits for an erasure.
func (d *Device) notifierUp() bool {
	return d.notifier != nil && d.isUp(d.memberOf("Notifier", d.notifier).name)
}
