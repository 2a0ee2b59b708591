package updatetest

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/iot-device-baseline/baseline/update"
)

// BootloaderHarness gives the kit devices. Every function fails t when it cannot do its
// work.
type BootloaderHarness struct {
	// Open gives the boot loader of a new device of two slots, started from one that is
	// good; the other one is not, and does not start.
	Open func(t testing.TB) update.Bootloader
	// Restart gives that of the same device after it lost its power and its boot
	// loader has chosen a slot: b is not used any more.
	Restart func(t testing.TB, b update.Bootloader) update.Bootloader
	// Interrupt calls act, which works on b, loses the power before the step of the
	// device that comes after the next n, and restarts as Restart does; cut is
	// false when act was over before. A device that can only be switched off between
	// calls: for n = 0 it calls act not at all and says cut, else it calls act,
	// restarts and does not.
	Interrupt func(t testing.TB, b update.Bootloader, n int, act func()) (after update.Bootloader, cut bool)
	// Damage damages all copies of the environment while the system runs.
	Damage func(t testing.TB, b update.Bootloader)
}

func (h BootloaderHarness) lacks() string {
	if h.Open == nil || h.Restart == nil || h.Interrupt == nil || h.Damage == nil {
		return "Open, Restart, Interrupt or Damage"
	}
	return ""
}

// TestBootloader checks every rule of update.Bootloader, each as a subtest.
func TestBootloader(t *testing.T, h BootloaderHarness) {
	t.Helper()
	test(t, BootloaderRules(), h)
}

type bootKit = kit[BootloaderHarness]

// BootloaderRules returns the rules of update.Bootloader.
func BootloaderRules() []Rule[BootloaderHarness] {
	const of = "Bootloader"
	return []Rule[BootloaderHarness]{
		{of, "Atomic", "Each change is one atomic, durable write: after a power cut all of it is there or nothing.", checkAtomic},
		{of, "Booted", "Booted tells the slot that this system was started from, as the boot loader said at its start; it does not change while the system runs.", checkBooted},
		{of, "SetBad", "SetBad makes a slot one that is not started; of the running one it gives an error that is [ErrRunning].", checkSetBad},
		{of, "Try", "Try makes slot the next to start, tries times at most; then the slot before starts again.", checkTry},
		{of, "OtherStays", "The other slot stays what it is.", checkOtherStays},
		{of, "MarkGood", "MarkGood makes slot good and first, whatever Try said.", checkMarkGood},
		{of, "Unknown", "A slot that the boot loader does not know gives an error that is [io/fs.ErrNotExist].", checkUnknown},
		{of, "Damaged", "A damaged environment gives an error that is [ErrDamaged], not a guess.", checkDamaged},
	}
}

// both are the slots of a boot loader, as seen from the running one.
type both struct{ running, other update.SlotState }

func (b both) String() string { return fmt.Sprintf("runs %+v, other %+v", b.running, b.other) }

func slotsOf(k *bootKit, b update.Bootloader) (s both, err error) {
	booted, err := b.Booted(k.ctx)
	if err != nil {
		return s, fmt.Errorf("booted: %w", err)
	}
	states, err := b.State(k.ctx)
	if err != nil {
		return s, fmt.Errorf("state: %w", err)
	}
	if len(states) != 2 || states[0].Name == states[1].Name {
		return s, fmt.Errorf("states are %+v, want those of two slots", states)
	}
	for i, state := range states {
		if state.Name == booted {
			return both{state, states[1-i]}, nil
		}
	}
	return s, fmt.Errorf("booted is %q, the slots are %+v", booted, states)
}

// fresh is a new device with its slots.
func fresh(k *bootKit) (update.Bootloader, both, error) {
	b := k.h.Open(k.TB)
	s, err := slotsOf(k, b)
	if err == nil && (!s.running.Good || !s.running.Next || s.other.Good || s.other.Next) {
		err = fmt.Errorf("a new device: %v", s)
	}
	return b, s, err
}

// onTrial is a device started from the other slot of a new one, with left tries.
func onTrial(k *bootKit, left int) (update.Bootloader, both, error) {
	b, s, err := fresh(k)
	if err == nil {
		err = b.Try(k.ctx, s.other.Name, left+1)
	}
	if err != nil {
		return b, s, err
	}
	b = k.h.Restart(k.TB, b)
	now, err := slotsOf(k, b)
	if err == nil && now.running.Name != s.other.Name {
		err = fmt.Errorf("after Try of %s and a restart: %v", s.other.Name, now)
	}
	return b, now, err
}

// bothGood is a device both of whose slots are good.
func bothGood(k *bootKit) (update.Bootloader, both, error) {
	b, s, err := onTrial(k, 1)
	if err == nil {
		err = b.MarkGood(k.ctx, s.running.Name)
	}
	if err == nil {
		s, err = slotsOf(k, b)
	}
	if err == nil && (!s.running.Good || !s.other.Good) {
		err = fmt.Errorf("after MarkGood of the second slot: %v", s)
	}
	return b, s, err
}

// boots restarts b and says that it does not run the slot.
func boots(k *bootKit, b update.Bootloader, slot string) (update.Bootloader, error) {
	b = k.h.Restart(k.TB, b)
	booted, err := b.Booted(k.ctx)
	if err == nil && booted != slot {
		err = fmt.Errorf("the restart gives %s, want %s", booted, slot)
	}
	return b, err
}

// always is boots, often.
func always(k *bootKit, b update.Bootloader, slot string) (err error) {
	for i := range restarts {
		if b, err = boots(k, b, slot); err != nil {
			return fmt.Errorf("restart %d: %w", i+1, err)
		}
	}
	return nil
}

var errUnchanged = errors.New("the state before and after are the same to the kit")

func checkUnknown(k *bootKit) error {
	b, before, err := fresh(k)
	if err != nil {
		return err
	}
	for _, name := range []string{"", before.running.Name + "x", before.other.Name + " ", "no-such-slot"} {
		for what, err := range map[string]error{
			"SetBad": b.SetBad(k.ctx, name), "Try": b.Try(k.ctx, name, 1), "MarkGood": b.MarkGood(k.ctx, name),
		} {
			if err := isOneOf(err, fs.ErrNotExist); err != nil {
				return fmt.Errorf("%s of %q: %w", what, name, err)
			}
		}
	}
	after, err := slotsOf(k, b)
	if err == nil && after != before {
		err = fmt.Errorf("they changed the slots: %v, then %v", before, after)
	}
	return err
}

func checkDamaged(k *bootKit) error {
	b, s, err := bothGood(k)
	if err != nil {
		return err
	}
	k.h.Damage(k.TB, b)
	states, err := b.State(k.ctx)
	if len(states) > 0 {
		return fmt.Errorf("it gives %+v as State", states)
	}
	for what, err := range map[string]error{
		"State": err, "SetBad": b.SetBad(k.ctx, s.other.Name), "Try": b.Try(k.ctx, s.other.Name, 1), "MarkGood": b.MarkGood(k.ctx, s.running.Name),
	} {
		if err := isOneOf(err, update.ErrDamaged); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}
