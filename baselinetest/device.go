package baselinetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
)

// fresh opens a new device, which must run and be as its statement says.
func (x *trial) fresh(ctx context.Context) (*Device, error) {
	d, err := x.h.Open(ctx)
	if err != nil {
		return nil, unclear("open the device", err)
	}
	x.open = d
	if state, reason := d.Running.State(); state != baseline.Operational {
		return nil, unclearf("the device is %s: %s", state, reason)
	}
	return d, nil
}

// commissioned opens a new device and takes it into service.
func (x *trial) commissioned(ctx context.Context) (*Device, error) {
	d, err := x.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.h.Commission(ctx, d); err != nil {
		return nil, unclear("commission the device", err)
	}
	x.stepf("commissioned")
	return d, nil
}

// again takes the power from d. A device that does not start again fails.
func (x *trial) again(ctx context.Context, d *Device) (*Device, error) {
	x.open = nil
	next, err := x.h.Reopen(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("after the loss of power: %w", err)
	}
	x.open = next
	x.stepf("power lost, and started again")
	return next, nil
}

// as logs in who should be able to.
func (x *trial) as(ctx context.Context, d *Device, a Actor) (context.Context, error) {
	if a == Nobody {
		return access.Detach(ctx), nil
	}
	c, err := x.h.As(ctx, d, a)
	if err != nil {
		return nil, unclear("log in "+a.String(), err)
	}
	if access.FromContext(c) == nil {
		return nil, unclearf("log in %s: the context names no entity", a)
	}
	return c, nil
}

// document reads the settings as the owner.
func (x *trial) document(ctx context.Context, d *Device) ([]byte, error) {
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return nil, err
	}
	if d.Parts.Configurer == nil {
		return nil, nil // there are none
	}
	doc, _, err := d.Parts.Configurer.Document(owner)
	return doc, unclear("read the settings as the owner", err)
}

// same wants the settings to be as they were.
func (x *trial) same(ctx context.Context, d *Device, before []byte, after string) error {
	now, err := x.document(ctx, d)
	if err == nil && !bytes.Equal(before, now) {
		err = fmt.Errorf("%s: the settings have changed", after)
	}
	return err
}

// applies wants the owner's patch to have an effect.
func (x *trial) applies(ctx context.Context, d *Device, n int) error {
	if d.Parts.Configurer == nil {
		return nil
	}
	before, err := x.document(ctx, d)
	if err != nil {
		return err
	}
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return err
	}
	if _, err := d.Parts.Configurer.Apply(owner, x.h.Patch(n), "", nil); err != nil {
		return unclear("the owner's own change", err)
	}
	after, err := x.document(ctx, d)
	if err == nil && bytes.Equal(before, after) {
		err = unclearf("the owner's patch %d changes nothing, so that its refusal shows nothing", n)
	}
	if err == nil {
		x.stepf("the owner's change is in force")
	}
	return err
}

// close ends the device of the case.
func (x *trial) close() error {
	if x.open == nil {
		return nil
	}
	return errors.Join(unclear("close the device", x.h.Close(x.open)))
}
