package updatetest

import (
	"bytes"
	"fmt"

	"github.com/iot-device-baseline/baseline/update"
)

// step is a method with the place that runs in the end, however often it is called
// and wherever the power fails.
type step struct {
	name string
	from func(k *slotKit) (update.Installer, update.Installed, error)
	do   func(k *slotKit, in update.Installer) error
	ends func(before update.Installed) string
}

func steps() []step {
	stays := func(before update.Installed) string { return before.Running }
	changes := func(before update.Installed) string { return before.Other }
	long := func(k *slotKit) (update.Installer, update.Installed, error) { return trial(k, 7) }
	return []step{
		{"Prepare", confirmed, func(k *slotKit, in update.Installer) error { return write(k, in, imageTwo()) }, stays},
		{"Activate", written, func(k *slotKit, in update.Installer) error { return activate(k, in, 7) }, changes},
		{"Confirm", long, confirm, stays},
		{"Rollback", long, rollback, changes},
		{"Rollback of what is armed", armed, rollback, stays},
	}
}

// written is a new device with imageOne in the other place; armed has it next.
func written(k *slotKit) (update.Installer, update.Installed, error) {
	in, inv, err := factoryNew(k)
	if err == nil {
		err = write(k, in, imageOne())
	}
	return in, inv, err
}

func armed(k *slotKit) (update.Installer, update.Installed, error) {
	in, inv, err := written(k)
	if err == nil {
		err = activate(k, in, 7)
	}
	return in, inv, err
}

func checkIdempotent(k *slotKit) error {
	for _, s := range steps() {
		if err := s.twice(k); err != nil {
			return fmt.Errorf("%s twice: %w", s.name, err)
		}
		err := cuts(func(n int) (bool, error) {
			in, before, err := s.from(k)
			if err != nil {
				return false, err
			}
			in, cut := k.h.Interrupt(k.TB, in, n, func() { _ = s.do(k, in) })
			return cut, s.again(k, in, before)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (s step) twice(k *slotKit) error {
	in, _, err := s.from(k)
	if err == nil {
		err = s.do(k, in)
	}
	if err != nil {
		return err
	}
	once, err := inventory(k, in)
	if err == nil {
		err = s.do(k, in)
	}
	if err == nil {
		err = is(k, in, once)
	}
	return err
}

// again calls the method as an updater does that finds its journal unchanged.
func (s step) again(k *slotKit, in update.Installer, before update.Installed) error {
	if err := s.do(k, in); err != nil {
		return err
	}
	in = k.h.Restart(k.TB, in)
	inv, err := inventory(k, in)
	if err == nil && inv.Running != s.ends(before) {
		err = fmt.Errorf("in the end %+v, want %s to run", inv, s.ends(before))
	}
	return err
}

func checkInventory(k *slotKit) error {
	in, inv, err := factoryNew(k)
	if err == nil {
		err = install(k, in, imageOne(), 2)
	}
	a, b := inv.Running, inv.Other
	for i, want := range []update.Installed{
		{Running: a, Other: b, Armed: true, Tries: 2},
		{Running: b, Other: a, Trial: true, Good: true, Tries: 1},
		{Running: b, Other: a, Trial: true, Good: true, Armed: true},
		{Running: a, Other: b},
		{Running: a, Other: b},
	} {
		if err == nil {
			err = is(k, in, want)
		}
		if err != nil {
			return fmt.Errorf("a release of 2 tries, restart %d: %w", i, err)
		}
		in = k.h.Restart(k.TB, in)
	}
	return nil
}

func checkUnbootable(k *slotKit) error {
	return cuts(func(n int) (bool, error) {
		in, before, err := confirmed(k)
		if err != nil {
			return false, err
		}
		old := k.h.Content(k.TB, in, before.Other)
		acked := false
		in, cut := k.h.Interrupt(k.TB, in, n, func() {
			sink, err := prepare(k, in, len(imageTwo()), 0)
			if acked = err == nil; acked {
				_, _ = sink.WriteAt(imageTwo(), 0)
				_ = sink.Sync(k.ctx)
			}
		})
		inv, err := inventory(k, in)
		if err != nil {
			return cut, err
		}
		changed := !bytes.Equal(old, k.h.Content(k.TB, in, before.Other))
		if (changed || acked) && (inv.Good || inv.Armed || inv.Running != before.Running) {
			err = fmt.Errorf("it returned from Prepare: %v, the place was changed: %v, and the inventory is %+v", acked, changed, inv)
		}
		return cut, err
	})
}

func checkResume(k *slotKit) error {
	in, _, err := factoryNew(k)
	if err != nil {
		return err
	}
	image, half := imageOne(), 700
	sink, err := prepare(k, in, len(image), 0)
	if err == nil {
		_, err = sink.WriteAt(image[:half], 0)
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	if err != nil {
		return err
	}
	in = k.h.Restart(k.TB, in)
	if sink, err = prepare(k, in, len(image), half); err == nil {
		_, err = sink.WriteAt(image[half:], int64(half))
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	if err != nil {
		return err
	}
	return readsBack(k, sink, image)
}

func checkRunningStays(k *slotKit) error {
	in, before, err := factoryNew(k)
	for range 2 { // once with each place running
		if err != nil {
			return err
		}
		inv, err := inventory(k, in)
		if err != nil {
			return err
		}
		old := k.h.Content(k.TB, in, inv.Running)
		if err := install(k, in, imageTwo(), 2); err != nil {
			return err
		}
		if now := k.h.Content(k.TB, in, inv.Running); !bytes.Equal(old, now) {
			return fmt.Errorf("%s runs, and was changed", inv.Running)
		}
		in = k.h.Restart(k.TB, in)
		if err = confirm(k, in); err != nil {
			return err
		}
	}
	if err := is(k, in, update.Installed{Running: before.Running, Other: before.Other, Good: true}); err != nil {
		return fmt.Errorf("after two installations: %w", err)
	}
	return nil
}
