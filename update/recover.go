package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

const (
	recoverLimit = time.Minute
	maxStarts    = 8 // of the program in one trial
)

// Recover finds out at a start what runs and what a power cut interrupted. It needs
// the boot chain and the journal, no vault and no entity, and may be called again. It
// never activates and never confirms: what is written is left to Install, a trial
// to Run.
func (u *Updater) Recover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	if err := u.working.take(ctx); err != nil {
		return fmt.Errorf("update: recover: %w", err)
	}
	defer u.working.give()
	u.ready = false
	if err := u.recovered(ctx); err != nil {
		return fmt.Errorf("update: recover: %w", err)
	}
	return nil
}

// recovered recovers unless that was done.
func (u *Updater) recovered(ctx context.Context) error {
	if u.ready {
		return nil
	}
	if err := u.load(ctx); err != nil {
		return err
	}
	inv, err := u.boot(ctx)
	if err != nil {
		return err
	}
	if err := u.meet(ctx, inv); err != nil {
		return err
	}
	u.ready = true
	return nil
}

// boot returns what the boot chain says.
func (u *Updater) boot(ctx context.Context) (Installed, error) {
	inv, err := u.parts.Installers[u.parts.Boot].Inventory(ctx)
	if err != nil {
		return inv, fmt.Errorf("%s: %w", u.parts.Boot, err)
	}
	return inv, nil
}

// meet brings the journal in line with the boot chain.
func (u *Updater) meet(ctx context.Context, inv Installed) error {
	j := u.current()
	switch {
	case j.State == stateRollingBack && (inv.Trial || inv.Armed):
		return u.goBack(ctx, inv)
	case inv.Trial:
		return u.enterTrial(ctx, inv)
	case inv.Armed && (j.State == stateActivating || j.State == stateRestart):
		return u.awaitRestart(ctx)
	case inv.Armed && inv.Good:
		return u.goBack(ctx, inv)
	}
	return u.meetConfirmed(ctx, inv)
}

// meetConfirmed is meet when a confirmed release runs.
func (u *Updater) meetConfirmed(ctx context.Context, inv Installed) error {
	j := u.current()
	isNew := inv.Running == j.Places[u.parts.Boot] && inv.Running != ""
	switch j.State {
	case stateIdle, stateRolledBack, stateInstalled, stateVerifying, stateWriting, statePreparing:
		// What is armed or started behind the journal's back.
		if waiting, err := u.putBack(ctx); err != nil || waiting {
			return err
		}
		if j.State == stateIdle || j.State == stateRolledBack {
			return u.settleAll(ctx)
		}
		return u.settle(ctx, OpInstall)
	case stateActivating:
		if isNew {
			break
		}
		if j.Armings < maxArmings {
			return u.disarm(ctx)
		}
		return u.reverted(ctx, "it could not be started")
	}
	if !isNew {
		return u.reverted(ctx, j.Reason)
	}
	// The trial is pending until its floor is raised: a reset would lower what must not
	// fall.
	if err := u.resume(ctx, OpTrial); err != nil {
		return err
	}
	if err := u.settle(ctx, OpRestart); err != nil {
		return err
	}
	if j.State == stateConfirming {
		return nil // Run raises the floor
	}
	return u.keep(ctx, j.next(stateConfirming))
}

// settle tells the Interlock that what an earlier run began is over.
func (u *Updater) settle(ctx context.Context, operation string) error {
	if err := u.resume(ctx, operation); err != nil {
		return nil //nolint:nilerr // it was not pending, and something else is
	}
	return u.end(ctx, operation)
}

// settleAll is settle for whatever is pending though nothing is under way: the power may
// have gone between a beginning and its note in the journal. An [Interlock] without the
// method Pending is not asked: it would be told of operations that never were.
func (u *Updater) settleAll(ctx context.Context) error {
	p, ok := u.parts.Interlock.(interface{ Pending() []string })
	if !ok {
		return nil
	}
	pending := p.Pending()
	for _, op := range []string{OpInstall, OpRestart, OpTrial} {
		if !slices.Contains(pending, op) {
			continue
		}
		if err := u.settle(ctx, op); err != nil {
			return err
		}
	}
	return nil
}

