package powercut_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// memory is an object that remembers what it was told before that is kept.
type memory struct {
	early bool // before anything is written; else before the directory is synced
	hasty bool // remembers nothing, but writes in place once something failed

	value  string
	failed bool
}

func (c *memory) put(fsys durable.FS, name, data string) error {
	if c.hasty {
		return c.putHasty(fsys, name, data)
	}
	if c.value == data {
		return nil
	}
	if c.early {
		c.value = data
	}
	if err := noDirSync(fsys, name, data); err != nil {
		return err
	}
	c.value = data
	return syncDir(fsys, ".")
}

func (c *memory) putHasty(fsys durable.FS, name, data string) error {
	if c.failed {
		f, err := open(fsys, name, data)
		if err != nil {
			return err
		}
		return f.Sync()
	}
	err := replace(fsys, name, data)
	c.failed = err != nil
	return err
}

// memoryOp has its work in an Attempt, or not.
func memoryOp(c memory, attempt bool) powercut.Op {
	op := valueOp("memory", nil)
	op.Do = func(_ context.Context, m *powercut.Machine) error {
		c := c
		put := func() error { return c.put(m.FS(), "value", "the new one") }
		if attempt {
			return m.Attempt(put)
		}
		return put()
	}
	return op
}

// attempted has the whole of Do in an Attempt, and counts how often it is done.
func attempted(op powercut.Op, most *int) powercut.Op {
	do := op.Do
	op.Do = func(ctx context.Context, m *powercut.Machine) error {
		n := 0
		_ = m.Attempt(func() error { n++; return errors.ErrUnsupported }) // not for a fault
		if n != 1 {
			return errors.New("done again without a fault")
		}
		n = 0
		return m.Attempt(func() error {
			return m.Attempt(func() error {
				n++
				*most = max(*most, n)
				return do(ctx, m)
			})
		})
	}
	return op
}

func TestAttempt(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	most := 0
	powercut.Run(t, attempted(valueOp("Replace", replace), &most))
	assert.Equal(t, 2, most, "once more, also where one is within another")
	// What fails again is not done a third time.
	most = 0
	sulks := valueOp("Sulks", nil)
	sulks.Do = func(_ context.Context, m *powercut.Machine) error {
		var first error
		return attempted(powercut.Op{Do: func(_ context.Context, m *powercut.Machine) error {
			if first == nil {
				first = replace(m.FS(), "value", "the new one")
			}
			return first
		}}, &most).Do(t.Context(), m)
	}
	powercut.Run(t, sulks)
	assert.Equal(t, 2, most)
	// The first attempt may have taken effect: it counts twice.
	powercut.Run(t, attempted(counterOp("Counter", 0), &most))

	for _, c := range []memory{{}, {early: true}, {hasty: true}} {
		powercut.Run(t, memoryOp(c, false)) // which nobody sees without an Attempt
	}
	for c, want := range map[memory]string{
		{}:            `^failure at step 4, syncdir .*, then done again on the same objects, then a cut; .*: want new "the new one" \(acknowledged\), got "the old value"$`,
		{early: true}: `^failure at step 0, .*, then done again on the same objects; power on: want new "the new one" \(acknowledged\), got "the old value"$`,
		{hasty: true}: `^failure at step 0, .*, then done again on the same objects, and a cut before step 2, write value at .*: want old "the old value" or new "the new one", got ""$`,
	} {
		r := powercut.Explore(t, memoryOp(c, true))
		require.NotEmpty(t, r.Failures)
		assert.Regexp(t, want, r.Failures[0])
	}
	assert.Equal(t, powercut.Explore(t, memoryOp(memory{}, true)).Points+3, powercut.Explore(t, memoryOp(memory{hasty: true}, true)).Points,
		"open, write and sync of what comes after a failure")
}

