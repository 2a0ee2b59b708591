package update

import (
	"context"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// trial are the clocks of a trial, in this run of the program.
type trial struct {
	elapsed time.Duration // of the whole trial, as far as it was kept
	kept    time.Duration // of it, in the journal
	healthy time.Duration // without a break
	ill     error         // why it was not healthy the last time
	watched bool          // the watchdog is set
	looked  time.Time     // when elapsed was counted last
}

// since returns how long the last look was ago, and counts from now on.
func (t *trial) since(now time.Time) time.Duration {
	last := t.looked
	t.looked = now
	if last.IsZero() {
		return 0
	}
	return now.Sub(last)
}

// Confirm makes the release on trial the one to fall back to, raises the floor that
// it asks for, and so ends the trial. It asks for [access.UpdateConfirm], at its
// beginning and again before the first step that cannot be undone. Without a trial
// it gives [ErrNoTrial].
//
// A release that is not healthy, is below the floor, says another number than its
// document, or was revoked by the vendor is not confirmed: [ErrUnhealthy], [ErrDowngrade],
// [ErrUntrusted], [ErrBlocked]. When only the floor could not be raised the release is confirmed
// all the same; the error says so, and Run tries again.
func (u *Updater) Confirm(ctx context.Context) error {
	by, err := access.Check(ctx, u.parts.Guard, access.UpdateConfirm, resource)
	if err == nil {
		err = u.working.take(ctx)
	}
	if err != nil {
		return fmt.Errorf("update: confirm: %w", err)
	}
	defer u.working.give()
	if err := u.confirm(ctx, by); err != nil {
		return fmt.Errorf("update: confirm: %w", err)
	}
	return nil
}

func (u *Updater) confirm(ctx context.Context, by *access.Entity) error {
	if err := u.recovered(ctx); err != nil {
		return err
	}
	inv, err := u.boot(ctx)
	if err != nil {
		return err
	}
	state := u.current().State
	if !inv.Trial && state != stateConfirming || inv.Trial && state == stateRollingBack {
		return ErrNoTrial
	}
	if !inv.Trial { // confirmed already: the rest
		return u.finish(ctx, u.latest(ctx), by)
	}
	// Asked here too, so that who may not does not ask the vendor at every tick of a trial.
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateConfirm, resource); err != nil {
		return err
	}
	if err := u.healthy(ctx); err != nil {
		return err // whoever confirms: an ill release is nothing to fall back to
	}
	if err := u.judge(ctx); err != nil {
		return err
	}
	o := u.latest(ctx)
	if err := u.vouched(ctx, o); err != nil {
		return err
	}
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateConfirm, resource); err != nil {
		return err
	}
	if err := u.confirmParts(ctx); err != nil {
		return err
	}
	return u.finish(ctx, o, by)
}

// vouched says why what the vendor says, o now or his last word, forbids to confirm
// what runs. It goes by what the program says of itself, whatever the journal says.
func (u *Updater) vouched(ctx context.Context, o *offer) error {
	running := u.parts.Running
	if o != nil && u.misnames(o) {
		return &misnamedError{running, o.Release}
	}
	return u.revoked(ctx, o, running.Number, u.current().Document)
}

// misnames reports whether o is what runs, or would be, and calls it by another name. A
// newer release may have the same version: then it is not this one.
func (u *Updater) misnames(o *offer) bool {
	running, j := u.parts.Running, u.current()
	number, version := o.Number == running.Number, o.Version == running.Version
	switch {
	case number == version:
		return false
	case number:
		return true
	}
	return o.digest == j.Document || o.images() == j.Images
}

// judge says why the release on trial must not be confirmed.
func (u *Updater) judge(ctx context.Context) error {
	j, running := u.current(), u.parts.Running
	release := &Release{Version: running.Version, Number: running.Number}
	if o, err := u.kept(ctx); err == nil && o.digest == j.Document {
		if !u.runs(o) {
			return &misnamedError{running, o.Release}
		}
		if u.listed(ctx, o) {
			release = o.Release
		}
	}
	floor, err := u.parts.Floors.Get(ctx, floorName)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	if running.Number < floor {
		return fmt.Errorf("%s (%d), the floor is %d: %w", running.Version, running.Number, floor, ErrDowngrade)
	}
	return u.gates(ctx, PhaseConfirm, release)
}

// confirmParts confirms what the boot chain says is on trial; what decides the boot is
// last, since there is no way back from it.
func (u *Updater) confirmParts(ctx context.Context) error {
	j := u.current().next(stateConfirming)
	j.Confirming = true
	if err := u.keep(ctx, j); err != nil {
		return err
	}
	for _, name := range u.order(ctx) {
		inv, err := u.parts.Installers[name].Inventory(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !inv.Trial {
			continue
		}
		if err := u.parts.Installers[name].Confirm(ctx, u.component(ctx, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// finish ends the trial of a release that the boot chain calls confirmed; o is what
// the vendor offers now, or nil.
func (u *Updater) finish(ctx context.Context, o *offer, by *access.Entity) error {
	if err := u.raise(ctx, o); err != nil {
		return fmt.Errorf("the release is confirmed, its floor is not raised yet: %w", err)
	}
	j := u.current()
	j.Reason, j.Version = "", u.parts.Running.Version
	u.event(ctx, access.EventUpdateInstalled, j, by)
	// Ended before the journal forgets it: what is idle has nothing pending.
	if err := u.settle(ctx, OpTrial); err != nil {
		return err
	}
	if err := u.keep(ctx, j.over(stateIdle)); err != nil {
		return err
	}
	u.count(func(s *Stats) { s.Confirmed++ })
	err := u.unwatch()
	u.trial = trial{}
	return err
}

// raise brings the floor to what the confirmed release that runs asks for, and never
// above its number. Its document counts only if the verified metadata lists it now;
// the journal, and the document that is kept, have no say.
func (u *Updater) raise(ctx context.Context, o *offer) error {
	floor := u.parts.Running.Floor
	if o != nil && u.runs(o) {
		floor = max(floor, o.Floor)
	}
	have, err := u.parts.Floors.Get(ctx, floorName)
	if err == nil && have < floor {
		err = u.parts.Floors.Raise(ctx, floorName, min(floor, u.parts.Running.Number))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.owed = err
	return err
}

// catchUp raises the floor for a release that was confirmed when its document could
// not be verified, for want of metadata.
func (u *Updater) catchUp(ctx context.Context, o *offer) {
	if inv, err := u.boot(ctx); err == nil && !inv.Trial && !inv.Armed && u.runs(o) {
		_ = u.raise(ctx, o) // told by Health
	}
}
