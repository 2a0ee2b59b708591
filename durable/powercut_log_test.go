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
		return m.Attempt(func() error { return f(l) })
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

// wholeRun allows what an append left that failed, before the same records as a whole.
func wholeRun(old, now, got string) error {
	added := records(now)[len(records(old)):]
	if found := records(got); len(found) < len(added) || !slices.Equal(found[len(found)-len(added):], added) {
		return fmt.Errorf("%q does not end with %q", got, added)
	}
	return runs(old, now, got)
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

// numbered is the record with a number, of which two fill a segment.
func numbered(seq uint64) string { return fmt.Sprintf("%-2000d", seq) }

func appendNumbered(n uint64) func(context.Context, *powercut.Machine) error {
	var records []string
	for i := range n {
		records = append(records, numbered(i+1))
	}
	return appendAll(records...)
}

// trimmedState tells the bounds of a log of numbered records. It gives an error
// unless they are all there, and with them those that Do was to keep.
func trimmedState(ctx context.Context, m *powercut.Machine) (string, error) {
	first, last := uint64(1), uint64(3)
	if kept := m.Load("test", "kept"); kept != nil {
		if _, err := fmt.Sscan(string(kept), &first, &last); err != nil {
			return "", err
		}
	}
	var state string
	err := withLog(ctx, m, func(l *durable.Log) error {
		next := l.First()
		err := readAll(ctx, l, func(r durable.Record) {
			if r.Seq == next && string(r.Data) == numbered(next) {
				next++
			}
		})
		state = fmt.Sprintf("first=%d next=%d", l.First(), l.Next())
		switch {
		case err != nil:
			return err
		case next != l.Next():
			return fmt.Errorf("%s: record %d is not there", state, next)
		case l.First() > first || l.Next() <= last:
			return fmt.Errorf("%s: lost some of the records %d to %d", state, first, last)
		}
		return nil
	})
	return state, err
}

// noLess allows a log that has grown and was not trimmed, or not so far.
func noLess(old, _, got string) error {
	var first, next, gotFirst, gotNext int
	_, err := fmt.Sscanf(old+" "+got, "first=%d next=%d first=%d next=%d", &first, &next, &gotFirst, &gotNext)
	if err == nil && (gotFirst < first || gotNext < next) {
		err = errors.New("it became less")
	}
	return err
}

func logOps() []powercut.Op {
	big := strings.Repeat("b", 2000)
	return []powercut.Op{copyOp(), {
		Name: "durable.log", Methods: []string{"Dir.OpenLog", "Log.Append", "Log.Sync"},
		Do: appendAll("one", "two"), State: logState, Legal: runs,
	}, {
		Name: "durable.log-roll", Methods: []string{"Log.Append", "Log.Sync"},
		Before: appendAll("one", big), Do: appendAll(big, "last"), State: logState, Legal: runs, Retried: wholeRun,
	}, {
		Name: "durable.log-trim", Methods: []string{"Log.Trim", "Log.Close"},
		Before: appendNumbered(3),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return withLog(ctx, m, func(l *durable.Log) error {
				before := l.Next()
				if err := appendSync(ctx, l, numbered(before), numbered(before+1)); err != nil {
					return err
				}
				if err := m.Store("test", "kept", fmt.Append(nil, before, " ", before+1)); err != nil {
					return err
				}
				return errors.Join(l.Trim(ctx, before), l.Close())
			})
		},
		State: trimmedState, Legal: noLess,
		Retried: func(_, now, got string) error { return noLess(now, "", got) },
	}, {
		Name: "durable.log-full", Methods: []string{"Log.AppendReserved"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			err := appendAll("one")(ctx, m)
			fill(m)
			return err
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			err := withLog(ctx, m, func(l *durable.Log) error {
				_, err := l.AppendReserved(ctx, []byte("erased"))
				return err
			})
			if err != nil {
				return err
			}
			return put("after", "1")(ctx, m) // in the space of the reserve
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			log, lerr := logState(ctx, m)
			values, verr := describe(ctx, m)
			return log + "; " + values, errors.Join(lerr, verr)
		},
		Legal: func(old, now, got string) error {
			log, _, _ := strings.Cut(now, "; ")
			_, values, _ := strings.Cut(old, "; ")
			if got != log+"; "+values {
				return errors.New("want the log first")
			}
			return nil
		},
	}}
}
