package durable

import (
	"context"
	"errors"
)

// recover finds where to go on: rather deliver again than not at all, and rather
// lose damaged messages, counted, than deliver nothing any more.
func (o *Outbox) recover(ctx context.Context, s Store, name string) error {
	// Without its reserve a full medium would have the same messages delivered for ever.
	if err := Reserve(ctx, s, name, maxCursor); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrFull) {
		return err
	}
	c, err := o.cursor.LoadOr(ctx, cursor{})
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	if c.Next > o.log.Next() { // the end of the log was lost; ids must not come again
		if err := o.log.change(ctx, "restart", func() error { return o.log.restart(c.Next) }); err != nil {
			return err
		}
		o.stats.Damaged++
	}
	o.next = max(c.Next, o.log.First())
	o.saved = o.next
	o.overflow()
	return nil
}

// overflow drops the oldest messages that are too many.
func (o *Outbox) overflow() {
	if over := int(o.log.count(o.next, o.log.Next())) - o.opts.Limit; over > 0 {
		o.next = o.log.behind(o.next, uint64(over))
		o.stats.Overflowed += over
	}
}

// skipDamage goes on behind the segment in which message at cannot be read. At least
// that one is lost.
func (o *Outbox) skipDamage(at uint64) {
	next := o.log.leave(at)
	o.mu.Lock()
	defer o.mu.Unlock()
	if next > o.next {
		o.stats.Damaged += max(1, int(o.log.count(max(o.next, at), next)))
		o.next = next
	}
}
