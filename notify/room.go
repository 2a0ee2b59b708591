package notify

import (
	"context"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// What a type may cost: so many new notices at once, then one in so much time.
const (
	burst    = 32
	newEvery = 5 * time.Minute
	maxTypes = 256 // budgets remembered

	foldEvery = 20 * time.Second // between two writes of folded counts
)

// overflowPrefix begins the keys of notices that count others. No key from outside
// begins so.
const overflowPrefix = "~more."

// budget is what a type has left.
type budget struct {
	left int
	full time.Time // when it was, or would have been, at left
}

// afford reports whether another notice of type typ may become active, and
// charges for it.
func (c *Center) afford(typ string) bool {
	now := time.Now()
	b := c.budgets[typ]
	if b == nil {
		if len(c.budgets) >= maxTypes {
			c.forgetBudgets(now)
		}
		if len(c.budgets) >= maxTypes {
			return false
		}
		b = &budget{left: burst, full: now}
		c.budgets[typ] = b
	}
	b.refill(now)
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}

func (b *budget) refill(now time.Time) {
	n := int(now.Sub(b.full) / newEvery)
	if b.left += n; b.left >= burst {
		b.left, b.full = burst, now
		return
	}
	b.full = b.full.Add(time.Duration(n) * newEvery)
}

// forgetBudgets drops those that are full again.
func (c *Center) forgetBudgets(now time.Time) {
	for typ, b := range c.budgets {
		if b.refill(now); b.left == burst {
			delete(c.budgets, typ)
		}
	}
}

// overflow is the notice that counts n and others like it.
func (n *Notice) overflow() Notice {
	return Notice{
		Type: n.Type, Key: overflowPrefix + string(n.Audience), Severity: n.Severity, Audience: n.Audience,
		Title:       "More notices of this type",
		Text:        "They came faster than they are kept one by one. They are only counted here.",
		RepeatAfter: 24 * time.Hour, Expires: 7 * 24 * time.Hour,
	}
}

// worthOf orders notices by how much is lost without them.
func worthOf(n *Notice) int {
	switch {
	case !n.Active():
		return 0
	case !n.Acknowledged.At.IsZero():
		return 1
	}
	return 1 + int(n.Severity)
}

func (e *entry) worth() int { return worthOf(&e.Notice) }

// victim is what makes room first: of those worth least the oldest.
func (c *Center) victim() *entry {
	var v *entry
	for _, e := range c.snapshot() {
		if v == nil || e.worth() < v.worth() {
			v = e
		}
	}
	return v
}

// makeRoom drops notices down to Max. What fails is tried again by the next one.
func (c *Center) makeRoom(ctx context.Context) error {
	for c.size() > c.max {
		if err := c.drop(ctx, c.victim()); err != nil {
			return c.failed(err)
		}
	}
	return nil
}

// drop removes e and counts the loss of an active notice, exactly once: the
// tally names what is being dropped.
func (c *Center) drop(ctx context.Context, e *entry) error {
	t := c.lost
	t.Sequence = c.seq
	if e.worth() > 1 && t.Dropping != e.ID {
		t.Lost++
		t.Dropping = e.ID
		if err := c.storeTally(ctx, t); err != nil {
			return err
		}
		c.log.WarnContext(ctx, access.EventNoticeLost, access.KeyNotice, e.Type, access.KeyCount, t.Lost)
	}
	return c.remove(ctx, e.ID)
}
