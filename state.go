package baseline

import (
	"context"
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

// announce tells the state in the log, and, when it is not as it should be, to
// people; what it told before and is so no more it resolves.
func (d *Device) announce(ctx context.Context) {
	s, reason := d.State()
	attrs := []slog.Attr{slog.String(access.KeyState, string(s)), slog.String(access.KeyReason, reason)}
	switch s {
	case Degraded:
		d.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventDegraded, attrs...)
		d.tellState(ctx, access.EventDegraded, s, reason)
	case Nonconforming:
		d.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventNonconforming, attrs...)
		d.tellState(ctx, access.EventNonconforming, s, reason)
	default:
		d.opts.Log.LogAttrs(ctx, slog.LevelInfo, access.EventStarted, attrs...)
		d.resolve(ctx, access.EventDegraded)
		d.resolve(ctx, access.EventNonconforming)
	}
}

// resolver is the ability of a [Notifier] to say that a notice is over.
type resolver interface {
	Resolve(ctx context.Context, typ, key string) error
}

func (d *Device) resolve(ctx context.Context, typ string) {
	r, ok := d.notifier.(resolver)
	if !ok || d.isDown("Notifier") {
		return
	}
	if err := r.Resolve(d.service(ctx), typ, ""); err != nil {
		d.opts.Log.LogAttrs(ctx, slog.LevelError, access.EventNoticeLost,
			slog.String(access.KeyNotice, typ), slog.String(access.KeyError, err.Error()))
	}
}

// tellState raises a notice about a state that is not as it should be.
func (d *Device) tellState(ctx context.Context, typ string, s State, reason string) {
	d.raise(ctx, notify.Notice{
		Type: typ, Severity: notify.Critical, Audience: notify.Owner,
		Title: "The device is " + string(s), Text: notify.Clean(reason, 500), RepeatAfter: 24 * time.Hour,
	})
}

// raise tells people, if there is a part for that.
func (d *Device) raise(ctx context.Context, n notify.Notice) {
	if d.notifier == nil || d.isDown("Notifier") {
		return
	}
	if _, err := d.notifier.Raise(d.service(ctx), n); err != nil {
		d.opts.Log.LogAttrs(ctx, slog.LevelError, access.EventNoticeLost,
			slog.String(access.KeyNotice, n.Type), slog.String(access.KeyError, err.Error()))
	}
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
