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
	// Operational: everything composed is up, and is what the statement says.
	Operational State = "operational"
	// Degraded: something composed is down now. That is never drift.
	Degraded State = "degraded"
	// Nonconforming: the composition is not the statement's. It outlasts Degraded.
	Nonconforming State = "nonconforming"
)

// State returns the state and the reason in words.
func (d *Device) State() (State, string) {
	if len(d.drift) > 0 {
		return Nonconforming, strings.Join(d.drift, "; ")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.down) == 0 {
		return Operational, ""
	}
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(d.down)) {
		reasons = append(reasons, name+": "+d.down[name].Error())
	}
	return Degraded, strings.Join(reasons, "; ")
}

func (d *Device) isDown(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down[name] != nil
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
// people. It is told once for each change.
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

// ServiceName is the service as which a [Device] acts: a policy that shall let it
// raise notices grants a role of this service notify.raise on "device.*".
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
