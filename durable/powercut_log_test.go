package durable_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// logState tells the records of the log called "log".
func logState(ctx context.Context, m *powercut.Machine) (string, error) {
	var b strings.Builder
	err := withLog(ctx, m, func(l *durable.Log) error {
		fmt.Fprintf(&b, "first=%d next=%d", l.First(), l.Next())
		return readAll(ctx, l, func(r durable.Record) { fmt.Fprintf(&b, " %d:%.8s/%d", r.Seq, r.Data, len(r.Data)) })
	})
	return b.String(), err
}

func readAll(ctx context.Context, l *durable.Log, f func(durable.Record)) error {
	for r, err := range l.Records(ctx, 0) {
		if err != nil {
			return err
		}
		f(r)
	}
	return nil
}

// withLog does not close the log: a power cut does not either.
func withLog(ctx context.Context, m *powercut.Machine, f func(l *durable.Log) error) error {
	return with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "log", &durable.LogOptions{SegmentSize: 4096, Reserve: 5000})
		if err != nil {
			return err
		}
		return f(l)
	})
}

func appendAll(records ...string) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return withLog(ctx, m, func(l *durable.Log) error { return appendSync(ctx, l, records...) })
	}
}

func appendSync(ctx context.Context, l *durable.Log, records ...string) error {
	for _, r := range records {
		if _, err := l.Append(ctx, []byte(r)); err != nil {
			return err
		}
	}
	return l.Sync(ctx)
}

// runs allows what is left of several appends of the same records: after the old
// ones each begins with the first and may stop anywhere, but leaves nothing out.
func runs(old, now, got string) error {
	before, after, found := records(old), records(now), records(got)
	if len(found) < len(before) || !slices.Equal(found[:len(before)], before) {
		return fmt.Errorf("%q lost records of %q", got, old)
	}
	added := after[len(before):]
	for i, at := len(before), 0; i < len(found); i++ {
		switch {
		case at < len(added) && found[i] == added[at]:
			at++
		case found[i] == added[0]:
			at = 1
		default:
			return fmt.Errorf("%q in %q is out of order", found[i], got)
		}
	}
	return nil
}

// records returns the contents in a state told by logState.
func records(state string) []string {
	var all []string
	for _, f := range strings.Fields(state)[2:] {
		_, data, _ := strings.Cut(f, ":")
		all = append(all, data)
	}
	return all
}

func logOps() []powercut.Op {
	big := strings.Repeat("b", 2000)
	return []powercut.Op{{
		Name: "durable.log", Methods: []string{"Dir.OpenLog", "Log.Append", "Log.Sync"},
		Do: appendAll("one", "two"), State: logState, Legal: runs,
	}, {
		Name: "durable.log-roll", Methods: []string{"Log.Append", "Log.Sync"},
		Before: appendAll("one", big), Do: appendAll(big, "last"), State: logState, Legal: runs,
	}, {
		Name: "durable.log-trim", Methods: []string{"Log.Trim", "Log.Close"},
		Before: appendAll(big, big, big),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return withLog(ctx, m, func(l *durable.Log) error {
				return errors.Join(appendSync(ctx, l, big, big), l.Trim(ctx, l.Next()), l.Close())
			})
		},
		State: logState,
		Legal: func(_, _, got string) error { return nil },
	}, {
		Name: "durable.log-full", Methods: []string{"Log.AppendReserved"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			err := appendAll("one")(ctx, m)
			fill(m)
			return err
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return withLog(ctx, m, func(l *durable.Log) error {
				_, err := l.AppendReserved(ctx, []byte("erased"))
				return err
			})
		},
		State: logState,
	}}
}

func outboxOps() []powercut.Op {
	open := func(ctx context.Context, m *powercut.Machine, f func(*durable.Outbox) error) error {
		return with(m, func(d *durable.Dir) error {
			o, err := durable.OpenOutbox(ctx, d, "box", &durable.OutboxOptions{Log: durable.LogOptions{SegmentSize: 4096}})
			if err != nil {
				return err
			}
			return f(o)
		})
	}
	add := func(msg string) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error {
			return open(ctx, m, func(o *durable.Outbox) error { _, err := o.Add(ctx, []byte(msg)); return err })
		}
	}
	state := func(ctx context.Context, m *powercut.Machine) (string, error) {
		var s string
		err := open(ctx, m, func(o *durable.Outbox) error {
			s = fmt.Sprintf("pending=%d last=%d", o.Pending(), o.Last())
			return nil
		})
		return s, err
	}
	big := strings.Repeat("m", 2000)
	return []powercut.Op{{
		Name: "durable.outbox", Methods: []string{"OpenOutbox", "Outbox.Add"},
		Do: add("one"), State: state,
	}, {
		Name: "durable.outbox-run", Methods: []string{"Outbox.Run", "Outbox.Close"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return errors.Join(add(big)(ctx, m), add(big)(ctx, m), add("three")(ctx, m))
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return open(ctx, m, func(o *durable.Outbox) error {
				ctx, cancel := context.WithCancelCause(ctx)
				done := errors.New("delivered")
				defer cancel(nil)
				if o.Pending() > 0 {
					err := o.Run(ctx, func(context.Context, uint64, []byte) error {
						if o.Pending() <= 1 {
							cancel(done)
						}
						return nil
					})
					if err := ignore(err, done); err != nil {
						return err
					}
				}
				return o.Close()
			})
		},
		State: state,
		Legal: func(_, _, got string) error { return nil },
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
