package baseline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Run starts the device and blocks until ctx ends; it then returns nil. In order:
//
//  1. a drifted release on trial rolls itself back: [ErrRolledBack];
//  2. every part recovers, the boot chain first; one that fails is down;
//  3. interrupted erasures and resets are finished;
//  4. parts run; then what accepts from outside serves, as far as the state allows.
//
// What is down is tried again, after growing times. A part that stops running by
// itself ends the device: the error names it, and the init system restarts.
// Servers stop before the parts they lead to.
func (d *Device) Run(ctx context.Context) error {
	if err := d.rollBack(ctx); err != nil {
		return fmt.Errorf("baseline: run: %w", err)
	}
	r := &run{device: d, started: map[string]bool{}, failed: make(chan error, 1)}
	defer r.stop()
	for delay := d.opts.MinRetry; ; delay = min(2*delay, d.opts.MaxRetry) {
		d.recover(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.settle(ctx)
		r.start(ctx)
		if err := r.wait(ctx, delay); err != nil || ctx.Err() != nil {
			return err
		}
		if err := d.retryDown(ctx); err != nil {
			return fmt.Errorf("baseline: run: %w", err)
		}
	}
}

// rollBack gives up a release on trial whose composition is not the approved one.
func (d *Device) rollBack(ctx context.Context) error {
	if len(d.drift) == 0 || d.updater == nil || d.isDown("Updater") {
		return nil
	}
	ctx = d.service(ctx)
	_, trial, err := d.updater.Status(ctx)
	if err != nil || !trial {
		return nil // without certainty nothing is given up: nonconforming
	}
	_, reason := d.State()
	if err := d.updater.Rollback(ctx, reason); err != nil {
		return fmt.Errorf("roll back of a drifted release: %w", err)
	}
	return ErrRolledBack
}

// recover brings up what is not up yet: the boot chain, the vault, who may and what
// destroys; then interrupted erasures and resets; then everything that must not
// run before those are finished.
func (d *Device) recover(ctx context.Context) {
	ctx = d.service(ctx)
	early := func(m member) bool {
		return slices.Contains([]string{"Updater", "Protector", "Accessor", "Eraser", "Resetter"}, m.name)
	}
	for _, m := range d.members {
		if early(m) {
			d.bringUp(ctx, m)
		}
	}
	for _, m := range d.members {
		d.resume(ctx, m)
	}
	for _, m := range d.members {
		if !early(m) {
			d.bringUp(ctx, m)
		}
	}
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

// bringUp recovers a part unless it is up already.
func (d *Device) bringUp(ctx context.Context, m member) {
	r, ok := m.part.(Recoverer)
	if !ok || d.up[m.name] {
		return
	}
	err := r.Recover(ctx)
	d.up[m.name] = err == nil
	d.setDown(m.name, err)
}

// resume finishes what a part was ordered to destroy, once.
func (d *Device) resume(ctx context.Context, m member) {
	r, ok := m.part.(Resumer)
	if !ok || d.resumed[m.name] {
		return
	}
	if _, recovers := m.part.(Recoverer); recovers && !d.up[m.name] {
		return // down, and told so
	}
	err := r.Resume(ctx)
	d.resumed[m.name] = err == nil
	d.setDown(m.name, err)
}

// retryDown tries to open what could not be opened when the device was composed.
func (d *Device) retryDown(ctx context.Context) error {
	for _, down := range d.opts.Down {
		if down.Retry == nil {
			continue
		}
		err := down.Retry(ctx)
		if err == nil {
			return fmt.Errorf("%w: %s", ErrRecompose, down.Part)
		}
		d.setDown(down.Part, err)
	}
	return nil
}

// eventsName is no name of a part.
const eventsName = "events"

// run is one Run of a device.
type run struct {
	device  *Device
	started map[string]bool
	failed  chan error // the first part that stopped by itself

	parts   group
	servers group
	state   State
	serving bool
}

// group is what runs and ends together.
type group struct {
	running sync.WaitGroup
	launch  func(f func(ctx context.Context)) // nil before begin
	cancel  context.CancelFunc
}

func (g *group) begin(ctx context.Context) {
	if g.launch != nil {
		return
	}
	ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	g.launch = func(f func(context.Context)) { g.running.Go(func() { f(ctx) }) }
}

func (g *group) end() {
	if g.launch == nil {
		return
	}
	g.cancel()
	g.running.Wait()
	g.launch = nil
}

// start runs what is up and does not run yet; then it serves what the state allows.
func (r *run) start(ctx context.Context) {
	r.parts.begin(r.device.service(ctx))
	if r.device.opts.Events != nil && !r.started[eventsName] {
		r.started[eventsName] = true
		r.goRun(&r.parts, eventsName, r.device.raiseEvents)
	}
	for _, m := range r.device.members {
		p, ok := m.part.(Runner)
		if !ok || r.started[m.name] || r.device.isDown(m.name) {
			continue
		}
		r.started[m.name] = true
		r.goRun(&r.parts, m.name, p.Run)
	}
	state, _ := r.device.State()
	if r.serving && state == r.state {
		return
	}
	r.servers.end()
	r.servers.begin(access.Detach(ctx))
	r.state, r.serving = state, true
	r.device.announce(ctx)
	for _, s := range r.device.servers {
		if s.ServesIn(string(state)) && !r.device.isDown(s.name) {
			r.goRun(&r.servers, s.name, s.Serve)
		}
	}
}

// goRun runs f, and reports when it ends by itself.
func (r *run) goRun(g *group, name string, f func(context.Context) error) {
	g.launch(func(ctx context.Context) {
		err := f(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("stopped by itself")
		}
		select {
		case r.failed <- fmt.Errorf("baseline: run: %s: %w", name, err):
		default:
		}
	})
}

// wait blocks until ctx ends, a part fails, or, unless everything is up, it is time
// to try again.
func (r *run) wait(ctx context.Context, delay time.Duration) error {
	var again <-chan time.Time
	if r.device.anyDown() {
		// Jitter: devices that lost one server do not come back in step.
		timer := time.NewTimer(delay/2 + rand.N(delay/2+1))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.failed:
		return err
	case <-again:
		return nil
	}
}

// stop ends what accepts from outside first.
func (r *run) stop() {
	r.servers.end()
	r.parts.end()
}
