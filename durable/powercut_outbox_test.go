package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func withOutbox(ctx context.Context, m *powercut.Machine, f func(*durable.Outbox) error) error {
	return with(m, func(d *durable.Dir) error {
		opts := &durable.OutboxOptions{Batch: 2, Log: durable.LogOptions{SegmentSize: 4096}}
		o, err := durable.OpenOutbox(ctx, d, "box", opts)
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return f(o) })
	})
}

// addMessages adds the next n numbered messages.
func addMessages(n int) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return withOutbox(ctx, m, func(o *durable.Outbox) error {
			for range n {
				if _, err := o.Add(ctx, []byte(numbered(o.Last()+1))); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// runOutbox delivers what is pending to the medium "receiver", which knows what it
// got whatever becomes of the files.
func runOutbox(ctx context.Context, m *powercut.Machine) error {
	return withOutbox(ctx, m, func(o *durable.Outbox) error {
		if o.Pending() == 0 {
			return o.Close()
		}
		ctx, cancel := context.WithCancelCause(ctx)
		done := errors.New("delivered")
		defer cancel(nil)
		err := o.Run(ctx, func(_ context.Context, id uint64, msg []byte) error {
			last := o.Pending() <= 1
			err := m.Store("receiver", fmt.Sprint(id), msg)
			switch {
			case err != nil:
				cancel(err)
			case last:
				cancel(done)
			}
			return err
		})
		if err := ignore(err, done); err != nil {
			return err
		}
		return o.Close()
	})
}

// outboxState tells which messages are delivered and which are pending. It gives an
// error for one that is neither, and for one that is not what was added.
func outboxState(ctx context.Context, m *powercut.Machine) (string, error) {
	var last, next uint64
	if err := withOutbox(ctx, m, func(o *durable.Outbox) error {
		last, next = o.Last(), o.Last()+1-uint64(o.Pending())
		return nil
	}); err != nil {
		return "", err
	}
	pending, err := messages(ctx, m)
	if err != nil {
		return "", err
	}
	state := fmt.Sprintf("last=%d", last)
	for id := uint64(1); id <= last; id++ {
		delivered := string(m.Load("receiver", fmt.Sprint(id))) == numbered(id)
		waits := id >= next
		switch {
		case waits && pending[id] != numbered(id):
			return "", fmt.Errorf("message %d of %d is pending, but not there", id, last)
		case !waits && !delivered:
			return "", fmt.Errorf("message %d of %d is neither delivered nor pending", id, last)
		case waits && delivered:
			state += fmt.Sprintf(" %d:again", id)
		case waits:
			state += fmt.Sprintf(" %d:pending", id)
		default:
			state += fmt.Sprintf(" %d:delivered", id)
		}
	}
	return state, nil
}

// messages returns what lies in the log of the outbox.
func messages(ctx context.Context, m *powercut.Machine) (map[uint64]string, error) {
	all := map[uint64]string{}
	err := with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "box", &durable.LogOptions{SegmentSize: 4096})
		if err != nil {
			return err
		}
		return readAll(ctx, l, func(r durable.Record) { all[r.Seq] = string(r.Data) })
	})
	return all, err
}

// sameMessages allows that only some of the messages were delivered, and that a
// delivery was forgotten: outboxState sees to the rest.
func sameMessages(old, _, got string) error {
	last, _, _ := strings.Cut(old, " ")
	if !strings.HasPrefix(got+" ", last+" ") {
		return fmt.Errorf("want %s", last)
	}
	return nil
}

func outboxOps() []powercut.Op {
	return []powercut.Op{{
		Name: "durable.outbox", Methods: []string{"OpenOutbox", "Outbox.Add"},
		Do: addMessages(1), State: outboxState,
	}, {
		Name: "durable.outbox-run", Methods: []string{"Outbox.Run", "Outbox.Close"},
		Before: addMessages(3), Do: runOutbox, State: outboxState, Legal: sameMessages,
	}}
}

// ignore takes one expected cause out of a joined error.
func ignore(err, expected error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			if !errors.Is(e, expected) {
				rest = append(rest, e)
			}
		}
		return errors.Join(rest...)
	}
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
