package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
)

// A receiver outlives the device: what it knows of each notice, which is what came
// under the greatest Sequence, stands in a medium of its own.
func receiver(m *powercut.Machine, name string) notify.Notifier {
	return notifierFunc(func(_ context.Context, n notify.Notice) error {
		what := fmt.Sprintf("%s/%s #%06d", n.Type, n.Key, n.Sequence)
		if !n.Active() {
			what += " over"
		}
		about, _, _ := strings.Cut(what, "#")
		known := strings.Split(string(m.Load("receiver", name)), "; ")
		for _, k := range known {
			if strings.HasPrefix(k, about) && k >= what {
				return nil
			}
		}
		known = slices.DeleteFunc(known, func(k string) bool { return k == "" || strings.HasPrefix(k, about) })
		known = append(known, what)
		slices.Sort(known)
		return m.Store("receiver", name, []byte(strings.Join(known, "; ")))
	})
}

// with starts a device and gives f its notices.
func with(ctx context.Context, m *powercut.Machine, f func(c *notify.Center) error) error {
	d, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	c, err := notify.Open(ctx, durable.Sub(d, "notify"), guard(), &notify.Options{
		Max: 3,
		Now: func() time.Time { return someTime },
		Channels: []notify.Channel{
			{Name: "hub", To: receiver(m, "hub")},
			{Name: "mail", To: receiver(m, "mail"), Match: func(n *notify.Notice) bool { return n.Key == "old" && n.Severity == notify.Critical }},
		},
		Outbox: durable.OutboxOptions{Log: durable.LogOptions{SegmentSize: 4096}},
	})
	if err != nil {
		return err
	}
	return m.Attempt(func() error { return f(c) })
}

// describe recovers, delivers what is queued, and tells what device and receivers
// then hold.
func describe(ctx context.Context, m *powercut.Machine) (string, error) {
	var b strings.Builder
	err := with(ctx, m, func(c *notify.Center) error {
		if err := c.Health(ctx); err != nil {
			return err
		}
		if err := c.Drain(ctx); err != nil {
			return err
		}
		all, err := c.List(as("admin"), notify.Filter{})
		for _, n := range all {
			fmt.Fprintf(&b, "%s/%s#%d %s x%d ack=%q over=%t; ", n.Type, n.Key, n.Sequence, n.Severity, n.Count, n.Acknowledged.By, !n.Active())
		}
		fmt.Fprintf(&b, "lost=%d", c.Stats().Lost)
		return err
	})
	for _, name := range []string{"hub", "mail"} {
		fmt.Fprintf(&b, " %s=[%s]", name, m.Load("receiver", name))
	}
	return b.String(), err
}

type step func(ctx context.Context, c *notify.Center) error

func draining(ctx context.Context, c *notify.Center) error { return c.Drain(ctx) }

// before is on, and then everything is delivered.
func before(steps ...step) func(context.Context, *powercut.Machine) error {
	return on(append(steps, draining)...)
}

// runningOut is a Run that ends at once: its order of steps is always the same.
func runningOut(ctx context.Context, c *notify.Center) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	err := c.Run(ctx)
	if !errors.Is(err, context.Canceled) {
		return errors.Join(err, errors.New("ended without its cause"))
	}
	return c.Health(context.Background())
}

