package updatetest

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/update"
)

func checkActivate(k *slotKit) error {
	err := cuts(func(n int) (bool, error) {
		in, before, err := written(k)
		if err != nil {
			return false, err
		}
		acked := false
		in, cut := k.h.Interrupt(k.TB, in, n, func() { acked = activate(k, in, 3) == nil })
		inv, err := inventory(k, in)
		done := update.Installed{Running: before.Other, Other: before.Running, Trial: true, Good: true, Tries: 2}
		if err == nil && inv != done && (inv != before || acked) {
			err = fmt.Errorf("inventory is %+v, acknowledged: %v; want %+v, or before that %+v", inv, acked, done, before)
		}
		return cut, err
	})
	if err != nil {
		return err
	}
	for tries := 1; tries <= 3; tries++ {
		in, before, err := written(k)
		if err == nil {
			err = activate(k, in, tries)
		}
		for i := 0; i < tries && err == nil; i++ {
			var inv update.Installed
			in = k.h.Restart(k.TB, in)
			if inv, err = inventory(k, in); err == nil && inv.Running != before.Other {
				err = fmt.Errorf("start %d is that of %s", i+1, inv.Running)
			}
		}
		if err == nil {
			err = runs(k, k.h.Restart(k.TB, in), before.Running)
		}
		if err != nil {
			return fmt.Errorf("%d tries: %w", tries, err)
		}
	}
	return nil
}

func checkConfirmRollback(k *slotKit) error {
	for left := range 3 {
		in, inv, err := trial(k, left)
		if err == nil {
			err = confirm(k, in)
		}
		if err == nil {
			err = runs(k, in, inv.Running)
		}
		if err != nil {
			return fmt.Errorf("confirmed with %d tries left: %w", left, err)
		}
		in, inv, err = trial(k, left)
		if err == nil {
			err = rollback(k, in)
		}
		if err != nil {
			return err
		}
		if now, err := inventory(k, in); err != nil || !now.Armed || !now.Good {
			return fmt.Errorf("rolled back with %d tries left: %+v, error %v", left, now, err)
		}
		in = k.h.Restart(k.TB, in)
		if err := is(k, in, update.Installed{Running: inv.Other, Other: inv.Running}); err != nil {
			return fmt.Errorf("rolled back with %d tries left, and restarted: %w", left, err)
		}
		if err := runs(k, in, inv.Other); err != nil {
			return fmt.Errorf("rolled back with %d tries left: %w", left, err)
		}
	}
	return nil
}

// checkDurable cuts the power within Confirm and Rollback of a place with tries to
// spare: so the change before and the one after cannot be taken for each other.
func checkDurable(k *slotKit) error {
	for name, do := range map[string]func(*slotKit, update.Installer) error{"Confirm": confirm, "Rollback": rollback} {
		err := cuts(func(n int) (bool, error) {
			in, before, err := trial(k, 5)
			if err != nil {
				return false, err
			}
			acked := false
			in, cut := k.h.Interrupt(k.TB, in, n, func() { acked = do(k, in) == nil })
			old, done := before, before
			old.Tries--
			done.Trial, done.Tries = false, 0
			if name == "Rollback" {
				done = update.Installed{Running: before.Other, Other: before.Running}
			}
			inv, err := inventory(k, in)
			if err == nil && inv != done && (inv != old || acked) {
				err = fmt.Errorf("inventory is %+v, acknowledged: %v; want %+v, or before that %+v", inv, acked, done, old)
			}
			return cut, err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkDisarm(k *slotKit) error {
	in, before, err := armed(k)
	if err == nil {
		err = rollback(k, in)
	}
	if err == nil {
		err = is(k, in, before)
	}
	if err != nil {
		return err
	}
	return runs(k, in, before.Running)
}
