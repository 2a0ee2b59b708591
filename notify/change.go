package notify

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/access"
)

// Resolve says that what the notice of a type and key tells is over. Channels
// that were told of it hear that too, with Resolved set; what depended on it is
// sent now if it still holds. A notice that is not kept, or resolved already,
// changes nothing. It needs [access.NotifyRaise] on the type, as [Center.Raise] does.
func (c *Center) Resolve(ctx context.Context, typ, key string) error {
	if !validType(typ) {
		return fmt.Errorf("notify: resolve: %w", &InputError{"/type", ruleType})
	}
	if _, err := access.Check(ctx, c.auth, access.NotifyRaise, resource(typ)); err != nil {
		return fmt.Errorf("notify: resolve: %w", err)
	}
	end, err := c.begin(ctx)
	if err != nil {
		return fmt.Errorf("notify: resolve: %w", err)
	}
	defer end()
	old := c.find(typ, key)
	if old == nil {
		return nil
	}
	if err := c.resolve(ctx, old); err != nil {
		return fmt.Errorf("notify: resolve: %w", err)
	}
	return nil
}

func (c *Center) resolve(ctx context.Context, old *entry) error {
	e := *old
	var err error
	switch {
	case old.Active():
		e.Resolved = c.time()
		e.held = e.sent == 0 // who was not told of the beginning hears no end
		err = c.tell(ctx, &e)
	case old.failed:
		err = c.put(ctx, &e)
		c.set(&e)
	}
	if err != nil {
		return c.failed(err)
	}
	return c.release(ctx)
}

// Acknowledge says that the asking entity has seen the notice called id: it is
// not repeated unless it becomes more severe or is raised anew. The first
// acknowledgement counts. It needs [access.NotifyAck] on the notice's audience.
//
// A notice that is not kept is [ErrUnknown] for who may acknowledge for every
// audience, and denied for others. A notice of an audience for which the asking
// entity may not acknowledge gives the very same error as one that is not kept, a
// denial on the resource "", so that nobody finds out which ids there are. One that
// goes while he who may is waiting is [ErrUnknown].
func (c *Center) Acknowledge(ctx context.Context, id string) error {
	if err := c.acknowledge(ctx, id); err != nil {
		return fmt.Errorf("notify: acknowledge: %w", err)
	}
	return nil
}

func (c *Center) acknowledge(ctx context.Context, id string) error {
	if c.isClosed() {
		return fs.ErrClosed
	}
	seen, who, err := c.acknowledgeable(ctx, id) // without the lock: a log handler may raise a notice
	if err != nil {
		return err
	}
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	old := c.entry(id)
	switch {
	case old == nil || old.Audience != seen.Audience: // it went meanwhile, or came back for others
		return ErrUnknown
	case !old.Acknowledged.At.IsZero() && !old.failed:
		return nil
	}
	e := *old
	if e.Acknowledged.At.IsZero() {
		e.Acknowledged = Acknowledgement{By: who.ID(), At: c.time()}
		e.Sequence = c.nextSequence()
	}
	err = c.put(ctx, &e)
	c.set(&e)
	return c.failed(err)
}

// acknowledgeable returns the notice called id and who asks, if it is kept and he
// may acknowledge it. Otherwise the answer is that to a question about no notice.
func (c *Center) acknowledgeable(ctx context.Context, id string) (*entry, *access.Entity, error) {
	if e := c.entry(id); e != nil {
		if who, err := access.Check(ctx, c.auth, access.NotifyAck, string(e.Audience)); err == nil {
			return e, who, nil
		}
	}
	if _, err := access.Check(ctx, c.auth, access.NotifyAck, ""); err != nil {
		return nil, nil, err
	}
	return nil, nil, ErrUnknown
}

func (c *Center) entry(id string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[id]
}
