package baselinetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// defaultSecret: ACC-02.
func defaultSecret(ctx context.Context, x *trial) error {
	d, err := x.fresh(ctx)
	if err != nil {
		return err
	}
	if err := x.allShut(ctx, d); err != nil {
		return err
	}
	if d, err = x.again(ctx, d); err != nil {
		return err
	}
	if err := x.allShut(ctx, d); err != nil {
		return err
	}
	if err := x.h.Commission(ctx, d); err != nil {
		return unclear("commission the device", err)
	}
	if reason, shut := d.Parts.Accessor.Shut(); shut {
		return unclearf("it is still shut after commissioning: %s", reason)
	}
	return x.allOpen(ctx, d)
}

// operations are the device's own, and changing its settings.
func (x *trial) operations(d *Device) []Operation {
	all := slices.Clone(x.h.Operations)
	if d.Parts.Configurer == nil {
		return all
	}
	return append(all, Operation{"change the settings", func(ctx context.Context, d *Device) error {
		_, err := d.Parts.Configurer.Apply(ctx, x.h.Patch(0), "", nil)
		return err
	}, denied})
}

func (op Operation) refusal() func(error) bool {
	if op.Refused != nil {
		return op.Refused
	}
	return denied
}

// allShut wants every operation to be refused to everybody there is.
func (x *trial) allShut(ctx context.Context, d *Device) error {
	reason, shut := d.Parts.Accessor.Shut()
	if !shut {
		return errors.New("the device is open while its initial secret serves")
	}
	x.stepf("shut: %s", reason)
	for _, a := range []Actor{Nobody, Initial, Program} {
		who, err := x.as(ctx, d, a)
		if a == Program && errors.Is(err, errors.ErrUnsupported) {
			x.stepf("the device has no program that works by itself")
			continue
		}
		if err != nil {
			return err
		}
		for _, op := range x.operations(d) {
			if err := x.refused(op.Name+" by "+a.String(), op.Do(who, d), op.refusal()); err != nil {
				return err
			}
		}
	}
	return nil
}

// allOpen wants every operation to work for the owner and the program, and the initial
// secret to be out of service.
func (x *trial) allOpen(ctx context.Context, d *Device) error {
	if _, err := x.h.As(ctx, d, Initial); err == nil {
		return errors.New("the initial secret serves after commissioning")
	}
	if len(x.operations(d)) == 0 {
		return unclearf("there are neither settings nor Operations to be refused")
	}
	// What was refused before has had no effect, or this would change nothing.
	if err := x.applies(ctx, d, 0); err != nil {
		return err
	}
	for _, a := range []Actor{Owner, Program} {
		who, err := x.as(ctx, d, a)
		if a == Program && errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			return err
		}
		for _, op := range x.h.Operations {
			if err := op.Do(who, d); err != nil {
				return unclear(op.Name+" by "+a.String()+", so that its refusal shows nothing", err)
			}
			x.stepf("%s by %s: done", op.Name, a)
		}
	}
	return nil
}

// unauthorisedChange: CFG-01.
func unauthorisedChange(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	before, err := x.document(ctx, d)
	if err != nil {
		return err
	}
	for _, a := range []Actor{Nobody, Viewer} {
		who, err := x.as(ctx, d, a)
		if err != nil {
			return err
		}
		_, refusal := d.Parts.Configurer.Apply(who, x.h.Patch(0), "", nil)
		// What has changed is said before what was answered: it is the graver.
		if err := x.same(ctx, d, before, "a change by "+a.String()); err != nil {
			return err
		}
		if err := x.refused("a change by "+a.String(), refusal, denied); err != nil {
			return err
		}
	}
	if err := x.reads(ctx, d, before); err != nil {
		return err
	}
	if d, err = x.again(ctx, d); err != nil {
		return err
	}
	if err := x.same(ctx, d, before, "refused changes and a loss of power"); err != nil {
		return err
	}
	return x.applies(ctx, d, 0)
}

// reads wants the viewer to be somebody: who cannot read either was perhaps refused
// for another reason.
func (x *trial) reads(ctx context.Context, d *Device, want []byte) error {
	viewer, err := x.as(ctx, d, Viewer)
	if err != nil {
		return err
	}
	doc, _, err := d.Parts.Configurer.Document(viewer)
	if err != nil || !bytes.Equal(doc, want) {
		return unclearf("the viewer does not read what the owner reads: %w", err)
	}
	x.stepf("the viewer reads the settings")
	return nil
}
