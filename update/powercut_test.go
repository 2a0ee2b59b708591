package update_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// stage is a state in the life of a device, reached by doing what follows it.
type stage func(ctx context.Context, m *powercut.Machine, v *vendor) error

// life does stages one after the other.
func life(stages ...stage) stage {
	return func(ctx context.Context, m *powercut.Machine, v *vendor) error {
		for _, s := range stages {
			if err := s(ctx, m, v); err != nil {
				return err
			}
		}
		return nil
	}
}

// made is a device from the factory, with release 1.2 on offer.
func made(_ context.Context, m *powercut.Machine, v *vendor) error { return factory(m, v, 1) }

// on starts the program, without a power-on, and does something with it.
func on(do func(ctx context.Context, d *device) error) stage {
	return func(ctx context.Context, m *powercut.Machine, v *vendor) error {
		d, err := start(ctx, m, v, nil)
		if err != nil {
			return err
		}
		return m.Attempt(func() error {
			if err := d.Recover(ctx); err != nil {
				return err
			}
			return do(as(ctx, "operator"), d)
		})
	}
}

func power(_ context.Context, m *powercut.Machine, v *vendor) error { return powerOn(m, v) }

// installing brings the device to a release on trial, or finds it there.
func installing(ctx context.Context, d *device) error {
	if _, trial, err := d.Status(ctx); err != nil || trial {
		return err
	}
	return d.Install(ctx, "")
}

// insisting is installing after a power-on, and after another one if the device
// waits for it.
func insisting(ctx context.Context, m *powercut.Machine, v *vendor) error {
	if err := powerOn(m, v); err != nil {
		return err
	}
	again := false
	err := on(func(ctx context.Context, d *device) error {
		again = d.State() == "rolling back"
		return nil
	})(ctx, m, v)
	if err == nil && again {
		err = powerOn(m, v)
	}
	if err != nil {
		return err
	}
	return on(installing)(ctx, m, v)
}

func partly(ctx context.Context, m *powercut.Machine, v *vendor) error {
	broken := v.clone()
	broken.cutOff(700)
	d, err := start(ctx, m, broken, func(_ *update.Parts, o *update.Options) { o.Retries = 1 })
	if err != nil {
		return err
	}
	if err := d.Install(as(ctx, "operator"), ""); !errors.Is(err, update.ErrUnavailable) {
		return fmt.Errorf("want an interrupted installation, got %w", err)
	}
	return nil
}

func confirming(ctx context.Context, d *device) error { return d.unless(d.Confirm(ctx)) }

func rollingBack(ctx context.Context, d *device) error {
	return d.unless(d.Rollback(ctx, "a person said so"))
}

// unless takes it for done that there is nothing to decide any more.
func (d *device) unless(err error) error {
	if errors.Is(err, update.ErrNoTrial) {
		return nil
	}
	return err
}

// running runs a device until its trial is over.
func running(ctx context.Context, m *powercut.Machine, v *vendor) error {
	ctx, cancel := context.WithCancel(as(ctx, "operator"))
	defer cancel()
	d, err := start(ctx, m, v, func(_ *update.Parts, o *update.Options) {
		o.Policy.TrialHealthy, o.Tick = 1, time.Millisecond
	})
	if err != nil {
		return err
	}
	d.host.ended = cancel
	if err := d.Recover(ctx); err != nil {
		return err
	}
	if _, trial, err := d.Status(ctx); err != nil || !trial {
		return err
	}
	go d.endWithPower(ctx, cancel)
	if err := d.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return d.Stats().Due
}

// endWithPower ends a program whose machine has no power, or fails for good: it would
// go on trying for ever.
func (d *device) endWithPower(ctx context.Context, end func()) {
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for failing := 0; ctx.Err() == nil && failing < 50; {
		<-every.C
		switch err := d.Stats().Due; {
		case errors.Is(err, powercut.ErrPower):
			failing = 50
		case err != nil:
			failing++
		default:
			failing = 0
		}
	}
	end()
}

// describe is what a device says of itself after the next power-on.
func describe(ctx context.Context, m *powercut.Machine, v *vendor) (string, error) {
	d, err := boot(ctx, m, v, nil)
	if err != nil {
		return "", err
	}
	if err := d.Health(ctx); err != nil {
		return "", err
	}
	text, err := d.tell(ctx)
	return text + " " + d.journal(ctx).Reason, err
}