// awaitRestart is the state before a restart that did not come yet.
func (u *Updater) awaitRestart(ctx context.Context) error {
	if err := u.resume(ctx, OpRestart); err != nil {
		return err
	}
	if done, err := u.disarmRevoked(ctx, nil); done {
		return err
	}
	if j := u.current(); j.State != stateRestart {
		return u.keep(ctx, j.next(stateRestart))
	}
	return nil
}

// enterTrial counts a start of the release on trial, and gives it up after too many.
func (u *Updater) enterTrial(ctx context.Context, inv Installed) error {
	if err := u.resume(ctx, OpTrial); err != nil {
		return err
	}
	if err := u.settle(ctx, OpRestart); err != nil {
		return err
	}
	j := u.current().next(stateTrial)
	if j.Places[u.parts.Boot] != inv.Running { // the journal knows nothing of it
		j = j.over(stateTrial)
		j.Version, j.Reason = u.parts.Running.Version, ""
		if o, err := u.kept(ctx); err == nil && u.runs(o) {
			j.Document, j.Images = o.digest, o.images()
		}
		j.Places = map[string]string{u.parts.Boot: inv.Running}
	}
	if !u.counted {
		j.Starts++
	}
	if err := u.keep(ctx, j); err != nil {
		return err
	}
	u.counted = true
	u.trial = trial{elapsed: time.Duration(j.Elapsed) * time.Second}
	if !inv.Good {
		return nil
	}
	if j.Starts > maxStarts {
		return u.giveUp(ctx, inv, errors.New("it was started too often in its trial"))
	}
	if err := u.revoked(ctx, nil, u.parts.Running.Number, j.Document); err != nil {
		return u.giveUp(ctx, inv, err)
	}
	return nil
}

// runs reports whether o is the release that runs.
func (u *Updater) runs(o *offer) bool {
	return o.Number == u.parts.Running.Number && o.Version == u.parts.Running.Version
}

// goBack goes on with a rollback. The restart that ends it is Run's.
func (u *Updater) goBack(ctx context.Context, inv Installed) error {
	j := u.current()
	if inv.Trial || !inv.Good {
		if _, err := u.undo(ctx); err != nil {
			return err
		}
	}
	switch {
	case inv.Trial:
		return u.resume(ctx, OpTrial)
	case !inv.Good: // it was never started
		return u.reverted(ctx, j.Reason)
	case j.State != stateRollingBack:
		return u.keep(ctx, j.next(stateRollingBack))
	}
	return nil
}

// reverted notes that the release before runs again, and that the new one failed.
func (u *Updater) reverted(ctx context.Context, reason string) error {
	j := u.current()
	if j.State != stateRollingBack {
		j = j.failed(nil)
	}
	if j.Reason = reason; reason == "" {
		j.Reason = "the boot loader gave it up"
	}
	started, err := u.undo(ctx)
	if err != nil {
		return err
	}
	if started { // parts of it run until the next restart
		return u.keep(ctx, j.next(stateRollingBack))
	}
	for _, op := range []string{OpRestart, OpTrial} {
		if err := u.settle(ctx, op); err != nil {
			return err
		}
	}
	u.event(ctx, access.EventUpdateReverted, j, nil)
	u.count(func(s *Stats) { s.Reverted++ })
	return u.keep(ctx, j.over(stateRolledBack))
}

// event logs what became of a release. It may come twice, but is not lost.
func (u *Updater) event(ctx context.Context, name string, j journal, by *access.Entity) {
	var attrs []slog.Attr
	if j.Document != (Digest{}) || j.Version != "" {
		attrs = append(attrs, slog.String(access.KeyVersion, j.Version), slog.String(access.KeyDigest, j.Document.String()))
	}
	if j.Reason != "" {
		attrs = append(attrs, slog.String(access.KeyReason, j.Reason))
	}
	if j.By != "" && (by == nil || by.ID() != j.By && by.OnBehalf() == "") {
		attrs = append(attrs, slog.String(access.KeyOnBehalf, j.By))
	}
	if by != nil {
		attrs = append(attrs, by.LogValue().Group()...)
	}
	u.log.LogAttrs(ctx, access.LevelAudit, name, attrs...)
}
