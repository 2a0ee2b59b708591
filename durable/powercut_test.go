package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	return errors.Join(m.Attempt(func() error { return f(d) }), d.Close())
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
		return noEmptyDir(m, ".")
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
		Name: "durable.remove-all", Methods: []string{"Dir.RemoveAll"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				l, err := d.OpenLog(ctx, "a/b/log", nil)
				if err != nil {
					return err
				}
				return errors.Join(d.Put(ctx, "a/b/v", nil), d.Reserve(ctx, "a/b/r", 10), l.Close(), d.Put(ctx, "a/c", nil))
			})
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				return errors.Join(d.RemoveAll(ctx, "a/b"), d.Put(ctx, "after", nil))
			})
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			state, err := describe(ctx, m)
			for _, name := range slices.Sorted(maps.Keys(m.Files())) {
				if strings.HasPrefix(name, "a/b/") && !strings.HasSuffix(name, "~") {
					state += " left:" + name
				}
			}
			return state, err
		},
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
				h := d.Held()
				if h == nil {
					return nil
				} else if err := h.Store().Put(ctx, "done", []byte("1")); err != nil {
					return err
				}
				return h.Release(ctx)
			})
		},
		State: describe,
		Legal: onlyMore,
	}}
}

// onlyMore allows the steps between old and new of an operation that is a
// sequence of changes, each atomic by itself: what is in both is there, and nothing
// that is in neither.
func onlyMore(old, now, got string) error {
	before, after, found := strings.Fields(old), strings.Fields(now), strings.Fields(got)
	for _, f := range before {
		if slices.Contains(after, f) && !slices.Contains(found, f) {
			return fmt.Errorf("%s is lost", f)
		}
	}
	for _, f := range found {
		if !slices.Contains(before, f) && !slices.Contains(after, f) {
			return fmt.Errorf("%s came from nowhere", f)
		}
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
		return m.Attempt(func() error { return c.Learn(ctx, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), durable.Authenticated) })
	})
}

// Reserves: the medium is full before Do begins.
func reserveOps() []powercut.Op {
	reserve := func(ctx context.Context, m *powercut.Machine) error {
		return with(m, func(d *durable.Dir) error { return d.Reserve(ctx, "journal", 200) })
	}
	return []powercut.Op{{
		Name: "durable.reserve", Methods: []string{"Dir.Reserve"},
		Before: put("journal", "old"), Do: reserve,
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			state, err := describe(ctx, m)
			return fmt.Sprintf("%s spares=%d", state, spares(m)), err
		},
		Legal: fewerSpares,
	}, {
		Name: "durable.put-full", Methods: []string{"Dir.Put"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			err := errors.Join(put("journal", "old")(ctx, m), reserve(ctx, m))
			fill(m)
			return err
		},
		Do:    put("journal", strings.Repeat("new", 60)),
		State: describe,
	}}
}

// spares returns the sizes of the spares of "journal".
func spares(m *powercut.Machine) (sizes []int) {
	for name, data := range m.Files() {
		if strings.HasPrefix(name, "journal!") && !strings.HasSuffix(name, "~") {
			sizes = append(sizes, len(data))
		}
	}
	return sizes
}

// fewerSpares allows the old value and up to two spares as large as the new ones.
func fewerSpares(old, now, got string) error {
	value, _, _ := strings.Cut(old, " spares=")
	_, whole, _ := strings.Cut(now, " spares=")
	kept, some, _ := strings.Cut(got, " spares=")
	size := strings.Fields(strings.Trim(whole, "[]"))[0]
	if kept != value {
		return fmt.Errorf("the value of %q is lost", old)
	}
	if !slices.Contains([]string{"[]", "[" + size + "]", "[" + size + " " + size + "]"}, some) {
		return fmt.Errorf("want up to two spares of %s bytes", size)
	}
	return nil
}

// fill leaves no space on the medium.
func fill(m *powercut.Machine) {
	var used int64
	for _, data := range m.Files() {
		used += int64(len(data))
	}
	m.SetCapacity(used)
}

func ops() []powercut.Op {
	var all []powercut.Op
	for _, list := range [][]powercut.Op{dirOps(), valueOps(), reserveOps(), logOps(), outboxOps(), fullOps(), damageOps(), fileOps()} {
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
		"Dir.Get", "Dir.List", "Dir.Entries", "Dir.Stats", "Dir.Health", "Dir.OpenFile", "Dir.Files", "Dir.LogNames", "Dir.Usage", "FileWriter.Size", "Dir.Format", "Dir.Held",
		"Hold.Reason", "Hold.Store", "Value.Load", "Value.LoadOr",
		"Log.Records", "Log.First", "Log.Next", "Log.Stats",
		"Outbox.Pending", "Outbox.Last", "Outbox.Stats", "Clock.Now", "Clock.Health",
	}, (*durable.Dir)(nil), (*durable.Hold)(nil), (*durable.Value[int])(nil), (*durable.Log)(nil), (*durable.Outbox)(nil), (*durable.Clock)(nil), (*durable.FileWriter)(nil))
}

func TestMachineGivesErrNotExist(t *testing.T) {
	_, err := powercut.New().FS().Open("nothing", durable.ReadOnly)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
