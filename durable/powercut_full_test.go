package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// then runs both, and leaves no space on the medium.
func thenFill(before func(context.Context, *powercut.Machine) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		err := before(ctx, m)
		fill(m)
		return err
	}
}

// fullOps are operations on a full medium, and on a log that drops what is too much.
func fullOps() []powercut.Op {
	hold := op("durable.hold")
	hold.Name, hold.Before = "durable.hold-full", thenFill(hold.Before)
	commit := op("durable.commit")
	commit.Name, commit.Before = "durable.commit-full", thenFill(commit.Before)
	run := op("durable.outbox-run")
	run.Name, run.Before = "durable.outbox-run-full", thenFill(run.Before)
	cow := op("durable.put-full")
	cow.Name, cow.Before = "durable.put-cow", func(before func(context.Context, *powercut.Machine) error) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error {
			m.SetCopyOnWrite(true)
			return before(ctx, m)
		}
	}(cow.Before)
	return []powercut.Op{hold, commit, run, cow, {
		Name: "durable.log-begun-full", Methods: []string{"Dir.OpenLog", "Log.Close"},
		Before: thenFill(put("ballast", strings.Repeat("b", 5000))),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				if err := withPlainLog(ctx, d, nil, (*durable.Log).Close); err != nil {
					return err
				}
				if err := d.Delete(ctx, "ballast"); err != nil {
					return err
				}
				return withPlainLog(ctx, d, nil, func(l *durable.Log) error {
					return errors.Join(appendSync(ctx, l, "one"), l.Close())
				})
			})
		},
		State: plainState, Legal: runs,
	}, {
		Name: "durable.log-bounded", Methods: []string{"Log.Append", "Log.Sync"},
		Before: func(ctx context.Context, m *powercut.Machine) error { return appendBounded(ctx, m, 2) },
		Do:     func(ctx context.Context, m *powercut.Machine) error { return appendBounded(ctx, m, 1) },
		State:  boundedState,
	}}
}

// op returns the operation called name.
func op(name string) powercut.Op {
	for _, list := range [][]powercut.Op{dirOps(), reserveOps(), outboxOps()} {
		for _, op := range list {
			if op.Name == name {
				return op
			}
		}
	}
	return powercut.Op{}
}

// bounded is a log of which only the last segment stays.
var bounded = &durable.LogOptions{SegmentSize: 4096, MaxSegments: 1}

func withPlainLog(ctx context.Context, d *durable.Dir, opts *durable.LogOptions, f func(l *durable.Log) error) error {
	l, err := d.OpenLog(ctx, "log", opts)
	if err != nil {
		return err
	}
	return f(l)
}

func plainState(ctx context.Context, m *powercut.Machine) (state string, err error) {
	err = with(m, func(d *durable.Dir) error {
		return withPlainLog(ctx, d, nil, func(l *durable.Log) error {
			state = fmt.Sprintf("first=%d next=%d", l.First(), l.Next())
			return readAll(ctx, l, func(r durable.Record) { state += fmt.Sprintf(" %d:%.8s/%d", r.Seq, r.Data, len(r.Data)) })
		})
	})
	return state, err
}

// boundedState tells how far the numbers go. What was dropped is no matter; of the
// rest none may be missing.
func boundedState(ctx context.Context, m *powercut.Machine) (state string, err error) {
	err = with(m, func(d *durable.Dir) error {
		return withPlainLog(ctx, d, bounded, func(l *durable.Log) error {
			state = fmt.Sprintf("next=%d", l.Next())
			next := l.First()
			err := readAll(ctx, l, func(r durable.Record) {
				if r.Seq == next && string(r.Data) == numbered(next) {
					next++
				}
			})
			if err == nil && next != l.Next() {
				err = fmt.Errorf("%s: record %d is not there", state, next)
			}
			return err
		})
	})
	return state, err
}

// appendBounded adds n numbered records together.
func appendBounded(ctx context.Context, m *powercut.Machine, n uint64) error {
	return with(m, func(d *durable.Dir) error {
		return withPlainLog(ctx, d, bounded, func(l *durable.Log) error {
			var all []string
			for i := range n {
				all = append(all, numbered(l.Next()+i))
			}
			return appendSync(ctx, l, all...)
		})
	})
}

// damageOps are operations on an outbox whose last segment is damaged.
func damageOps() []powercut.Op {
	return []powercut.Op{{
		Name: "durable.outbox-damaged", Methods: []string{"OpenOutbox", "Outbox.Add"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			err := addMessages(4)(ctx, m)
			if err == nil {
				err = withOutbox(ctx, m, (*durable.Outbox).Close)
			}
			files := filesOf(m, "box+log/0")
			return errors.Join(err, damage(m, files[len(files)-1], 40))
		},
		Do:    addMessages(1),
		State: readable,
	}}
}

// damage changes a byte of a file.
func damage(m *powercut.Machine, name string, off int64) error {
	f, err := m.FS().Open(name, durable.ReadWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte{0xff}, off)
	return errors.Join(err, f.Sync(), f.Close())
}

// readable tells what the outbox says, and what a copy of it delivers.
func readable(ctx context.Context, m *powercut.Machine) (state string, err error) {
	if err := withOutbox(ctx, m, func(o *durable.Outbox) error {
		state = fmt.Sprintf("last=%d pending=%d", o.Last(), o.Pending())
		return nil
	}); err != nil {
		return "", err
	}
	m = m.Clone()
	err = withOutbox(ctx, m, func(o *durable.Outbox) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		end, err := o.Add(ctx, []byte("end"))
		if err != nil {
			return err
		}
		err = o.Run(ctx, func(_ context.Context, id uint64, msg []byte) error {
			if id == end {
				cancel()
				return nil
			}
			if string(msg) != numbered(id) {
				state += " wrong"
			}
			state += fmt.Sprintf(" %d", id)
			return nil
		})
		state += fmt.Sprintf(" damaged=%d", o.Stats().Damaged)
		return ignore(err, context.Canceled)
	})
	return state, err
}
