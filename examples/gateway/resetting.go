package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
	"github.com/iot-device-baseline/baseline/reset"
)

// finishReset ends a reset that was ordered and cut off, before anything else is opened:
// mostly the directory is on hold by then, and only the floor can be read.
func (g *gateway) finishReset(ctx context.Context) error {
	if g.is("reset-not-resumed") {
		return nil
	}
	var err error
	if g.interlock, err = baseline.OpenInterlock(ctx, durable.Sub(compartment(ctx, g.vault, protect.ClassFloor), "interlock")); err != nil {
		return err
	}
	log := slog.New(watched{slog.DiscardHandler, g.how.tell}) // the log itself may be on hold
	guard, err := g.newGuard(ctx, log)
	if err != nil {
		return err
	}
	g.vault.Guard(guard)
	resetter, err := g.newResetter(ctx, guard, log, nil)
	if err != nil {
		return err
	}
	err = resetter.Resume(ctx)
	if errors.Is(err, reset.ErrRestart) {
		return errRestart // what was reset is opened by the next start
	}
	return err
}

func (g *gateway) openReset(ctx context.Context) (err error) {
	g.resetter, err = g.newResetter(ctx, g.guard, g.log, g.syncLog)
	return err
}

// newResetter says what a factory reset is here. The floor is no class of it.
func (g *gateway) newResetter(ctx context.Context, guard *access.Guard, log *slog.Logger, sync func(context.Context) error) (*reset.Resetter, error) {
	floor := compartment(ctx, g.vault, protect.ClassFloor)
	steps := []reset.Step{
		reset.EndOwnership(guard, reset.Factory),
		{Name: "sensors", Scopes: []string{reset.Factory}, Run: g.parkSensors},
		{Name: "keys", Scopes: []string{reset.Factory}, Run: func(ctx context.Context, scope string) (string, error) {
			return g.destroyKeys(ctx, scope, floor)
		}},
	}
	if g.is("password-kept") {
		steps = steps[1:]
	}
	return reset.Open(ctx, g.dir, floor, guard, steps, &reset.Options{
		Restart: g.host.Restart, Interlock: g.interlock, Log: log, Notice: g.resetNotice, Sync: sync,
	})
}

// parkTime is what sensors take to come to rest.
const parkTime = 500 * time.Millisecond

// parkSensors waits for the sensors: a reset is not over in a moment.
func (g *gateway) parkSensors(ctx context.Context, _ string) (string, error) {
	g.how.tell(message{State: "resetting"})
	timer := time.NewTimer(parkTime)
	defer timer.Stop()
	select {
	case <-timer.C:
		return "parked", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// destroyKeys destroys the keys of everything but identity and floor. The log is
// retired first, so that its absence is no tampering.
func (g *gateway) destroyKeys(ctx context.Context, scope string, floor durable.Store) (string, error) {
	classes := []protect.Class{
		protect.ClassSettings, protect.ClassUserData, protect.ClassSecurity, protect.ClassLogs, protect.ClassApplication,
	}
	if g.is("password-kept") {
		classes = slices.DeleteFunc(classes, func(c protect.Class) bool { return c == protect.ClassSecurity })
	}
	err := g.retireLog(ctx, floor)
	if g.is("floor-lost") {
		err = errors.Join(err, floor.Delete(ctx, "update/floors"))
	}
	if err != nil {
		return "", err
	}
	method, err := g.vault.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: scope}, classes...)
	return string(method), err
}

// retireLog says that the log ends here for good: of the open one with its true end, in
// a reset that is resumed with what the anchor has.
func (g *gateway) retireLog(ctx context.Context, floor durable.Store) error {
	if g.events != nil {
		return g.events.Retire(ctx)
	}
	return eventlog.Retire(ctx, durable.Sub(floor, "log"), "")
}

// syncLog is asked by what must not answer before its event is kept.
func (g *gateway) syncLog(ctx context.Context) error { return eventlog.Sync(ctx, g.log) }

func (g *gateway) resetNotice(ctx context.Context, n reset.Notice) error {
	return g.raise(ctx, serviceErase, notify.Notice{Type: n.Type, Key: n.Key, Title: n.Title, Text: n.Text})
}
