package updatetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/iot-device-baseline/baseline/update"
)

// FloorsHarness gives the kit devices. Every function fails t when it cannot do its
// work.
type FloorsHarness struct {
	// Open gives the floors of a new device.
	Open func(t testing.TB) update.Floors
	// Reopen gives those of the same device after it lost its power: f is not used any
	// more.
	Reopen func(t testing.TB, f update.Floors) update.Floors
	// Interrupt calls act, which works on f, loses the power before the step of the
	// device that comes after the next n, and reopens as Reopen does; cut is false
	// when act was over before. A device that can only be switched off between calls:
	// for n = 0 it calls act not at all and says cut, else it calls act, reopens and
	// does not.
	Interrupt func(t testing.TB, f update.Floors, n int, act func()) (after update.Floors, cut bool)
}

func (h FloorsHarness) lacks() string {
	if h.Open == nil || h.Reopen == nil || h.Interrupt == nil {
		return "Open, Reopen or Interrupt"
	}
	return ""
}

// TestFloors checks every rule of update.Floors, each as a subtest.
func TestFloors(t *testing.T, h FloorsHarness) {
	t.Helper()
	test(t, FloorsRules(), h)
}

type floorKit = kit[FloorsHarness]

// FloorsRules returns the rules of update.Floors.
func FloorsRules() []Rule[FloorsHarness] {
	const of = "Floors"
	return []Rule[FloorsHarness]{
		{of, "Zero", "Get returns 0 for a name that was never raised.", checkZero},
		{of, "Raise", "Raise keeps the higher of v and what was; once it returned nil, Get never again returns less, whatever happens to the power.", checkRaise},
		{of, "Concurrent", "Methods may be called concurrently.", checkConcurrentFloors},
	}
}

// floorIs says that the floor is another.
func floorIs(k *floorKit, f update.Floors, name string, want uint64) error {
	got, err := f.Get(k.ctx, name)
	if err == nil && got != want {
		err = fmt.Errorf("floor is %d, want %d", got, want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func checkZero(k *floorKit) error {
	f := k.h.Open(k.TB)
	if err := floorIs(k, f, "release", 0); err != nil {
		return err
	}
	if err := f.Raise(k.ctx, "release", 7); err != nil {
		return err
	}
	for range 2 {
		if err := errors.Join(floorIs(k, f, "release", 7), floorIs(k, f, "root", 0)); err != nil {
			return err
		}
		f = k.h.Reopen(k.TB, f)
	}
	return nil
}

func checkRaise(k *floorKit) error {
	f := k.h.Open(k.TB)
	most := uint64(0)
	for _, v := range []uint64{3, 9, 9, 4, 1 << 40, 0} {
		if err := f.Raise(k.ctx, "release", v); err != nil {
			return fmt.Errorf("raise to %d: %w", v, err)
		}
		most = max(most, v)
		if err := floorIs(k, f, "release", most); err != nil {
			return fmt.Errorf("after a raise to %d: %w", v, err)
		}
		f = k.h.Reopen(k.TB, f)
		if err := floorIs(k, f, "release", most); err != nil {
			return fmt.Errorf("after a raise to %d and a restart: %w", v, err)
		}
	}
	return cuts(func(n int) (bool, error) {
		f := k.h.Open(k.TB)
		if err := errors.Join(f.Raise(k.ctx, "release", 5), f.Raise(k.ctx, "root", 2)); err != nil {
			return false, err
		}
		acked := false
		f, cut := k.h.Interrupt(k.TB, f, n, func() { acked = f.Raise(k.ctx, "release", 6) == nil })
		v, err := f.Get(k.ctx, "release")
		if err == nil && v != 6 && (v != 5 || acked) {
			err = fmt.Errorf("floor is %d, it was 5 and was raised to 6, acknowledged: %v", v, acked)
		}
		return cut, errors.Join(err, floorIs(k, f, "root", 2))
	})
}

func checkConcurrentFloors(k *floorKit) error {
	f := k.h.Open(k.TB)
	errs := make([]error, 16)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			v := uint64(1 + (i*7)%len(errs))
			err := f.Raise(k.ctx, "release", v)
			got, gerr := f.Get(k.ctx, "release")
			if err == nil && gerr == nil && got < v {
				err = fmt.Errorf("floor is %d after a raise to %d", got, v)
			}
			errs[i] = errors.Join(err, gerr)
		})
	}
	all.Wait()
	return errors.Join(append(errs, floorIs(k, k.h.Reopen(k.TB, f), "release", uint64(len(errs))))...)
}