// What an attempt that failed left may stay, where the op says so.
func TestRetried(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	op := attempted(logOp("Log", testLog{}), new(int))
	op.Do = func(_ context.Context, m *powercut.Machine) error {
		return m.Attempt(func() error {
			return errors.Join(testLog{}.append(m.FS(), "three"), testLog{}.append(m.FS(), "four"))
		})
	}
	op.Legal = func(_, _, got string) error { return nil }
	assert.Positive(t, powercut.Explore(t, op).Bad)
	op.Retried = func(_, now, got string) error {
		if got != "one,two,four,three,four" && got != "one,two,three,three,four" {
			return errors.New("not on the way")
		}
		return nil
	}
	powercut.Run(t, op)
	op.Retried = func(_, _, _ string) error { return errors.New("no") }
	assert.Positive(t, powercut.Explore(t, op).Bad)
}

// An undo at the next start that a second cut breaks is found, also where only an
// attempt that was made again leaves something to undo.
func TestAttemptIsUndone(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	for _, c := range []struct {
		attempt, late bool
		sound         bool
	}{{}, {attempt: true}, {late: true, sound: true}, {attempt: true, late: true}} {
		r := powercut.Explore(t, undoOp(c.attempt, c.late))
		if c.sound { // what is late happens only in a second attempt
			assert.Empty(t, r.Failures)
			continue
		}
		require.NotEmpty(t, r.Failures)
		assert.Contains(t, r.Failures[len(r.Failures)-1], "cut in recovery before step")
		assert.Equal(t, c.late, strings.Contains(r.Failures[0], "then done again on the same objects"))
	}
}

// undoOp keeps the old value in a file "undo" while it changes the value in place; when
// late, only after something failed. State writes it back, but forgets it first.
func undoOp(attempt, late bool) powercut.Op {
	op := valueOp("undo", nil)
	op.Do = func(_ context.Context, m *powercut.Machine) error {
		failed := false
		put := func() error {
			var err error
			if late && !failed {
				err = replace(m.FS(), "value", "the new one")
			} else {
				err = putWithUndo(m.FS(), "value", "the new one")
			}
			failed = err != nil
			return err
		}
		if attempt {
			return m.Attempt(put)
		}
		return put()
	}
	op.State = func(_ context.Context, m *powercut.Machine) (string, error) {
		old, err := readFile(m.FS(), "undo")
		if errors.Is(err, fs.ErrNotExist) {
			return readFile(m.FS(), "value")
		}
		if err != nil {
			return "", err
		}
		if err := forget(m.FS(), "undo"); err != nil {
			return "", err
		}
		if err := writeFile(m.FS(), "value", old); err != nil {
			return "", err
		}
		return readFile(m.FS(), "value")
	}
	return op
}

func putWithUndo(fsys durable.FS, name, data string) error {
	old, err := readFile(fsys, name)
	if err != nil {
		return err
	}
	if err := replace(fsys, "undo", old); err != nil {
		return err
	}
	if err := writeFile(fsys, name, data); err != nil {
		return err
	}
	return forget(fsys, "undo")
}

func forget(fsys durable.FS, name string) error {
	if err := fsys.Remove(name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

// A state on the way that Do does not get out of is found, also where an attempt that was
// made again comes to it first.
func TestAttemptHidesNoBadState(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	for _, attempt := range []bool{false, true} {
		op := valueOp("stuck", nil)
		op.Do = func(_ context.Context, m *powercut.Machine) error {
			do := func() error {
				got, err := readFile(m.FS(), "value")
				if err != nil {
					return err
				}
				if got == "mid" {
					return replace(m.FS(), "value", "junk")
				}
				if err := replace(m.FS(), "value", "mid"); err != nil {
					return err
				}
				return replace(m.FS(), "value", "the new one")
			}
			if attempt {
				return m.Attempt(do)
			}
			return do()
		}
		op.Legal = func(_, _, got string) error {
			if got != "mid" {
				return errors.New("not on the way")
			}
			return nil
		}
		op.Retried = func(_, _, got string) error { return nil }
		assert.Positive(t, powercut.Explore(t, op).Bad, "attempt=%v", attempt)
	}
}
