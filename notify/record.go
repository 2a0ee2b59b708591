package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// Names in the store.
const (
	noticePrefix = "notice/" // + id: one record each
	queuePrefix  = "queue/"  // + name of a channel
	tallyName    = "tally"
)

// maxStored is far more than a device lives to give; behind it lies room to go on.
const maxStored = maxSequence / 2

// entry is a notice in memory. It is replaced, never changed.
type entry struct {
	Notice
	sent    uint64    // Sequence of what the channels were told last; 0 = nothing yet
	held    bool      // waits for what it depends on
	missing []string  // channels whose queue did not take it
	expires time.Time // on the monotonic clock; zero = never
	again   time.Time // no repeat is sent before

	dirty  time.Time     // since when the medium has an older count or text; zero: it has not
	failed bool          // the medium may not have it at all
	left   time.Duration // what the medium says of expires
}

// record is a notice on the medium. Durations are what is left of them, in
// seconds of operation: no clock can end them early or late.
type record struct {
	Notice  wire     `json:"notice"`
	Sent    uint64   `json:"sent,omitempty"`
	Held    bool     `json:"held,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Left    int64    `json:"left,omitempty"`
	Again   int64    `json:"again,omitempty"`
}

func (r record) check() error {
	n := r.Notice.notice()
	if err := n.check(); err != nil {
		return err
	}
	switch most := int64(maxSpan / time.Second); {
	case n.ID == "" || n.Sequence == 0 || n.Sequence > maxStored || n.Count == 0:
		return &InputError{"/notice", "has an id, a sequence and a count"}
	case r.Sent > n.Sequence || len(r.Missing) > maxChannels:
		return &InputError{"/sent", "is at most the sequence"}
	case r.Left < 0 || r.Left > most || r.Again < 0 || r.Again > most:
		return &InputError{"/left", "is 0 to 10 years"}
	}
	return nil
}

// tally is what must survive the notices themselves.
type tally struct {
	Sequence uint64 `json:"sequence"`           // none was given above it, when the record was written
	Lost     uint64 `json:"lost"`               // active notices dropped to make room
	Dropping string `json:"dropping,omitempty"` // id of one that is being dropped, counted already
}

func (t tally) check() error {
	if t.Sequence > maxStored {
		return &InputError{"/sequence", ruleSequence}
	}
	if t.Dropping != "" && !validID(t.Dropping) {
		return &InputError{"/dropping", ruleID}
	}
	return nil
}

func (c *Center) value(id string) *durable.Value[record] {
	return durable.NewValue[record](c.store, noticePrefix+id, &durable.ValueOptions[record]{
		Check: record.check, MaxBytes: MaxNoticeBytes, MaxDepth: 4, MaxItems: 256,
	})
}

// put writes e with what is left of its durations.
func (c *Center) put(ctx context.Context, e *entry) error {
	now := time.Now()
	left := seconds(e.expires, now)
	err := c.value(e.ID).Store(ctx, record{
		Notice: e.wire(), Sent: e.sent, Held: e.held, Missing: e.missing, Left: left, Again: seconds(e.again, now),
	})
	c.count(func(s *Stats) { s.Writes++ })
	if e.dirty, e.failed = (time.Time{}), err != nil; e.failed {
		e.dirty = now
	}
	e.left = time.Duration(left) * time.Second
	return err
}

// seconds left until t, rounded up: 0 for a zero t, at least 1 for another.
func seconds(t, now time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64((t.Sub(now)+time.Second-1)/time.Second))
}

func after(now time.Time, left int64) time.Time {
	if left == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(left) * time.Second)
}

// load reads everything into memory.
func (c *Center) load(ctx context.Context) error {
	var err error
	if c.lost, err = c.tally.LoadOr(ctx, tally{}); err != nil && !errors.Is(err, durable.ErrCorrupt) {
		return err
	} else if err != nil {
		c.damaged = append(c.damaged, tallyName)
	}
	c.seq, c.stats.Lost = c.lost.Sequence, c.lost.Lost
	names, err := c.store.List(ctx, noticePrefix)
	if err != nil {
		return err
	}
	for _, name := range names {
		id := strings.TrimPrefix(name, noticePrefix)
		e, err := c.loadEntry(ctx, id)
		switch {
		case errors.Is(err, durable.ErrCorrupt):
			c.damaged = append(c.damaged, id)
		case err != nil:
			return err
		case c.find(e.Type, e.Key) != nil:
			c.damaged = append(c.damaged, id)
		default:
			c.entries[id] = e
			c.seq = max(c.seq, e.Sequence)
		}
	}
	return nil
}

func (c *Center) loadEntry(ctx context.Context, id string) (*entry, error) {
	r, err := c.value(id).Load(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	e := &entry{
		Notice: r.Notice.notice(), sent: r.Sent, held: r.Held, missing: r.Missing,
		expires: after(now, r.Left), again: after(now, r.Again), left: time.Duration(r.Left) * time.Second,
	}
	if e.ID != id {
		return nil, fmt.Errorf("notice under another name: %w", durable.ErrCorrupt)
	}
	return e, nil
}

// find returns the notice of a type and key, expired or not.
func (c *Center) find(typ, key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.Type == typ && e.Key == key {
			return e
		}
	}
	return nil
}

// set makes e what the Center knows.
func (c *Center) set(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.entries[e.ID]
	c.entries[e.ID] = e
	if old == nil || old.Sequence != e.Sequence {
		c.wake() // a repeat that is only counted wakes nobody
	}
}

// wake ends every Wait; c.mu is held.
func (c *Center) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// remove deletes notices for good. That of the greatest Sequence would take it
// along, so that is written first.
func (c *Center) remove(ctx context.Context, ids ...string) error {
	last := func(id string) bool { e := c.entry(id); return e == nil || e.Sequence == c.seq }
	if c.lost.Sequence < c.seq && slices.ContainsFunc(ids, last) {
		t := c.lost
		t.Sequence = c.seq
		if err := c.storeTally(ctx, t); err != nil {
			return err
		}
	}
	for _, id := range ids {
		err := c.store.Delete(ctx, noticePrefix+id)
		c.count(func(s *Stats) { s.Writes++ })
		if err != nil {
			return err
		}
		c.mu.Lock()
		delete(c.entries, id)
		c.damaged = slices.DeleteFunc(c.damaged, func(d string) bool { return d == id })
		c.mu.Unlock()
	}
	return nil
}

func (c *Center) storeTally(ctx context.Context, t tally) error {
	err := c.tally.Store(ctx, t)
	c.count(func(s *Stats) { s.Writes++ })
	if err == nil {
		c.lost = t
		c.count(func(s *Stats) { s.Lost = t.Lost })
	}
	return err
}

func (c *Center) count(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}

func (e *entry) expired(now time.Time) bool { return !e.expires.IsZero() && !now.Before(e.expires) }
