package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// channel is a Channel and its queue.
type channel struct {
	Channel
	box *durable.Outbox // nil: Direct

	// guarded by Center.mu
	skipped int       // gone or superseded when their turn came
	failing time.Time // since when every try failed; zero = the last one did not
	stopped error     // why the queue does not run
}

// openQueues opens the queue of each channel that has one.
func (c *Center) openQueues(ctx context.Context, opts *Options) error {
	store := opts.Queues
	if store == nil {
		store = c.store
	}
	for _, ch := range c.channels {
		if ch.Direct {
			continue
		}
		o := opts.Outbox
		box, err := durable.OpenOutbox(ctx, store, queuePrefix+ch.Name, &o)
		if err != nil {
			return errors.Join(fmt.Errorf("channel %s: %w", ch.Name, err), c.closeQueues())
		}
		ch.box = box
	}
	return nil
}

func (c *Center) closeQueues() error {
	var errs []error
	for _, ch := range c.channels {
		if ch.box != nil {
			errs = append(errs, ch.box.Close())
		}
	}
	return errors.Join(errs...)
}

// wanted returns the names of the queued channels that e is for.
func (c *Center) wanted(e *entry) []string {
	r := *c.routing.Load()
	var names []string
	for _, ch := range c.channels {
		if ch.box != nil && ch.takes(&e.Notice, r) {
			names = append(names, ch.Name)
		}
	}
	return names
}

func (ch *channel) takes(n *Notice, r routes) bool {
	return r.allows(ch.Name, n) && (ch.Match == nil || ch.Match(n))
}

// enqueue adds e to the queues called names and returns those that did not take
// it: one broken queue holds back no other.
func (c *Center) enqueue(ctx context.Context, e *entry, names []string) (missing []string) {
	msg := encodeMessage(e.ID, e.sent)
	for _, ch := range c.channels {
		if ch.box == nil || !slices.Contains(names, ch.Name) {
			continue
		}
		if _, err := ch.box.Add(ctx, msg); c.failed(err) != nil {
			missing = append(missing, ch.Name)
		}
	}
	return missing
}

// requeue tries the queues again that did not take a notice.
func (c *Center) requeue(ctx context.Context) error {
	for _, old := range c.snapshot() {
		if len(old.missing) == 0 {
			continue
		}
		e := *old
		e.missing = c.enqueue(ctx, &e, old.missing)
		if len(e.missing) == len(old.missing) {
			continue
		}
		err := c.put(ctx, &e)
		c.set(&e)
		if err != nil {
			return err
		}
	}
	return nil
}

// messageFormat begins each queued message.
const messageFormat = 1

// encodeMessage gives what a queue holds: which notice, and the Sequence with
// which it was to be sent.
func encodeMessage(id string, sent uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{messageFormat}, sent), id...)
}

func decodeMessage(msg []byte) (id string, sent uint64, err error) {
	if len(msg) < 10 || msg[0] != messageFormat || !validID(string(msg[9:])) {
		return "", 0, errors.New("queued message is not of this release")
	}
	return string(msg[9:]), binary.BigEndian.Uint64(msg[1:]), nil
}

// deliver sends the notice of a queued message as it is now, unless it is gone or
// a later message sends it.
func (c *Center) deliver(ctx context.Context, ch *channel, msg []byte) error {
	id, sent, err := decodeMessage(msg)
	if err != nil {
		return c.result(ctx, ch, "", Permanent(err))
	}
	n, ok := c.sendable(id, sent)
	if !ok {
		c.count(func(*Stats) { ch.skipped++ })
		return nil
	}
	sending, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err = ch.To.Notify(sending, n)
	if err != nil && ctx.Err() != nil {
		return err // the Center stops: this says nothing about the channel
	}
	return c.result(ctx, ch, n.Type, err)
}

// sendable waits for a change under way: a message is queued before its notice is
// written.
func (c *Center) sendable(id string, sent uint64) (Notice, bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	e := c.entry(id)
	if e == nil || e.sent != sent || e.expired(time.Now()) {
		return Notice{}, false
	}
	return e.message(), true
}

// message is e as channels get it. An acknowledgement changes Sequence, but not
// that of a message.
func (e *entry) message() Notice {
	n := e.outgoing()
	n.Sequence = e.sent
	return n.clone()
}

// result keeps how a delivery went.
func (c *Center) result(ctx context.Context, ch *channel, typ string, err error) error {
	gone := err == nil || IsPermanent(err)
	c.mu.Lock()
	if gone {
		ch.failing = time.Time{}
	} else if ch.failing.IsZero() {
		ch.failing = time.Now()
	}
	c.mu.Unlock()
	if gone && err != nil {
		c.log.WarnContext(ctx, access.EventNoticeLost,
			access.KeyChannel, ch.Name, access.KeyNotice, typ, access.KeyError, err.Error())
	}
	return err
}
