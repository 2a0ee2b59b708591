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

// resume finishes interrupted orders, and reports whether there is none left. Only
// a vault and a guard that are up can tell.
func (d *Device) resume(ctx context.Context) bool {
	finished := true
	for _, m := range d.members {
		r, ok := m.part.(Resumer)
		if !ok || d.resumed[m.name] {
			continue
		}
		if d.isDown("Protector") || d.isDown("Accessor") || !d.up[m.name] {
			finished = false
			continue
		}
		err := d.bounded(ctx, m.name+" resume", r.Resume)
		d.resumed[m.name] = err == nil
		d.setDown(m.name, err)
		finished = finished && err == nil
	}
	return finished
}

// bringUp recovers a part unless it is up already.
func (d *Device) bringUp(ctx context.Context, m member) {
	if d.up[m.name] {
		return
	}
	if r, ok := m.part.(Recoverer); ok {
		err := d.bounded(ctx, m.name, r.Recover)
		d.setDown(m.name, err)
		if err != nil {
			return
		}
	}
	d.up[m.name] = true
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
