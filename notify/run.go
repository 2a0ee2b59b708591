package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// queueRetry is how long a queue rests whose medium failed.
const queueRetry = time.Minute

// Run delivers notices and keeps the store tidy until ctx ends; it then returns
// the cause. Each channel runs by itself: one that is slow, dead or broken delays
// no other. A Notifier that panics takes the process down, as it should.
//
// Run is called once at a time.
func (c *Center) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return fmt.Errorf("notify: run: runs already: %w", fs.ErrInvalid)
	}
	defer c.running.Store(false)
	work := access.Detach(ctx) // nobody's request
	var wg sync.WaitGroup
	for _, ch := range c.channels {
		if ch.box != nil {
			wg.Go(func() { c.runQueue(work, ch) })
		}
	}
	wg.Go(func() { c.fan.run(work) })
	for wait(work, foldEvery) {
		c.tend(work)
	}
	wg.Wait()
	return errors.Join(context.Cause(ctx), c.rest(context.WithoutCancel(work)))
}

// wait reports whether d has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// runQueue delivers what is queued for ch, and starts again when the medium fails.
func (c *Center) runQueue(ctx context.Context, ch *channel) {
	for {
		err := ch.box.Run(ctx, func(ctx context.Context, _ uint64, msg []byte) error { return c.deliver(ctx, ch, msg) })
		if ctx.Err() != nil {
			return
		}
		c.stop(ch, err)
		c.log.ErrorContext(ctx, access.EventDegraded, access.KeyPart, "notify", access.KeyChannel, ch.Name, access.KeyError, err.Error())
		if !wait(ctx, queueRetry) {
			return
		}
		c.stop(ch, nil)
	}
}

func (c *Center) stop(ch *channel, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch.stopped = err
}

// tend is what a Center does now and then.
func (c *Center) tend(ctx context.Context) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.isClosed() {
		return
	}
	c.settle(ctx)
	c.age()
	c.flushOne(ctx)
}

// settle finishes what was interrupted and what has become due. What fails is
// tried again the next time, and told by Health.
func (c *Center) settle(ctx context.Context) {
	err := c.finishDrop(ctx)
	if err == nil {
		err = c.expire(ctx)
	}
	if err == nil {
		err = errors.Join(c.release(ctx), c.requeue(ctx), c.makeRoom(ctx))
	}
	if c.failed(err) == nil && !slices.ContainsFunc(c.snapshot(), func(e *entry) bool { return e.failed || len(e.missing) > 0 }) {
		c.mu.Lock()
		c.failing = nil
		c.mu.Unlock()
	}
}

// finishDrop removes the notice whose loss was counted.
func (c *Center) finishDrop(ctx context.Context) error {
	if id := c.lost.Dropping; id != "" && c.entry(id) != nil {
		return c.remove(ctx, id)
	}
	return nil
}

func (c *Center) expire(ctx context.Context) error {
	now := time.Now()
	var ids []string
	for _, e := range c.snapshot() {
		if e.expired(now) {
			ids = append(ids, e.ID)
		}
	}
	return c.remove(ctx, ids...)
}

// age marks notices of which the medium says that a quarter more is left than
// there is, so that a device that is often restarted forgets them too.
func (c *Center) age() {
	now := time.Now()
	for _, old := range c.snapshot() {
		if old.expires.IsZero() || !old.dirty.IsZero() {
			continue
		}
		if old.left-old.expires.Sub(now) >= max(old.Expires/4, time.Hour) {
			e := *old
			e.dirty = now
			c.set(&e)
		}
	}
}

// flushOne writes the notice that waits longest, if it is time.
func (c *Center) flushOne(ctx context.Context) {
	now := time.Now()
	if now.Sub(c.flushed) < foldEvery {
		return
	}
	waiting := c.waiting()
	if len(waiting) == 0 || now.Sub(waiting[0].dirty) < foldEvery {
		return
	}
	c.flushed = now
	_ = c.flush(ctx, waiting[0]) // told by Health, tried again
}

// waiting returns the notices that the medium has not, or not so.
func (c *Center) waiting() []*entry {
	all := slices.DeleteFunc(c.snapshot(), func(e *entry) bool { return e.dirty.IsZero() })
	sort.SliceStable(all, func(i, j int) bool { return all[i].dirty.Before(all[j].dirty) })
	return all
}

func (c *Center) flush(ctx context.Context, old *entry) error {
	e := *old
	err := c.put(ctx, &e)
	c.set(&e)
	return c.failed(err)
}

// rest writes what waits when Run ends.
func (c *Center) rest(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.isClosed() {
		return nil
	}
	return c.flushAll(ctx)
}

func (c *Center) flushAll(ctx context.Context) error {
	for _, e := range c.waiting() {
		if err := c.flush(ctx, e); err != nil {
			return fmt.Errorf("notify: write counts: %w", err)
		}
	}
	return nil
}