// linked is describe, with what an activation keeps for the trial.
func linked(ctx context.Context, m *powercut.Machine, v *vendor) (string, error) {
	text, err := describe(ctx, m, v)
	if err != nil || strings.Contains(text, "trial=false") {
		return text, err
	}
	d, err := start(ctx, m, v, nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s link=%t", text, d.journal(ctx).Link), nil
}

// reading is o with another way to tell the state.
func reading(tell func(context.Context, *powercut.Machine, *vendor) (string, error), o powercut.Op) powercut.Op {
	o.State = func(ctx context.Context, m *powercut.Machine) (string, error) { return tell(ctx, m, published()) }
	return o
}

// published is the vendor that offers release 1.2 of these components.
func published(components ...string) *vendor {
	v := newVendor(components...)
	v.publish(2, 2, nil)
	for _, name := range v.names {
		v.image(name, 1, imageSize)
	}
	return v
}

// op is an operation in the life of a device with these components.
func op(name, method string, before, do stage, components ...string) powercut.Op {
	with := func(s stage) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error { return s(ctx, m, published(components...)) }
	}
	return powercut.Op{
		Name: name, Methods: []string{"Open", "Updater.Recover", method}, Before: with(before), Do: with(do),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			return describe(ctx, m, published(components...))
		},
		Legal: between,
	}
}

// between allows what lies between two steps that cannot be one: a release that is
// confirmed while its floor is still to be raised, one that is given up and runs until
// the restart, and one of which a part was started.
func between(old, wanted, got string) error {
	got = strings.Replace(got, "a part of it was started without the rest", "", 1)
	confirmed := got == old || strings.Contains(got, "trial=false") && strings.Replace(got, "floor=0", "floor=2", 1) == wanted
	givenUp := strings.Contains(got, "trial=true") && strings.Contains(wanted, strings.TrimPrefix(got, "1.2 trial=true"))
	if confirmed || givenUp {
		return nil
	}
	return errors.New("neither old nor new")
}

// armed is what a device says of itself when its power stayed on.
func armed(ctx context.Context, m *powercut.Machine, v *vendor) (string, error) {
	d, err := start(ctx, m, v, nil)
	if err == nil {
		err = d.Recover(ctx)
	}
	if err != nil {
		return "", err
	}
	text, err := d.tell(ctx)
	return fmt.Sprintf("%s next=%s", text, slots{m, "system"}.load().Next), err
}

func ops() []powercut.Op {
	installed := life(made, on(installing))
	trial := life(installed, power)
	return []powercut.Op{
		op("update.install", "Updater.Install", made, life(power, on(installing))),
		reading(linked, op("update.resume", "Updater.Install", life(made, partly), life(power, on(installing)))),
		op("update.parts", "Updater.Install", made, insisting, "mcu", "system"),
		op("update.confirm", "Updater.Confirm", trial, on(confirming)),
		op("update.confirm-parts", "Updater.Confirm", trial, on(confirming), "mcu", "system"),
		op("update.rollback", "Updater.Rollback", trial, on(rollingBack)),
		op("update.rollback-parts", "Updater.Rollback", trial, on(rollingBack), "mcu", "system"),
		reading(armed, op("update.disarm", "Updater.Rollback", installed, on(rollingBack))),
		op("update.run", "Updater.Run", trial, running),
		op("update.check", "Updater.Check", life(trial, offline), on(checking)),
		reading(forewarned, op("update.remember", "Updater.Check", trial, warned)),
	}
}

// offline confirms while nothing can be verified, so that the floor waits.
func offline(ctx context.Context, m *powercut.Machine, v *vendor) error {
	alone := v.clone()
	clear(alone.targets)
	return on(confirming)(ctx, m, alone)
}

// forewarned is whether a device still knows the revocation, which it acts on at its next
// start: the first look finds the release being given up, the second one the one before.
func forewarned(ctx context.Context, m *powercut.Machine, v *vendor) (string, error) {
	text, err := describe(ctx, m, v)
	return fmt.Sprintf("revoked=%t confirmed=%t", strings.Contains(text, "revoked by 1.3"), strings.HasPrefix(text, "1.2 trial=false")), err
}

// warned learns that the release on trial was revoked.
func warned(ctx context.Context, m *powercut.Machine, v *vendor) error {
	v = v.clone()
	revoking(v)
	return on(func(ctx context.Context, d *device) error {
		_, err := d.Check(ctx)
		return errors.Join(err, d.Health(ctx)) // a revocation that could not be kept
	})(ctx, m, v)
}

func checking(ctx context.Context, d *device) error {
	_, err := d.Check(ctx)
	if errors.Is(err, update.ErrNotOffered) {
		return d.Health(ctx) // the floor that could not be raised
	}
	return err
}

func TestPowerCut(t *testing.T) {
	for _, op := range append(ops(), floorOps()...) {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, append(ops(), floorOps()...), []string{
		"Updater.Status", "Updater.State", "Updater.Stats", "Updater.Progress", "Updater.Health", "Updater.Features",
		"Updater.Configure", // keeps nothing
		"FloorStore.Get",
	}, (*update.Updater)(nil), (*update.FloorStore)(nil))
}
