package baselinetest

import (
	"context"
	"fmt"
	"slices"
)

// resetFloor: RST-03, with the refusals of RST-01 and the dead credentials of RST-04.
func resetFloor(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	d, floor, err := x.raise(ctx, d)
	if err != nil {
		return err
	}
	if err := x.applies(ctx, d, 1); err != nil {
		return err
	}
	if err := x.mayNotReset(ctx, d, floor); err != nil {
		return err
	}
	old, err := x.as(ctx, d, Owner)
	if err != nil {
		return err
	}
	if err := d.Parts.Resetter.Reset(old, x.h.Resets.Scope, "a test of the whole device"); err != nil {
		return unclear("the owner's own reset", err)
	}
	if d, err = x.again(ctx, d); err != nil {
		return err
	}
	if err := x.holds(ctx, d, floor); err != nil {
		return err
	}
	if err := x.dead(ctx, old, d); err != nil {
		return err
	}
	return x.newLife(ctx, d, floor)
}

// raise brings the floor above the factory's, by what the harness does and, if there
// are updates, by a confirmed newer release.
func (x *trial) raise(ctx context.Context, d *Device) (*Device, []string, error) {
	factory, err := x.floor(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	if x.h.Updates != nil {
		if d, err = x.installs(ctx, d); err != nil {
			return nil, nil, err
		}
	}
	if err := x.h.Resets.Raise(ctx, d); err != nil {
		return nil, nil, unclear("raise the floor", err)
	}
	raised, err := x.floor(ctx, d)
	if err == nil && slices.Equal(factory, raised) {
		err = unclearf("the floor is the factory's, so that a reset cannot lower it")
	}
	return d, raised, err
}

func (x *trial) floor(ctx context.Context, d *Device) ([]string, error) {
	lines, err := x.h.Resets.Floor(ctx, d)
	if err == nil && len(lines) == 0 {
		err = unclearf("there is none")
	}
	return slices.Sorted(slices.Values(lines)), unclear("read the floor", err)
}

func (x *trial) mayNotReset(ctx context.Context, d *Device, floor []string) error {
	before, err := x.document(ctx, d)
	if err != nil {
		return err
	}
	for _, a := range []Actor{Nobody, Viewer} {
		who, err := x.as(ctx, d, a)
		if err != nil {
			return err
		}
		refusal := d.Parts.Resetter.Reset(who, x.h.Resets.Scope, "a test of the whole device")
		if err := x.refused("a reset by "+a.String(), refusal, denied); err != nil {
			return err
		}
	}
	if err := x.same(ctx, d, before, "refused resets"); err != nil {
		return fmt.Errorf("after refused resets: %s", err) // decided: the owner is out, or the settings are others
	}
	return x.holds(ctx, d, floor)
}

// holds wants each floor to be where it was.
func (x *trial) holds(ctx context.Context, d *Device, want []string) error {
	now, err := x.floor(ctx, d)
	if err != nil {
		return err
	}
	for _, line := range want {
		if !slices.Contains(now, line) {
			return fmt.Errorf("the floor was %q and is now %q", want, now)
		}
	}
	x.stepf("the floor holds: %q", now)
	return nil
}

// dead wants nothing that authenticated before to do so now.
func (x *trial) dead(ctx, old context.Context, d *Device) error {
	if d.Parts.Accessor != nil {
		reason, shut := d.Parts.Accessor.Shut()
		if !shut {
			return fmt.Errorf("the device is in service after the reset")
		}
		x.stepf("shut: %s", reason)
	}
	for _, a := range []Actor{Owner, Viewer} {
		who, err := x.h.As(ctx, d, a)
		if err == nil {
			// The log-in alone gives nothing if every operation is refused; but then
			// it says so.
			return fmt.Errorf("%s logs in with the credential from before the reset: %v", a, who != nil)
		}
		x.stepf("%s cannot log in: %v", a, err)
	}
	if d.Parts.Configurer == nil {
		return nil
	}
	_, err := d.Parts.Configurer.Apply(old, x.h.Patch(2), "", nil)
	return x.refused("a change in the session from before the reset", err, denied)
}

// newLife commissions the device again: it works, has nothing of the old owner's, and
// takes no release from below the floor.
func (x *trial) newLife(ctx context.Context, d *Device, floor []string) error {
	if err := x.h.Commission(ctx, d); err != nil {
		return fmt.Errorf("it cannot be commissioned after the reset: %w", err)
	}
	// The old owner's patch is gone: it has an effect again.
	if err := x.applies(ctx, d, 1); err != nil {
		return err
	}
	if x.h.Updates != nil {
		var err error
		if d, err = x.keeps(ctx, d, Older); err != nil {
			return err
		}
	}
	return x.holds(ctx, d, floor)
}
