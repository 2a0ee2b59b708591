package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// The failures that a caller can act on. A denial is [access.ErrDenied].
var (
	// ErrUnknown: no such notice is kept. It was erased, expired, or made room.
	ErrUnknown = errors.New("no such notice")
	// ErrFull: only notices that matter more are kept, and there is no room for
	// another. Acknowledge or resolve some.
	ErrFull = errors.New("no room among more severe notices")
	// ErrDamaged: some notices on the medium, or messages of a queue, cannot be read.
	ErrDamaged = errors.New("damaged notices")
)

// Options are the options of [Open]. Zero means the default.
type Options struct {
	Channels []Channel // at most 32; their names differ
	Routing  Routing   // until Configure
	// Queues keeps the queues of the channels; default: the Center's own store. It
	// must keep logs ([durable.Logs]). A queue holds ids and numbers, no content.
	Queues durable.Store
	// Outbox are the options of the queues.
	Outbox durable.OutboxOptions
	// Max is how many notices are kept: 1 to 4096, default 256. A notice takes at
	// most 40 KiB on the medium, typically 500 B.
	Max int
	// Timeout of one delivery from a queue; default 1 minute.
	Timeout time.Duration
	// Log takes the events of this package; nil discards them.
	Log *slog.Logger
	// Now tells the time for First, Last, Resolved and Acknowledged.At; nil is
	// time.Now. Durations are measured on the monotonic clock whatever it says.
	Now func() time.Time
}

// Center keeps the notices of a device, hands them to channels, and answers who
// asks for them (27402 5.2.8).
//
// Each notice is a record of its own in the Store. A notice is kept, and queued
// for every channel that it is for, once Raise returned nil. After an error of
// Raise, Resolve or Acknowledge the medium holds the old notice or the new one;
// the Center itself goes on with the new one and, while Run is running, tries
// again to write it.
//
// A Center may be used concurrently. Nothing is delivered unless Run runs.
type Center struct {
	store    durable.Store
	auth     access.Authorizer
	log      *slog.Logger
	now      func() time.Time
	max      int
	timeout  time.Duration
	channels []*channel
	fan      *fan
	routing  atomic.Pointer[routes]
	tally    *durable.Value[tally]
	running  atomic.Bool

	writing sync.Mutex // held through every change; before mu
	lost    tally
	budgets map[string]*budget
	flushed time.Time // last folded count written

	mu      sync.Mutex // guards what follows; never held during I/O
	entries map[string]*entry
	seq     uint64        // the greatest Sequence given
	changed chan struct{} // closed at the next change
	damaged []string      // ids of records that cannot be read
	failing error         // the last change that could not be written, nil when all are
	closed  bool
	stats   Stats
}

// Open reads the notices in store, finishes what a power cut interrupted, and
// opens the queues of the channels. It does I/O. authorizer decides who may
// raise, read and acknowledge; with a nil one nobody may.
//
// Options that break a rule are an [*InputError]. A damaged notice is no error
// here: it is left where it is; nor is a damaged queue, which goes on with what can
// be read. [Center.Health] tells of both. A store on hold
// or of another format is ([durable.ErrHeld], [durable.ErrFormat]), and so is one
// that keeps no logs ([errors.ErrUnsupported]) when a channel needs a queue.
func Open(ctx context.Context, store durable.Store, authorizer access.Authorizer, opts *Options) (*Center, error) {
	if opts == nil {
		opts = &Options{}
	}
	c, err := newCenter(store, authorizer, opts)
	if err != nil {
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		return nil, fmt.Errorf("notify: open: %w", err)
	}
	if err := c.openQueues(ctx, opts); err != nil {
		return nil, fmt.Errorf("notify: open: %w", err)
	}
	c.settle(ctx)
	return c, nil
}

func newCenter(store durable.Store, authorizer access.Authorizer, opts *Options) (*Center, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	if store == nil {
		return nil, &InputError{"/store", "is not nil"}
	}
	c := &Center{
		store: store, auth: authorizer, log: opts.Log, now: opts.Now, max: opts.Max, timeout: opts.Timeout,
		tally:   durable.NewValue[tally](store, tallyName, &durable.ValueOptions[tally]{Check: tally.check}),
		budgets: map[string]*budget{}, entries: map[string]*entry{}, changed: make(chan struct{}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.max == 0 {
		c.max = 256
	}
	if c.timeout == 0 {
		c.timeout = time.Minute
	}
	for _, ch := range opts.Channels {
		c.channels = append(c.channels, &channel{Channel: ch})
	}
	c.fan = newFan(c.channels)
	return c, c.Configure(context.Background(), opts.Routing)
}

func (o *Options) check() error {
	if o.Max < 0 || o.Max > 4096 {
		return &InputError{"/max", "is 1 to 4096"}
	}
	if o.Timeout < 0 || o.Timeout > time.Hour {
		return &InputError{"/timeout", "is up to 1 hour"}
	}
	if len(o.Channels) > maxChannels {
		return &InputError{"/channels", "has at most 32 entries"}
	}
	seen := map[string]bool{}
	for i, ch := range o.Channels {
		if err := ch.check(fmt.Sprintf("/channels/%d", i), seen); err != nil {
			return err
		}
	}
	return nil
}

const maxChannels = 32

func (ch *Channel) check(at string, seen map[string]bool) error {
	switch {
	case !validShort(ch.Name, "-"):
		return &InputError{at + "/name", ruleAudience}
	case seen[ch.Name]:
		return &InputError{at + "/name", "is given twice"}
	case ch.To == nil:
		return &InputError{at + "/to", "is not nil"}
	}
	seen[ch.Name] = true
	for _, id := range ch.Serves {
		if id != clause.C5_2_8_1_C && id != clause.C5_2_8_1_E {
			return &InputError{at + "/serves", "is 5.2.8.1.C or 5.2.8.1.E"}
		}
	}
	return nil
}

// Close closes the queues, once Run has returned, and ends every Wait. Counts of
// repeats that were not written yet are written if they can be.
func (c *Center) Close() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.isClosed() {
		return nil
	}
	err := c.flushAll(context.Background())
	c.mu.Lock()
	c.closed = true
	c.wake()
	c.mu.Unlock()
	if err = errors.Join(err, c.closeQueues()); err != nil {
		return fmt.Errorf("notify: close: %w", err)
	}
	return nil
}

func (c *Center) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// begin takes the lock of changes; end gives it back.
func (c *Center) begin(ctx context.Context) (end func(), err error) {
	c.writing.Lock()
	if err = ctx.Err(); err == nil && c.isClosed() {
		err = fs.ErrClosed
	}
	if err != nil {
		c.writing.Unlock()
		return nil, err
	}
	return c.writing.Unlock, nil
}
