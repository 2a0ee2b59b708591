package updatetest

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/update"
)

// change is one method on a device that was led to where it matters.
type change struct {
	name string
	from func(k *bootKit) (update.Bootloader, both, error)
	do   func(k *bootKit, b update.Bootloader, s both) error
}

func changes() []change {
	trial := func(k *bootKit) (update.Bootloader, both, error) { return onTrial(k, 3) }
	return []change{
		{"SetBad", bothGood, func(k *bootKit, b update.Bootloader, s both) error { return b.SetBad(k.ctx, s.other.Name) }},
		{"Try", fresh, func(k *bootKit, b update.Bootloader, s both) error { return b.Try(k.ctx, s.other.Name, 2) }},
		{"Try of a good slot", bothGood, func(k *bootKit, b update.Bootloader, s both) error { return b.Try(k.ctx, s.other.Name, 2) }},
		{"MarkGood", trial, func(k *bootKit, b update.Bootloader, s both) error { return b.MarkGood(k.ctx, s.running.Name) }},
		{"MarkGood of the slot before", trial, func(k *bootKit, b update.Bootloader, s both) error { return b.MarkGood(k.ctx, s.other.Name) }},
	}
}

func checkAtomic(k *bootKit) error {
	for _, c := range changes() {
		if err := c.atomic(k); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// atomic compares what a cut leaves with what is there without the change, and with it.
func (c change) atomic(k *bootKit) error {
	before, err := c.restarted(k, false)
	if err != nil {
		return err
	}
	after, err := c.restarted(k, true)
	if err == nil && before == after {
		err = errUnchanged
	}
	if err != nil {
		return err
	}
	return cuts(func(n int) (bool, error) {
		b, s, err := c.from(k)
		if err != nil {
			return false, err
		}
		acked := false
		b, cut := k.h.Interrupt(k.TB, b, n, func() { acked = c.do(k, b, s) == nil })
		got, err := slotsOf(k, b)
		if err == nil && got != after && (got != before || acked) {
			err = fmt.Errorf("%v; without the change %v, with it %v, acknowledged: %v", got, before, after, acked)
		}
		return cut, err
	})
}

// restarted are the slots after a restart, with the change before it or without.
func (c change) restarted(k *bootKit, with bool) (s both, err error) {
	b, s, err := c.from(k)
	if err == nil && with {
		err = c.do(k, b, s)
	}
	if err != nil {
		return s, err
	}
	return slotsOf(k, k.h.Restart(k.TB, b))
}

func checkBooted(k *bootKit) error {
	b, s, err := fresh(k)
	if err != nil {
		return err
	}
	if err := b.Try(k.ctx, s.other.Name, 3); err != nil {
		return err
	}
	if booted, err := b.Booted(k.ctx); err != nil || booted != s.running.Name {
		return fmt.Errorf("after Try it is %q with error %v, the system was started from %s", booted, err, s.running.Name)
	}
	if b, err = boots(k, b, s.other.Name); err != nil {
		return err
	}
	if err := b.MarkGood(k.ctx, s.running.Name); err != nil {
		return err
	}
	if booted, err := b.Booted(k.ctx); err != nil || booted != s.other.Name {
		return fmt.Errorf("after MarkGood of %s it is %q with error %v, the system was started from %s", s.running.Name, booted, err, s.other.Name)
	}
	return nil
}

func checkSetBad(k *bootKit) error {
	b, s, err := fresh(k)
	if err == nil {
		err = b.Try(k.ctx, s.other.Name, 3)
	}
	if err == nil {
		err = b.SetBad(k.ctx, s.other.Name)
	}
	if err == nil {
		err = isOneOf(b.SetBad(k.ctx, s.running.Name), update.ErrRunning)
	}
	if err != nil {
		return err
	}
	now, err := slotsOf(k, b)
	if err == nil && now != s {
		err = fmt.Errorf("a slot on trial, made bad: %v, want %v", now, s)
	}
	if err == nil {
		err = always(k, b, s.running.Name)
	}
	if err != nil {
		return err
	}
	b, s, err = onTrial(k, 3)
	if err != nil {
		return err
	}
	return isOneOf(b.SetBad(k.ctx, s.running.Name), update.ErrRunning)
}

func checkTry(k *bootKit) error {
	for tries := 1; tries <= 3; tries++ {
		b, s, err := fresh(k)
		if err == nil {
			err = b.Try(k.ctx, s.other.Name, tries)
		}
		if err != nil {
			return err
		}
		for left := tries; ; left-- {
			want := update.SlotState{Name: s.other.Name, Next: left > 0, Tries: left}
			now, err := slotsOf(k, b)
			if err == nil && now.running != want && now.other != want {
				err = fmt.Errorf("want %+v, got %v", want, now)
			}
			if err == nil && left > 0 {
				b, err = boots(k, b, s.other.Name)
			}
			if err != nil {
				return fmt.Errorf("%d tries, %d left: %w", tries, left, err)
			}
			if left == 0 {
				break
			}
		}
		if err := always(k, b, s.running.Name); err != nil {
			return fmt.Errorf("%d tries, none left: %w", tries, err)
		}
	}
	return nil
}

func checkOtherStays(k *bootKit) error {
	for what, from := range map[string]func(*bootKit) (update.Bootloader, both, error){"one good": fresh, "both good": bothGood} {
		b, before, err := from(k)
		if err == nil {
			err = b.Try(k.ctx, before.other.Name, 2)
		}
		if err != nil {
			return err
		}
		after, err := slotsOf(k, b)
		before.running.Next = false // the other one is
		if err == nil && after.running != before.running {
			err = fmt.Errorf("%s: it was %+v, and is %+v", what, before.running, after.running)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkMarkGood(k *bootKit) error {
	for left := range 3 {
		for _, back := range []bool{false, true} {
			b, s, err := onTrial(k, left)
			if err != nil {
				return err
			}
			slot := s.running.Name
			if back {
				slot = s.other.Name
			}
			if err := b.MarkGood(k.ctx, slot); err != nil {
				return err
			}
			now, err := slotsOf(k, b)
			if want := (update.SlotState{Name: slot, Good: true, Next: true}); err == nil && now.running != want && now.other != want {
				err = fmt.Errorf("want %+v, got %v", want, now)
			}
			if err == nil {
				err = always(k, b, slot)
			}
			if err != nil {
				return fmt.Errorf("%s with %d tries left: %w", s.running.Name, left, err)
			}
		}
	}
	return nil
}
