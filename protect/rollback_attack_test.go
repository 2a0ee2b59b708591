package protect_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// flaky is a token whose counter fails the next time, or counts and does not say so.
type flaky struct {
	*protecttest.Token
	trouble error
}

var (
	errCounter = errors.New("the counter fails")
	errNoReply = errors.New("no reply")
)

func (f *flaky) Increment(ctx context.Context) (uint64, error) {
	trouble := f.trouble
	f.trouble = nil
	switch trouble {
	case errCounter:
		return 0, protect.ErrUnavailable
	case errNoReply:
		_, err := f.Token.Increment(ctx)
		return 0, errors.Join(protect.ErrUnavailable, err)
	}
	return f.Token.Increment(ctx)
}

func getModelled(ctx context.Context, c *protect.Compartment, name string) ([]byte, error) {
	if name == "film" {
		return readStream(ctx, c, name)
	}
	return c.Get(ctx, name)
}

func putModelled(ctx context.Context, c *protect.Compartment, name string, value []byte) error {
	if name == "film" {
		return record(ctx, c, name, value, 100)
	}
	return c.Put(ctx, name, value)
}

func removeModelled(ctx context.Context, c *protect.Compartment, name string) error {
	if name == "film" {
		return c.RemoveStream(ctx, name)
	}
	return c.Delete(ctx, name)
}

// attack puts disks back, and files of them.
func (l *life) attack(t *testing.T) {
	now := l.m.Files()
	for range 4 {
		c := l.m.Clone()
		disk := l.disks[l.rng.IntN(len(l.disks))]
		c.Restore(disk)
		old := c.Files()
		if l.rng.IntN(2) == 0 { // one file of it
			c = l.m.Clone()
			names := slices.Sorted(maps.Keys(old))
			name := names[l.rng.IntN(len(names))]
			if string(now[name]) == string(old[name]) {
				continue
			}
			c.Settle()
			f, err := c.FS().Open(name, durable.Create)
			if err != nil {
				continue // its directory is gone
			}
			_, err = f.WriteAt(old[name], 0)
			require.NoError(t, err)
			c.Settle()
		}
		l.judge(c)
	}
	if texts, _ := l.a.reads(l.ctx, tokenOf(l.ctx, l.m)); l.erased > 0 {
		for text := range texts {
			if n, err := strconv.Atoi(strings.TrimPrefix(text, "letter ")); err == nil && n <= l.erased {
				l.f.say(&l.f.readable, "%v: letter %d opens, erased at %d", l.log, n, l.erased)
			}
		}
	}
}

// judge opens what the attacker made: an error is right, something older is not.
func (l *life) judge(m *powercut.Machine) {
	l.f.states++
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return
	}
	v, err := protect.Open(l.ctx, dir, protecttest.NewToken(m), l.opts)
	if err != nil {
		return
	}
	for _, changed := range []bool{false, true} { // before and after the first change
		for _, class := range []protect.Class{protect.ClassFloor, protect.ClassSettings} {
			if c, err := v.Compartment(l.ctx, class); changed && err == nil {
				_ = c.Put(l.ctx, "z", nil)
			}
		}
		for _, name := range modelled {
			got, err := l.look(v, name)
			if err != nil || name == "letter" && !got.present { // a compartment that was made since may be missed
				continue
			}
			if got.number < l.floor[name] {
				l.f.say(&l.f.rollback, "%v: %s is %v, not below %d", l.log, name, got, l.floor[name])
			}
		}
	}
}
