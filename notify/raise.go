package notify

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/bits"
	"sort"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Raise keeps n and queues it for the channels that it is for. The returned id is
// that of the notice that tells it. It needs [access.NotifyRaise] on the type, its
// dots as slashes: a grant on "update/*" or "device/**" covers an area of types. A
// part raises as its own service ([access.AsService]), not with the entity of the
// request that it is serving.
//
//   - A notice of the same Type and Key that is active is not raised again: its
//     Count grows, Title, Text, Data and durations become those of n, Severity the
//     greater of both. Channels hear of it only when it became more severe, or when
//     RepeatAfter has passed and nobody acknowledged it. Another Audience or
//     Subject is an [*InputError]: use another Key.
//   - One that was resolved becomes active again, under its ID.
//   - Counts and texts of repeats are written when the count doubles and otherwise
//     within 20 s, one notice at a time: a power cut may take off the last ones.
//   - A type gets at most 32 new or reactivated notices at once and one every 5
//     minutes in the long run: what a stranger can trigger must not wear out the
//     medium. Those above are counted in one notice of that type, whose id is returned.
//   - When Max notices are kept, the resolved, then the acknowledged, then the
//     least severe, then the oldest makes room; losing an active one is counted and
//     logged. A notice less severe than all others is [ErrFull].
//
// A notice that does not pass [Notice.Check] is an [*InputError] and nothing is kept.
func (c *Center) Raise(ctx context.Context, n Notice) (id string, err error) {
	n = n.raised()
	if err := n.Check(); err != nil {
		return "", fmt.Errorf("notify: raise: %w", err)
	}
	if _, err := access.Check(ctx, c.auth, access.NotifyRaise, resource(n.Type)); err != nil {
		return "", fmt.Errorf("notify: raise: %w", err)
	}
	end, err := c.begin(ctx)
	if err != nil {
		return "", fmt.Errorf("notify: raise: %w", err)
	}
	defer end()
	c.count(func(s *Stats) { s.Raised++ })
	if id, err = c.raise(ctx, n); err != nil {
		return id, fmt.Errorf("notify: raise: %w", err)
	}
	return id, nil
}

// raised is n without what only the Center sets.
func (n *Notice) raised() Notice {
	r := n.clone()
	r.ID, r.Sequence, r.Count = "", 0, 0
	r.First, r.Last, r.Resolved = time.Time{}, time.Time{}, time.Time{}
	r.Acknowledged = Acknowledgement{}
	return r
}

func (c *Center) raise(ctx context.Context, n Notice) (string, error) {
	e := c.find(n.Type, n.Key)
	if e != nil && e.expired(time.Now()) {
		if err := c.remove(ctx, e.ID); err != nil {
			return "", err
		}
		e = nil
	}
	switch own := strings.HasPrefix(n.Key, overflowPrefix); {
	case e != nil && e.Active():
		return c.repeat(ctx, e, n)
	case !own && !c.afford(n.Type):
		return c.raise(ctx, n.overflow())
	}
	return c.first(ctx, e, n)
}

// first keeps a notice that is new, or, when before is not nil, active again.
func (c *Center) first(ctx context.Context, before *entry, n Notice) (string, error) {
	if before == nil {
		before = &entry{Notice: Notice{ID: strings.ToLower(rand.Text())}}
		if v := c.victim(); v != nil && c.size() >= c.max && v.worth() > worthOf(&n) {
			c.count(func(s *Stats) { s.Refused++ })
			return "", ErrFull
		}
	}
	e := &entry{Notice: n}
	e.ID, e.Count = before.ID, before.Count
	e.Last = c.time()
	e.First = before.First
	if e.First.IsZero() {
		e.First = e.Last
	}
	e.Count = min(e.Count+1, maxCount)
	e.held = c.blocked(n.DependsOn)
	if err := c.tell(ctx, e); err != nil {
		return e.ID, err
	}
	_ = c.makeRoom(ctx) // n is kept; the next change and Run try again
	return e.ID, nil
}

// repeat folds n into the active notice old.
func (c *Center) repeat(ctx context.Context, old *entry, n Notice) (string, error) {
	if n.Audience != old.Audience {
		return "", &InputError{"/audience", ruleSame}
	}
	if n.Subject != old.Subject {
		return "", &InputError{"/subject", ruleSame}
	}
	now := time.Now()
	e := *old
	worse := n.Severity > old.Severity
	e.Severity = max(n.Severity, old.Severity)
	e.Title, e.Text, e.Data = n.Title, n.Text, n.Data
	e.RepeatAfter, e.Expires, e.DependsOn = n.RepeatAfter, n.Expires, n.DependsOn
	e.Count = min(e.Count+1, maxCount)
	e.Last = c.time()
	e.expires = deadline(now, e.Expires)
	if worse {
		e.Acknowledged = Acknowledgement{}
	}
	due := e.RepeatAfter > 0 && !now.Before(e.again) && e.Acknowledged.At.IsZero()
	if (worse || due) && !e.held {
		return e.ID, c.tell(ctx, &e)
	}
	return e.ID, c.fold(ctx, &e, worse)
}

const ruleSame = "is that of the active notice of this type and key; use another key"

// fold keeps a repeat that nobody is told of. Unless it must, it is not written
// at once.
func (c *Center) fold(ctx context.Context, e *entry, must bool) error {
	c.count(func(s *Stats) { s.Folded++ })
	if must || e.failed || bits.OnesCount(uint(e.Count)) == 1 {
		err := c.put(ctx, e)
		c.set(e)
		return c.failed(err)
	}
	if e.dirty.IsZero() {
		e.dirty = time.Now()
	}
	c.set(e)
	c.flushOne(ctx)
	return nil
}

// tell gives e a new Sequence and, unless it is held, queues it for the channels:
// the queues first, then the notice, which is what makes it happen. A queue entry
// whose notice does not have its Sequence is passed over, so a power cut between
// the two leaves the old state.
func (c *Center) tell(ctx context.Context, e *entry) error {
	now := time.Now()
	e.Sequence = c.nextSequence()
	e.expires = deadline(now, e.Expires)
	if !e.held {
		e.sent = e.Sequence
		e.again = deadline(now, e.RepeatAfter)
		e.missing = c.enqueue(ctx, e, c.wanted(e))
	}
	err := c.put(ctx, e)
	c.set(e)
	if !e.held {
		c.fan.offer(e, *c.routing.Load())
	}
	return c.failed(err)
}

// failed keeps an error of the medium for Health.
func (c *Center) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failing = err
	}
	return err
}

func (c *Center) nextSequence() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	return c.seq
}

// time is now, as notices tell it.
func (c *Center) time() time.Time { return c.now().UTC().Truncate(time.Second) }

func deadline(now time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// blocked reports whether an active notice of type typ explains others.
func (c *Center) blocked(typ string) bool {
	if typ == "" {
		return false
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.Type == typ && e.Active() && !e.expired(now) {
			return true
		}
	}
	return false
}

// release sends what waited for a notice that is no longer active.
func (c *Center) release(ctx context.Context) error {
	for _, old := range c.snapshot() {
		if !old.held || !old.Active() || old.expired(time.Now()) || c.blocked(old.DependsOn) {
			continue
		}
		e := *old
		e.held = false
		if err := c.tell(ctx, &e); err != nil {
			return err
		}
	}
	return nil
}

// snapshot returns the entries by Sequence.
func (c *Center) snapshot() []*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*entry, 0, len(c.entries))
	for _, e := range c.entries {
		all = append(all, e)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Sequence < all[j].Sequence })
	return all
}

func (c *Center) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
