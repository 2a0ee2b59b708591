package notify

import (
	"context"
	"errors"
)

// Drain delivers what is queued now, and then returns; it does not retry.
func (c *Center) Drain(ctx context.Context) error {
	for _, ch := range c.channels {
		if err := c.drainOne(ctx, ch); err != nil {
			return err
		}
	}
	return nil
}

func (c *Center) drainOne(ctx context.Context, ch *channel) error {
	if ch.box == nil || ch.box.Pending() == 0 {
		return nil
	}
	drained := errors.New("drained")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := ch.box.Run(ctx, func(ctx context.Context, _ uint64, msg []byte) error {
		err := c.deliver(ctx, ch, msg)
		if err != nil || ch.box.Pending() == 1 {
			cancel(errors.Join(err, drained))
		}
		return err
	})
	if err == context.Cause(ctx) || isOnly(err, context.Cause(ctx)) { // nothing else went wrong
		return without(context.Cause(ctx), drained)
	}
	return err
}

// isOnly reports whether err joins nothing but cause.
func isOnly(err, cause error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	return ok && len(joined.Unwrap()) == 1 && joined.Unwrap()[0] == cause
}

func without(err, drop error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		if e != drop {
			rest = append(rest, e)
		}
	}
	return errors.Join(rest...)
}

// FanOut hands n to the direct channels and waits for them.
func (c *Center) FanOut(ctx context.Context, n Notice) {
	c.fan.out(ctx, &message{n, *c.routing.Load()})
	c.fan.active.Wait()
}

// CheckRecord decodes what lies on the medium under a notice's name.
func CheckRecord(c *Center, id string) (Notice, error) {
	e, err := c.loadEntry(context.Background(), id)
	if err != nil {
		return Notice{}, err
	}
	return e.Notice, nil
}
