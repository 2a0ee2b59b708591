package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"
)

// Outbox keeps messages until they are delivered: a [Log], the number of the
// next message to deliver, and a retry loop.
//
//   - A message is kept once Add returned nil, and delivered at least once, in
//     order, under the same id each time.
//   - deliver returning nil ends a message; a [Permanent] error drops and counts
//     it; [RetryAfter] sets the earliest next try; any other error is tried again
//     after a growing delay, for ever.
//   - A message that cannot be delivered holds back those behind it, in this
//     outbox only.
//   - After a power cut up to OutboxOptions.Batch delivered messages are
//     delivered again.
//
// An Outbox may be used concurrently; Run is called once.
type Outbox struct {
	log    *Log
	cursor *Value[cursor]
	opts   OutboxOptions

	saving sync.Mutex // held through every write of the cursor; before mu

	mu    sync.Mutex
	next  uint64 // message to deliver next
	saved uint64 // what the medium says of next
	stats OutboxStats
	added chan struct{}
}

// OutboxOptions are the options of [OpenOutbox]. Zero means the default.
type OutboxOptions struct {
	Limit    int           // messages kept; the oldest are dropped and counted; default 1,000
	Batch    int           // deliveries between two writes of the cursor; default 16
	MinDelay time.Duration // before the first retry; default 1 s
	MaxDelay time.Duration // between retries, and the most that RetryAfter gets; default 1 h
	Log      LogOptions    // default segments of 64 KiB
}

// OutboxStats counts what an [Outbox] did since it was opened.
type OutboxStats struct {
	Added, Delivered, Retried int
	Dropped                   int // permanent errors
	Overflowed                int // lost to Limit
	Damaged                   int // messages lost to damage of the medium, as far as can be told
}

type cursor struct {
	Next uint64 `json:"next"`
}

// OpenOutbox opens the outbox called name in s, a Store that keeps logs. The log
// lies under name, the cursor, with a reserve, under name + "-cursor". Damage is no
// reason not to open: what it made unreadable is lost and counted, and no id comes
// again.
func OpenOutbox(ctx context.Context, s Store, name string, opts *OutboxOptions) (*Outbox, error) {
	o := &Outbox{cursor: NewValue[cursor](s, name+cursorSuffix, nil), added: make(chan struct{}, 1)}
	if opts != nil {
		o.opts = *opts
	}
	o.opts.setDefaults()
	var err error
	o.opts.Log.salvage = true
	if o.log, err = OpenLog(ctx, s, name, &o.opts.Log); err != nil {
		return nil, err
	}
	if err = o.recover(ctx, s, name+cursorSuffix); err != nil {
		return nil, errors.Join(fmt.Errorf("durable: open outbox %s: %w", name, err), o.log.Close())
	}
	return o, nil
}

const (
	cursorSuffix = "-cursor"
	maxCursor    = 64 // bytes
)

func (o *OutboxOptions) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.MinDelay, time.Second)
	set(&o.MaxDelay, time.Hour)
	if o.Limit <= 0 {
		o.Limit = 1000
	}
	if o.Batch <= 0 {
		o.Batch = 16
	}
	if o.Log.SegmentSize == 0 {
		o.Log.SegmentSize = 64 << 10
	}
}

// Add keeps msg (1 byte to 32 KiB, less with smaller segments) for delivery. A
// message whose Add failed may be delivered all the same.
func (o *Outbox) Add(ctx context.Context, msg []byte) (id uint64, err error) {
	if id, err = o.log.Append(ctx, msg); err != nil {
		return 0, err
	}
	if err := o.log.Sync(ctx); err != nil {
		return 0, err
	}
	o.mu.Lock()
	o.stats.Added++
	o.overflow()
	full := o.next >= o.saved+uint64(o.opts.Batch) && o.stats.Overflowed > 0
	o.mu.Unlock()
	if full { // else the medium would keep what is dropped
		if err := o.save(ctx); err != nil {
			return 0, err
		}
	}
	select {
	case o.added <- struct{}{}:
	default:
	}
	return id, nil
}

