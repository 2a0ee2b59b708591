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
	o.stats.Damaged += o.log.Stats().Damaged
	o.next = max(c.Next, o.log.First())
	o.saved = o.next
	o.overflow()
	return nil
}

// overflow drops the oldest messages that are too many.
func (o *Outbox) overflow() {
	if over := int(o.log.Next()-o.next) - o.opts.Limit; over > 0 {
		o.next += uint64(over)
		o.stats.Overflowed += over
	}
}

// skipDamage goes on behind a segment that cannot be read.
func (o *Outbox) skipDamage() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = max(o.next+1, o.log.after(o.next))
	o.stats.Damaged++
}
