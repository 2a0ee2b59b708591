package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// with runs f on the machine's directory, opened as a starting device does.
func with(m *powercut.Machine, f func(d *durable.Dir) error) error {
	d, err := durable.OpenFS(m.FS(), &durable.Options{Format: 2})
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.Close())
}

// describe tells the whole content of a directory.
func describe(ctx context.Context, m *powercut.Machine) (string, error) {
	var b strings.Builder
	err := with(m, func(d *durable.Dir) error {
		var store durable.Store = d
		if h := d.Held(); h != nil {
			fmt.Fprintf(&b, "held(%s) ", h.Reason())
			store = h.Store()
		}
		names, err := store.List(ctx, "")
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "format=%d", d.Format())
		for _, name := range names {
			v, err := store.Get(ctx, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %s=%.40q/%d", name, v, len(v))
		}
		return nil
	})
	return b.String(), err
}

func put(name, value string) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return with(m, func(d *durable.Dir) error { return d.Put(ctx, name, []byte(value)) })
	}
}

func dirOps() []powercut.Op {
	return []powercut.Op{{
		Name: "durable.put", Methods: []string{"Dir.Put"},
		Before: put("a/name", "old"),
		Do:     put("a/name", "new and longer"),
		State:  describe,
	}, {
		Name: "durable.put-first", Methods: []string{"OpenFS", "Dir.Put", "Dir.Close"},
		Do:    put("a/b/name", "new"),
		State: describe,
		Legal: onlyMore,
	}, {
		Name: "durable.delete", Methods: []string{"Dir.Delete"},
		Before: put("a/b/name", "old"),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				return errors.Join(d.Delete(ctx, "a/b/name"), d.Put(ctx, "a/c", []byte("after")))
			})
		},
		State: describe,
		Legal: onlyMore,
	}, {
		Name: "durable.commit", Methods: []string{"Dir.Commit"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			d, err := durable.OpenFS(m.FS(), &durable.Options{Format: 1})
			if err != nil {
				return err
			}
			return d.Close()
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { return d.Commit(ctx, 2) })
		},
		State: describe,
	}, {
		Name: "durable.hold", Methods: []string{"Dir.Hold"},
		Before: put("name", "kept"),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { _, err := d.Hold(ctx, "reset"); return err })
		},
		State: describe,
	}, {
		Name: "durable.release", Methods: []string{"Hold.Release"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { _, err := d.Hold(ctx, "reset"); return err })
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				if h := d.Held(); h != nil {
					return errors.Join(h.Store().Put(ctx, "done", []byte("1")), h.Release(ctx))
				}
				return nil
			})
		},
		State: describe,
		Legal: onlyMore,
	}}
}

// onlyMore allows the steps between old and new of an operation that is a
// sequence of changes, each atomic by itself.
func onlyMore(_, _, got string) error {
	if strings.Contains(got, "ErrCorrupt") {
		return errors.New(got)
	}
	return nil
}

func valueOps() []powercut.Op {
	type state struct {
		Phase string `json:"phase"`
	}
	value := func(d *durable.Dir) *durable.Value[state] { return durable.NewValue[state](d, "journal", nil) }
	return []powercut.Op{{
		Name: "durable.value", Methods: []string{"Value.Store"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { return value(d).Store(ctx, state{"old"}) })
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { return value(d).Store(ctx, state{"new"}) })
		},
		State: describe,
	}, {
		Name: "durable.value-delete", Methods: []string{"Value.Delete"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error { return value(d).Store(ctx, state{"old"}) })
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				return errors.Join(value(d).Delete(ctx), d.Put(ctx, "next", []byte("1")))
			})
		},
		State: describe,
		Legal: onlyMore,
	}, {
		Name: "durable.clock", Methods: []string{"Clock.Learn"},
		Before: func(ctx context.Context, m *powercut.Machine) error { return learn(ctx, m, 2026) },
		Do:     func(ctx context.Context, m *powercut.Machine) error { return learn(ctx, m, 2027) },
		State:  describe,
	}}
}

func learn(ctx context.Context, m *powercut.Machine, year int) error {
	return with(m, func(d *durable.Dir) error {
		c, err := durable.OpenClock(ctx, d, &durable.ClockOptions{System: func() time.Time { return time.Unix(0, 0) }})
		if err != nil {
			return err
		}
		return c.Learn(ctx, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), durable.Authenticated)
	})
}

// Reserves: the medium is full before Do begins.
func reserveOps() []powercut.Op {
	reserve := func(ctx context.Context, m *powercut.Machine) error {
		return with(m, func(d *durable.Dir) error {
			return errors.Join(d.Put(ctx, "journal", []byte("old")), d.Reserve(ctx, "journal", 200))
		})
	}
	return []powercut.Op{{
		Name: "durable.reserve", Methods: []string{"Dir.Reserve"},
		Before: put("journal", "old"), Do: reserve,
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			state, err := describe(ctx, m)
			return fmt.Sprintf("%s spares=%d", state, spares(m)), err
		},
		Legal: func(_, _, got string) error { return nil },
	}, {
		Name: "durable.put-full", Methods: []string{"Dir.Put"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := reserve(ctx, m); err != nil {
				return err
			}
			fill(m)
			return nil
		},
		Do:    put("journal", strings.Repeat("new", 60)),
		State: describe,
	}}
}

func spares(m *powercut.Machine) (n int) {
	for name := range m.Files() {
		if strings.Contains(name, "!") && !strings.HasSuffix(name, "~") {
			n++
		}
	}
	return n
}

// fill leaves no space on the medium.
func fill(m *powercut.Machine) {
	var used int64
	for _, data := range m.Files() {
		used += int64(len(data))
	}
	m.SetCapacity(used)
}

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
		Name: "durable.log-full", Methods: []string{"Log.SyncReserved"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			err := appendAll("one")(ctx, m)
			fill(m)
			return err
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return withLog(ctx, m, func(l *durable.Log) error {
				if _, err := l.Append(ctx, []byte("erased")); err != nil {
					return err
				}
				return l.SyncReserved(ctx)
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

func ops() []powercut.Op {
	var all []powercut.Op
	for _, list := range [][]powercut.Op{dirOps(), valueOps(), reserveOps(), logOps(), outboxOps()} {
		all = append(all, list...)
	}
	return all
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Dir.Get", "Dir.List", "Dir.Entries", "Dir.Stats", "Dir.Health", "Dir.Format", "Dir.Held",
		"Hold.Reason", "Hold.Store", "Value.Load", "Value.LoadOr",
		"Log.Records", "Log.First", "Log.Next", "Log.Stats",
		"Outbox.Pending", "Outbox.Last", "Outbox.Stats", "Clock.Now",
	}, (*durable.Dir)(nil), (*durable.Hold)(nil), (*durable.Value[int])(nil), (*durable.Log)(nil), (*durable.Outbox)(nil), (*durable.Clock)(nil))
}

func TestMachineGivesErrNotExist(t *testing.T) {
	_, err := powercut.New().FS().Open("nothing", durable.ReadOnly)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
