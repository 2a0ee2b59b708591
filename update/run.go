package update

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

const (
	keepTrialEvery = time.Minute      // the clock of a trial is kept so often
	restartEvery   = time.Minute      // a restart that does not come is asked for again
	watchdogAfter  = 10 * time.Minute // of a trial that hangs
)

// Run decides trials, finishes what waits for a gate or for the vault, and checks by
// the [Policy], until ctx ends; it then returns the cause. The entity in ctx
// needs [access.UpdateConfirm] for trials, [access.UpdateCheck] for checks and
// [access.UpdateInstall] for automatic installation. Rolling back a release that is
// not confirmed in time needs none. It returns when each [Health] and [Gate] that it asked
// has answered, so that nothing is closed under one.
//
// Run is called once at a time.
func (u *Updater) Run(ctx context.Context) error {
	defer u.awaitAnswers()
	ticker := time.NewTicker(u.opts.Tick)
	defer ticker.Stop()
	u.tend(ctx)
	// A first look comes at a random time, so that devices that start together do not
	// ask together.
	since := time.Duration(0)
	first := true
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		u.tend(ctx)
		every := u.currentPolicy().CheckEvery
		if since += u.opts.Tick; every == 0 {
			since = 0
			continue
		}
		if first {
			since, first = rand.N(every), false
		}
		// Not in a trial: its clocks go on while the vendor's server keeps us waiting.
		if state := u.current().State; since >= every && state != stateTrial && state != stateConfirming {
			since = 0
			u.look(ctx)
		}
	}
}

// look checks, and installs what it finds if the policy says so.
func (u *Updater) look(ctx context.Context) {
	if time.Now().Before(u.later) {
		return
	}
	o, err := u.check(ctx)
	if err == nil && u.currentPolicy().Automatic {
		err = u.installAlone(ctx, o)
	}
	u.later = time.Now().Add(askedFor(err))
	if errors.Is(err, ErrNotOffered) || ctx.Err() != nil {
		err = nil
	}
	u.count(func(s *Stats) { s.Last = err })
}

// installAlone is Install without being asked to.
func (u *Updater) installAlone(ctx context.Context, o *offer) error {
	if err := u.patient(o); err != nil {
		return err
	}
	o, err := u.installNow(ctx, "")
	switch {
	case err == nil:
		return nil
	case o == nil:
		u.suspect(ctx, err)
	default:
		u.refuse(ctx, o, err)
	}
	return fmt.Errorf("update: install: %w", err)
}

// tend does what is due.
func (u *Updater) tend(ctx context.Context) {
	if !u.working.try() {
		return // an installation is under way
	}
	defer u.working.give()
	err := u.recovered(ctx)
	if err == nil {
		err = u.due(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return // it was told to stop
	}
	u.count(func(s *Stats) { s.Due = err })
}

func (u *Updater) due(ctx context.Context) error {
	switch u.current().State {
	case stateTrial, stateConfirming:
		inv, err := u.boot(ctx)
		switch {
		case err != nil:
			return err
		case inv.Trial:
			return u.tick(ctx)
		}
		return u.confirm(ctx, access.FromContext(ctx))
	case stateRestart:
		return u.restartAgain(ctx)
	case stateRollingBack:
		if time.Since(u.started) >= restartEvery {
			return u.restartBack(ctx)
		}
	}
	return nil
}

// restartAgain asks for the restart into what is armed, which a gate held back or
// that did not come.
func (u *Updater) restartAgain(ctx context.Context) error {
	if done, err := u.disarmRevoked(ctx, nil); done || time.Since(u.started) < restartEvery {
		return err
	}
	inv, err := u.boot(ctx)
	if err != nil || !inv.Armed {
		return err
	}
	if err := u.mayRestart(ctx); err != nil {
		return err
	}
	// The gates first: what waits for them does not ask the vendor every minute.
	if err := u.gates(ctx, PhaseRestart, u.told(ctx)); err != nil {
		return err
	}
	if done, err := u.disarmRevoked(ctx, u.latest(ctx)); done {
		return err
	}
	return u.restart(ctx, u.told(ctx))
}

// tick is one look at a release on trial.
func (u *Updater) tick(ctx context.Context) error {
	p, t := u.currentPolicy(), &u.trial
	// What it really took: a look may take longer than a tick, and one may be left out.
	d := t.since(time.Now())
	t.elapsed += d
	t.watched = true
	watch := u.watchdog(watchdogAfter)
	t.ill = errors.Join(u.healthy(ctx), watch, u.revoked(ctx, nil, u.parts.Running.Number, u.current().Document))
	if t.healthy += min(d, u.opts.Tick); t.ill != nil {
		t.healthy = 0
	}
	if t.healthy >= p.TrialHealthy && u.linked(p) {
		if err := u.confirm(ctx, access.FromContext(ctx)); err == nil || u.current().State == stateIdle {
			return err
		} else {
			t.ill = err
		}
	}
	switch {
	case t.elapsed >= p.TrialLimit && t.ill != nil:
		return u.lost(ctx, fmt.Errorf("%w: %w", errUnconfirmed, t.ill))
	case t.elapsed >= p.TrialLimit:
		return u.lost(ctx, errUnconfirmed)
	case errors.Is(t.ill, ErrBlocked), errors.Is(t.ill, ErrDowngrade), errors.Is(t.ill, ErrUntrusted):
		return u.lost(ctx, t.ill)
	}
	if t.elapsed-t.kept >= keepTrialEvery {
		return errors.Join(t.ill, u.keepClock(ctx))
	}
	return t.ill
}

func (u *Updater) watchdog(d time.Duration) error {
	if err := u.parts.Host.Watchdog(d); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("watchdog: %w", err)
	}
	return nil
}

func (u *Updater) unwatch() error {
	if !u.trial.watched {
		return nil
	}
	return u.watchdog(0)
}

var errUnconfirmed = errors.New("it was not confirmed in time")

// lost gives up a release that is not going to be confirmed.
func (u *Updater) lost(ctx context.Context, cause error) error {
	inv, err := u.boot(ctx)
	if err != nil || !inv.Trial {
		return err
	}
	return u.giveUp(ctx, inv, cause)
}

// linked reports whether the local network is back, if it was there before. For half
// of the trial it is waited for; being offline alone never rolls back.
func (u *Updater) linked(p Policy) bool {
	return !u.current().Link || u.trial.elapsed >= p.TrialLimit/2 || u.parts.Host.LinkUp()
}

// keepClock keeps how long the trial has lasted, which a restart does not shorten.
func (u *Updater) keepClock(ctx context.Context) error {
	j := u.current()
	j.Elapsed = int64(u.trial.elapsed / time.Second)
	u.trial.kept = u.trial.elapsed
	return u.keep(ctx, j)
}
