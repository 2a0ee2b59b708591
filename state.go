package baseline

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

// State says how far the device may be used.
type State string

const (
	// Starting: parts are still recovering.
	Starting State = "starting"
	// Operational: everything composed is up, and is what the statement says.
	Operational State = "operational"
	// Degraded: something composed is down now. That is never drift.
	Degraded State = "degraded"
	// Nonconforming: the composition is not the statement's, whatever else is down.
	Nonconforming State = "nonconforming"
)

// State returns the state and every reason in words.
func (d *Device) State() (State, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	reasons := slices.Clone(d.drift)
	for _, name := range slices.Sorted(maps.Keys(d.down)) {
		reasons = append(reasons, name+": "+d.down[name].Error())
	}
	reason := strings.Join(reasons, "; ")
	switch {
	case len(d.drift) > 0:
		return Nonconforming, reason
	case !d.started:
		return Starting, reason
	case len(d.down) > 0:
		return Degraded, reason
	}
	return Operational, ""
}

func (d *Device) isDown(name string) bool { return d.cause(name) != nil }

func (d *Device) isUp(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up[name]
}

func (d *Device) setUp(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up[name] = true
}

// cause returns why a part is down, or nil.
func (d *Device) cause(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down[name]
}

func (d *Device) anyDown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.down) > 0
}

func (d *Device) setDown(name string, cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cause == nil {
		delete(d.down, name)
	} else {
		d.down[name] = cause
	}
}

// eventOf returns the event of coming into a state.
func eventOf(s State) string {
	switch s {
	case Degraded:
		return access.EventDegraded
	case Nonconforming:
		return access.EventNonconforming
	}
	return access.EventStarted
}

// logState tells the state in the log.
func (d *Device) logState(ctx context.Context, s State, reason string) {
	level, event := access.LevelAudit, eventOf(s)
	if event == access.EventStarted {
		level = slog.LevelInfo
	}
	d.opts.Log.LogAttrs(ctx, level, event, slog.String(access.KeyState, string(s)), slog.String(access.KeyReason, reason))
}

// tellState tells people of a state that is not as it should be; what was told
// before and is so no more it resolves. An error is worth another try.
func (d *Device) tellState(ctx context.Context, s State, reason string) error {
	if typ := eventOf(s); typ != access.EventStarted {
		return d.raise(ctx, notify.Notice{
			Type: typ, Severity: notify.Critical, Audience: notify.Owner,
			Title: "The device is " + string(s), Text: notify.Clean(reason, 500), RepeatAfter: 24 * time.Hour,
		})
	}
	return errors.Join(d.resolve(ctx, access.EventDegraded), d.resolve(ctx, access.EventNonconforming))
}

// resolver is the ability of a [Notifier] to say that a notice is over.
type resolver interface {
	Resolve(ctx context.Context, typ, key string) error
}

func (d *Device) resolve(ctx context.Context, typ string) error {
	r, ok := d.notifier.(resolver)
	if !ok {
		return nil
	}
	return r.Resolve(d.service(ctx), typ, "")
}

// ServiceName is the service as which a [Device] acts. A policy gives a role of this
// service notify.raise on "**", or on the types that it is to tell ("device/**",
// "access/**", ...); and update.rollback, so that a drifted release on trial can
// be given up.
const ServiceName = "device"

// service gives ctx the device's own entity, without which its parts deny it.
func (d *Device) service(ctx context.Context) context.Context {
	ctx = access.Detach(ctx)
	if d.accessor == nil {
		return ctx
	}
	with, err := access.AsService(ctx, d.accessor.Issuer(ServiceName), ServiceName)
	if err != nil {
		return ctx
	}
	return with
}
