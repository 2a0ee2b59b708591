package baseline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// early are the parts that an interrupted erasure or reset needs.
var early = []string{"Updater", "Protector", "Accessor", "Eraser", "Resetter"}

// recover brings up what is not up yet: the boot chain, the vault, who may and what
// destroys; then interrupted erasures and resets; then, once those are finished,
// everything else.
func (d *Device) recover(ctx context.Context) {
	service := d.service(ctx)
	for _, m := range d.members {
		if slices.Contains(early, m.name) {
			d.bringUp(service, m)
		}
	}
	finished := d.resume(service)
	for _, m := range d.members {
		if !slices.Contains(early, m.name) && (finished || servesDegraded(m.part)) {
			d.bringUp(service, m)
		}
	}
	d.mu.Lock()
	d.started = true
	d.mu.Unlock()
	if finished {
		d.settle(ctx)
	}
}

func servesDegraded(p Part) bool {
	s, ok := p.(Server)
	return ok && s.ServesIn(string(Degraded))
}

// resume finishes interrupted orders, and reports whether there is none left. What
// could not be opened may be what was interrupted, so nobody can tell while it is.
func (d *Device) resume(ctx context.Context) bool {
	finished := !slices.ContainsFunc(d.opts.Down, func(down Down) bool { return destroys(down.Part) })
	for _, m := range d.members {
		r, ok := m.part.(Resumer)
		if ok && slices.Contains(early, m.name) && !d.resumed[m.name] {
			finished = d.resumeOne(ctx, m, r) && finished
		}
	}
	return finished
}

// destroys reports whether a part is one of those that an erasure or a reset needs.
// The boot chain recovers before them and needs none of them.
func destroys(name string) bool { return name != "Updater" && slices.Contains(early, name) }

// resumeOne reports whether a part has nothing left to finish. A part that failed to
// resume is down and still up to try again: that it is up decides, not why it is down.
func (d *Device) resumeOne(ctx context.Context, m member, r Resumer) bool {
	if d.lacks("Protector") || d.lacks("Accessor") || !d.isUp(m.name) {
		return false
	}
	err := d.bounded(ctx, m.name+" resume", r.Resume)
	d.resumed[m.name] = err == nil
	d.setDown(m.name, err)
	return err == nil
}

// lacks reports whether a part of the composition is not up.
func (d *Device) lacks(name string) bool {
	composed := slices.ContainsFunc(d.members, func(m member) bool { return m.name == name })
	return (composed || d.isDown(name)) && !d.isUp(name)
}

// bringUp recovers a part unless it is up already.
func (d *Device) bringUp(ctx context.Context, m member) {
	if d.isUp(m.name) {
		return
	}
	if r, ok := m.part.(Recoverer); ok {
		err := d.bounded(ctx, m.name, r.Recover)
		d.setDown(m.name, err)
		if err != nil {
			return
		}
	}
	d.setUp(m.name)
}

var errSlow = errors.New("no answer in time")

// bounded calls f, but does not wait for it longer than Options.StartTimeout. An
// answer that comes later counts the next time; f is not called again before.
func (d *Device) bounded(ctx context.Context, what string, f func(context.Context) error) error {
	answer, waiting := d.slow[what]
	if !waiting {
		answer = make(chan error, 1)
		ctx, cancel := context.WithTimeout(ctx, d.opts.StartTimeout)
		go func() {
			defer cancel()
			answer <- f(ctx)
		}()
		d.slow[what] = answer
	}
	limit, cancel := context.WithTimeout(ctx, d.opts.StartTimeout)
	defer cancel()
	select {
	case err := <-answer:
		delete(d.slow, what)
		return err
	case <-limit.Done():
		return fmt.Errorf("%s: %w", what, errSlow)
	}
}

// retryDown tries to open what could not be opened when the device was composed.
func (d *Device) retryDown(ctx context.Context) error {
	for _, down := range d.opts.Down {
		if down.Retry == nil {
			continue
		}
		err := d.bounded(ctx, down.Part+" retry", down.Retry)
		if err == nil {
			return fmt.Errorf("%w: %s", ErrRecompose, down.Part)
		}
		d.setDown(down.Part, err)
	}
	return nil
}

// settle forgets pending operations that no part resumed, once all are up.
func (d *Device) settle(ctx context.Context) {
	if d.opts.Interlock == nil || d.anyDown() {
		return
	}
	stale, err := d.opts.Interlock.Settle(ctx)
	for _, op := range stale {
		d.opts.Log.LogAttrs(ctx, slog.LevelWarn, EventStale, slog.String(access.KeyState, op))
	}
	if err != nil { // it stays pending: that only holds operations back
		d.opts.Log.LogAttrs(ctx, slog.LevelError, EventStale, slog.String(access.KeyError, err.Error()))
	}
}