// on runs steps one after the other in one run of the device.
func on(steps ...step) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return with(ctx, m, func(c *notify.Center) error {
			for _, s := range steps {
				if err := s(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func raising(n notify.Notice) step {
	return func(_ context.Context, c *notify.Center) error { _, err := c.Raise(as("part"), n); return err }
}

func resolving(n notify.Notice) step {
	return func(_ context.Context, c *notify.Center) error { return c.Resolve(as("part"), n.Type, n.Key) }
}

func acknowledging(key string) step {
	return func(_ context.Context, c *notify.Center) error {
		all, err := c.List(as("admin"), notify.Filter{})
		i := slices.IndexFunc(all, func(n notify.Notice) bool { return n.Key == key })
		if err != nil || i < 0 {
			return errors.Join(err, errors.New("no notice"))
		}
		return c.Acknowledge(as("admin"), all[i].ID)
	}
}

func erasing(subject string) step {
	return func(_ context.Context, c *notify.Center) error {
		if _, err := c.Erase(as("admin"), subject); err != nil {
			return err
		}
		return c.Verify(as("admin"), subject)
	}
}

func about(subject, key string) notify.Notice {
	n := notice(key)
	n.Subject = subject
	return n
}

func critical(key string) notify.Notice {
	n := notice(key)
	n.Severity = notify.Critical
	return n
}

func ops() []powercut.Op {
	cause := notice("cause")
	cause.Type = "test.cause"
	effect := notice("effect")
	effect.DependsOn = cause.Type
	raise := func(name string, prepare, do func(context.Context, *powercut.Machine) error) powercut.Op {
		return powercut.Op{Name: name, Methods: []string{"Open", "Center.Raise"}, Before: prepare, Do: do, State: describe}
	}
	return []powercut.Op{
		raise("notify.raise", before(raising(notice("old"))), on(raising(notice("new")))),
		counted(raise("notify.escalate", before(raising(notice("old"))), on(raising(critical("old"))))),
		counted(raise("notify.again", before(raising(notice("old")), resolving(notice("old"))), on(raising(notice("old"))))),
		raise("notify.full", before(raising(notice("a")), raising(critical("b")), raising(critical("c"))), on(raising(critical("d")))),
		{
			Name: "notify.resolve", Methods: []string{"Center.Resolve"}, State: describe,
			Before: before(raising(notice("old"))), Do: on(resolving(notice("old"))),
		},
		{
			Name: "notify.release", Methods: []string{"Center.Resolve"}, State: describe,
			Before: before(raising(cause), raising(effect)), Do: on(resolving(cause)),
		},
		{
			Name: "notify.acknowledge", Methods: []string{"Center.Acknowledge"}, State: describe,
			Before: before(raising(notice("old"))), Do: on(acknowledging("old")),
		},
	}
}

// counted allows that what was refused is counted all the same.
func counted(op powercut.Op) powercut.Op {
	op.Retried = func(_, now, got string) error {
		if got != strings.Replace(now, " x2 ", " x3 ", 1) {
			return errors.New("not the same, counted once more")
		}
		return nil
	}
	return op
}

func moreOps() []powercut.Op {
	return []powercut.Op{
		{
			Name: "notify.erase", Methods: []string{"Center.Erase"}, State: describe,
			Before: before(raising(about("alice", "a")), raising(about("bob", "b")), raising(about("alice", "c"))),
			Do:     on(erasing("alice")),
			Legal:  somethingGone,
		},
		{
			Name: "notify.run", Methods: []string{"Center.Run"}, State: describe,
			Before: before(raising(notice("old")), raising(notice("old"))),
			Do:     on(raising(notice("old")), runningOut), // the third is written when Run ends
		},
		{
			Name: "notify.close", Methods: []string{"Center.Close"}, State: describe,
			Before: before(raising(notice("old")), raising(notice("old"))),
			Do:     on(raising(notice("old")), func(_ context.Context, c *notify.Center) error { return c.Close() }),
		},
	}
}

// somethingGone allows an erasure that stopped between two notices: nothing that
// was not there before, and bob's notice untouched.
func somethingGone(old, _, got string) error {
	for part := range strings.SplitSeq(got, "; ") {
		if strings.HasPrefix(part, "test.event") && !strings.Contains(old, part) {
			return fmt.Errorf("%q was not there before", part)
		}
	}
	if !strings.Contains(got, "test.event/b#") {
		return errors.New("the notice about somebody else is gone")
	}
	return nil
}

func TestPowerCut(t *testing.T) {
	for _, op := range append(ops(), moreOps()...) {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, append(ops(), moreOps()...), []string{
		"Center.List", "Center.Since", "Center.Wait", "Center.Stats", "Center.Health", "Center.Features",
		"Center.Name", "Center.Verify", "Center.Configure", // Configure keeps nothing
		"Center.Drain", "Center.FanOut", // of these tests
	}, (*notify.Center)(nil))
}
