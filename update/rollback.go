package update

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

var errAbandoned = errors.New("given up")

// Rollback gives up what is under way: an installation is ended and its place stays
// unbootable, an activation is taken back, a release on trial is exchanged for the one
// before by a restart, and is blocked like any that failed. Without any of these it gives
// [ErrNoTrial]: a confirmed release is left by installing another. It asks for
// [access.UpdateRollback]. Returning nil means that the release before is the next
// to start; a gate may still hold the restart back.
func (u *Updater) Rollback(ctx context.Context, reason string) error {
	by, err := access.Check(ctx, u.parts.Guard, access.UpdateRollback, resource)
	if err != nil {
		return fmt.Errorf("update: rollback: %w", err)
	}
	stopped := u.interrupt()
	if err := u.working.take(ctx); err != nil {
		return fmt.Errorf("update: rollback: %w", err)
	}
	defer u.working.give()
	err = u.rollback(ctx, clean(reason), by)
	if err != nil && !(stopped && errors.Is(err, ErrNoTrial)) {
		return fmt.Errorf("update: rollback: %w", err)
	}
	return nil
}

// interrupt ends the installation under way, if there is one.
func (u *Updater) interrupt() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stop == nil {
		return false
	}
	u.stop(errAbandoned)
	return true
}

func (u *Updater) rollback(ctx context.Context, reason string, by *access.Entity) error {
	if err := u.recovered(ctx); err != nil {
		return err
	}
	inv, err := u.boot(ctx)
	if err != nil {
		return err
	}
	switch j := u.current(); {
	case inv.Trial:
		return u.giveUp(ctx, inv, errors.New(reason))
	case resumable(j.State), j.State == stateActivating, j.State == stateRestart:
		return u.abandon(ctx, reason, by)
	}
	return ErrNoTrial
}

// abandon ends what was not started yet.
func (u *Updater) abandon(ctx context.Context, reason string, by *access.Entity) error {
	j, operation := u.current(), OpInstall
	if j.State == stateActivating || j.State == stateRestart {
		operation = OpRestart
		j = j.next(stateRollingBack)
		j.Reason = reason
		if err := u.keep(ctx, j); err != nil {
			return err
		}
	}
	if waiting, err := u.putBack(ctx); err != nil || waiting {
		return err
	}
	if j.State == stateRollingBack {
		u.event(ctx, access.EventUpdateReverted, j, by)
	}
	// Ended before the journal forgets it, as in finish.
	if err := u.settle(ctx, operation); err != nil {
		return err
	}
	j = j.over(stateIdle)
	j.Reason, j.Version = "", ""
	return u.keep(ctx, j)
}

// giveUp exchanges the release on trial for the one before, if there is one that would
// start: where both are bad, the one that runs goes on.
func (u *Updater) giveUp(ctx context.Context, inv Installed, cause error) error {
	if !inv.Good {
		return errors.New("there is no confirmed release to go back to")
	}
	j := u.current()
	if j.State != stateRollingBack {
		j.Reason = clean(cause.Error())
		if err := u.keep(ctx, j.failed(cause).next(stateRollingBack)); err != nil {
			return err
		}
	}
	if _, err := u.undo(ctx); err != nil {
		return err
	}
	err := u.restartBack(ctx)
	if errors.Is(err, ErrHeld) {
		return nil // Run restarts when the gate opens
	}
	return err
}

// restartBack asks for the restart that ends a rollback. The Interlock is not asked:
// the trial that it knows of ends by it.
func (u *Updater) restartBack(ctx context.Context) error {
	r := &Release{Version: u.parts.Running.Version, Number: u.parts.Running.Number}
	// A gate may hold it back; one that says nothing does not keep a bad release running.
	var held *HeldError
	if err := u.gates(ctx, PhaseRestart, r); err != nil && !(errors.As(err, &held) && held.silent) {
		return err
	}
	u.started = time.Now()
	if err := u.parts.Host.Restart(ctx, "software rollback"); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}

// clean makes a reason that can be kept.
func clean(reason string) string {
	if !validText(reason, maxReason) {
		return "a reason that is not 256 bytes of printable text"
	}
	return reason
}