// Run delivers messages, one after the other, until ctx ends; it then returns the
// cause. A medium that cannot be written ends it as well; damaged messages do not.
func (o *Outbox) Run(ctx context.Context, deliver func(ctx context.Context, id uint64, msg []byte) error) error {
	for {
		if err := o.drain(ctx, deliver); err != nil {
			return errors.Join(err, o.save(ctx))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-o.added:
		}
	}
}

func (o *Outbox) drain(ctx context.Context, deliver func(context.Context, uint64, []byte) error) error {
	for {
		from := o.position()
		sent, at := 0, max(from, o.log.First())
		for rec, err := range o.log.Records(ctx, from) {
			if errors.Is(err, ErrCorrupt) {
				o.skipDamage(at)
				break
			}
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			at = rec.Seq + 1
			if rec.Seq < o.position() {
				continue // overflowed meanwhile
			}
			if err := o.deliver(ctx, rec, deliver); err != nil {
				return err
			}
			if sent++; sent == o.opts.Batch {
				break
			}
		}
		if err := o.save(ctx); err != nil {
			return err
		}
		if sent == 0 && o.position() == from {
			return nil
		}
	}
}

// deliver tries one message until it is delivered or dropped.
func (o *Outbox) deliver(ctx context.Context, rec Record, deliver func(context.Context, uint64, []byte) error) error {
	for try := 0; ; try++ {
		err := deliver(ctx, rec.Seq, rec.Data)
		var permanent *PermanentError
		switch {
		case err == nil:
			o.advance(rec.Seq, func(s *OutboxStats) { s.Delivered++ })
			return nil
		case errors.As(err, &permanent):
			o.advance(rec.Seq, func(s *OutboxStats) { s.Dropped++ })
			return nil
		}
		if err := wait(ctx, o.delay(try, err)); err != nil {
			return err
		}
		if rec.Seq < o.position() {
			return nil // overflowed while waiting
		}
		o.advance(rec.Seq-1, func(s *OutboxStats) { s.Retried++ })
	}
}

// delay is exponential with jitter, so that a fleet does not retry in step.
func (o *Outbox) delay(try int, err error) time.Duration {
	d := min(o.opts.MinDelay<<min(try, 20), o.opts.MaxDelay)
	if d <= 0 {
		d = o.opts.MaxDelay
	}
	d = d/2 + rand.N(d/2+1)
	if retry, ok := errors.AsType[*RetryError](err); ok {
		d = max(d, min(retry.After, o.opts.MaxDelay))
	}
	return d
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (o *Outbox) position() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next
}

func (o *Outbox) advance(done uint64, count func(*OutboxStats)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = max(o.next, done+1)
	count(&o.stats)
}

// save keeps the cursor, also when ctx has ended, and trims what nobody needs any
// more.
func (o *Outbox) save(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	o.saving.Lock()
	defer o.saving.Unlock()
	o.mu.Lock()
	next, saved := o.next, o.saved
	o.mu.Unlock()
	if next == saved {
		return nil
	}
	if err := o.cursor.Store(ctx, cursor{next}); err != nil {
		return err
	}
	o.mu.Lock()
	o.saved = next
	o.mu.Unlock()
	return o.log.Trim(ctx, next)
}

// Pending returns how many messages wait.
func (o *Outbox) Pending() int { return int(o.log.count(o.position(), o.log.Next())) }

// Last returns the id of the newest message ever added; 0 when there is none.
func (o *Outbox) Last() uint64 { return o.log.Next() - 1 }

// Stats returns the counters.
func (o *Outbox) Stats() OutboxStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stats
}

// Close closes the outbox, once Run has returned.
func (o *Outbox) Close() error {
	err := o.save(context.Background())
	if errors.Is(err, fs.ErrClosed) {
		err = nil
	}
	return errors.Join(err, o.log.Close())
}
