package baseline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Run starts the device and blocks until ctx ends; it then returns nil, or what
// parts said when they stopped. In order:
//
//  1. the boot chain recovers; a drifted release on trial gives itself up
//     ([ErrRolledBack]), any other drift is dealt with as Options.OnDrift says;
//  2. the vault, who may, and what destroys recover; interrupted erasures and
//     resets are finished; as long as one is not, or cannot be told for what is in
//     Options.Down, nothing of what follows is done, except for what serves in
//     [Degraded];
//  3. every other part recovers; then parts run; then what accepts from outside
//     serves, as far as the state allows.
//
// A part that does not answer within Options.StartTimeout, or fails, is down, and
// is tried again after growing times. A part that stops running by itself ends the
// device: the error names it, and the init system restarts. Servers stop before
// the parts they lead to. One that goes on for Options.StartTimeout in a state in which it
// does not serve ends the device, too. Servers that do not stop, then parts that do not, then what was
// asked to recover and has not answered, are waited for, up to Options.StartTimeout each;
// the error names what is left.
func (d *Device) Run(ctx context.Context) error {
	if !d.running.CompareAndSwap(false, true) {
		return fmt.Errorf("baseline: run: %w", ErrRunning)
	}
	running, cancel := context.WithCancel(ctx) // also of what still recovers
	r, err := d.run(running)
	cancel()
	if r != nil {
		err = errors.Join(err, r.stop())
	}
	return errors.Join(err, d.awaitSlow())
}

func (d *Device) run(ctx context.Context) (*run, error) {
	if err := d.meetDrift(ctx); err != nil {
		return nil, fmt.Errorf("baseline: run: %w", err)
	}
	r := &run{device: d, started: map[string]bool{}, served: map[string]bool{}, failed: make(chan error, 1)}
	return r, r.live(ctx)
}

// live starts what is up and tries what is not, until ctx or a part ends it.
func (r *run) live(ctx context.Context) error {
	for delay := r.device.opts.MinRetry; ; delay = min(2*delay, r.device.opts.MaxRetry) {
		r.device.recover(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if err := r.start(ctx); err != nil {
			return err
		}
		if err := r.wait(ctx, delay); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if err := r.device.retryDown(ctx); err != nil {
			return fmt.Errorf("baseline: run: %w", err)
		}
	}
}

// run is one Run of a device.
type run struct {
	device  *Device
	started map[string]bool
	failed  chan error // the first part that stopped by itself

	mu   sync.Mutex
	late []error // what parts said when they were stopped

	parts   group
	servers group
	state   State
	reason  string
	told    bool            // people know the state
	asked   telling         // what the Notifier was asked last
	tries   int             // to tell it
	served  map[string]bool // by member; in this state
}

// eventsName is no name of a part.
const eventsName = "events"

// start runs what is up and does not run yet; then it serves what the state allows.
func (r *run) start(ctx context.Context) error {
	r.parts.begin(r.device.service(ctx))
	if r.device.opts.Events != nil && r.device.notifierUp() && !r.started[eventsName] {
		r.started[eventsName] = true
		r.goRun(&r.parts, eventsName, r.device.raiseEvents)
	}
	for _, m := range r.device.members {
		p, ok := m.part.(Runner)
		if ok && r.device.isUp(m.name) && !r.started[m.name] {
			r.started[m.name] = true
			r.goRun(&r.parts, m.name, p.Run)
		}
	}
	if err := r.meet(ctx); err != nil {
		return err
	}
	r.serve(ctx)
	return nil
}

// meet takes note of the state, and ends what served in the one before.
func (r *run) meet(ctx context.Context) error {
	state, reason := r.device.State()
	changed := state != r.state
	if changed || reason != r.reason {
		r.state, r.reason, r.told, r.tries = state, reason, false, 0
		r.device.logState(ctx, state, reason)
	}
	if changed {
		clear(r.served)
		// First: who goes on would serve in a state in which he may not.
		if err := r.endGroup(&r.servers); err != nil {
			return err
		}
	}
	r.tell(ctx)
	return nil
}

// tell tells people the state once, as soon as there is somebody to do it.
func (r *run) tell(ctx context.Context) {
	d := r.device
	r.told = r.told || d.notifier == nil
	if r.told || !d.notifierUp() {
		return
	}
	err := r.tellNow(ctx, telling{r.state, r.reason})
	r.told = err == nil || d.givenUp(ctx, eventOf(r.state), r.tries, err)
	r.tries++
}

// telling is what people are told of the device.
type telling struct {
	state  State
	reason string
}

// tellNow tells it. What the Notifier was asked before about another state comes first: it
// would else have the last word.
func (r *run) tellNow(ctx context.Context, now telling) error {
	d := r.device
	what := d.memberOf("Notifier", d.notifier).name + " state"
	if _, waiting := d.slow[what]; waiting && r.asked != now {
		if err := d.bounded(ctx, what, nil); errors.Is(err, errSlow) {
			return err
		}
	}
	r.asked = now
	return d.bounded(ctx, what, func(ctx context.Context) error { return d.tellState(ctx, now.state, now.reason) })
}

// serve starts what serves in this state, is up, and does not serve yet.
func (r *run) serve(ctx context.Context) {
	r.servers.begin(access.Detach(ctx))
	for _, s := range r.device.servers {
		if s.ServesIn(string(r.state)) && r.device.isUp(s.name) && !r.served[s.name] {
			r.served[s.name] = true
			r.goRun(&r.servers, s.name, s.Serve)
		}
	}
}

// goRun runs f, and reports when it ends by itself.
func (r *run) goRun(g *group, name string, f func(context.Context) error) {
	g.launch(name, func(ctx context.Context) {
		err := f(ctx)
		if ctx.Err() != nil {
			r.noteLate(name, err)
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

// noteLate keeps what a part says beyond that it was told to stop.
func (r *run) noteLate(name string, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = append(r.late, fmt.Errorf("baseline: run: %s: stop: %w", name, err))
}

// wait blocks until ctx ends, a part fails, or, unless everything is up and told, it
// is time to try again.
func (r *run) wait(ctx context.Context, delay time.Duration) error {
	var again <-chan time.Time
	if r.device.anyDown() || !r.told {
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
