package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/update"
)

// A gateway whose vault does not open, since its TPM does not answer, say, starts all the
// same, and does what needs no secret: it tells its state at the service port, gives up
// a release that is on trial, and tries to open the vault again. It makes nothing anew,
// lets nobody in, and never goes on with software keys.

// openWithout opens what needs no vault.
func (g *gateway) openWithout(ctx context.Context, cause error) error {
	entries, err := g.dir.Entries(ctx, "")
	if err != nil || errors.Is(cause, protect.ErrMissing) && !slices.Contains(entries, "vault") {
		return errors.Join(cause, err) // nothing was provisioned: this is no device yet
	}
	g.down = cause
	if g.keys != nil {
		_ = g.keys.Close() // it is opened anew to try again
		g.keys = nil
	}
	g.log = slog.New(watched{slog.DiscardHandler, g.how.tell})
	g.fetched = &counted{Source: nobody{}}
	env, err := uboot.New(g.boot, environment(), g.how.booted)
	if err != nil {
		return err
	}
	installer, err := abslot.New(g.slots, env, [2]abslot.Slot{{Name: "a", File: "a"}, {Name: "b", File: "b"}}, nil)
	if err != nil {
		return err
	}
	g.updater, err = update.Open(ctx, g.dir, update.Parts{
		Product: product, Channel: g.how.channel, Running: update.Version{Version: g.img.Version, Number: g.img.Number},
		Trust: nobody{}, Source: nobody{}, Installers: map[string]update.Installer{component: installer},
		Floors: update.NewFloors(closed{cause}), Host: g.host, Health: g,
	}, &update.Options{Policy: g.trial(), Tick: trialTick, Log: g.log})
	return err
}

// partsWithout are the parts that need no vault.
func (g *gateway) partsWithout(port *console) baseline.Parts {
	return baseline.Parts{Updater: g.updater, Extra: []baseline.Part{plug{g, port}, &teller{g}}}
}

// nobody is a vendor who is not asked.
type nobody struct{}

func (nobody) Refresh(context.Context) error { return update.ErrUnavailable }

func (nobody) Find(context.Context, string) (update.Target, error) {
	return update.Target{}, update.ErrUnavailable
}

func (nobody) Open(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
	return nil, 0, update.ErrUnavailable
}

// retry tries to open what did not open.
func (g *gateway) retry(ctx context.Context) error {
	keys, err := openKeys(ctx, g.dir, g.how.chip)
	if err != nil {
		return err
	}
	vault, err := protect.Open(ctx, g.dir, keys, nil)
	if err == nil {
		err = vault.Close()
	}
	return errors.Join(err, keys.Close())
}

// memory is what the gateway was composed of the last time that it was whole: what is
// down now is no drift from the statement. It grants nothing.
func (g *gateway) memory() *durable.Value[[]clause.Feature] {
	return durable.NewValue(g.dir, "composition", &durable.ValueOptions[[]clause.Feature]{Check: clause.Check})
}

// remember keeps the composition, when it has changed.
func (g *gateway) remember(ctx context.Context, features []clause.Feature) error {
	if known, err := g.memory().Load(ctx); err == nil && clause.Digest(known) == clause.Digest(features) {
		return nil
	}
	return g.memory().Store(ctx, features)
}

// missing returns what is down, with the features that it would have.
func (g *gateway) missing(ctx context.Context, up []clause.Feature) ([]baseline.Down, error) {
	if g.down == nil {
		return nil, nil
	}
	known, err := g.memory().Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; and what it was composed of is not known: %w", g.down, err)
	}
	lost := slices.DeleteFunc(known, func(f clause.Feature) bool {
		return slices.ContainsFunc(up, func(u clause.Feature) bool { return u.ID == f.ID })
	})
	return []baseline.Down{{Part: "Protector", Features: lost, Cause: g.down, Retry: g.retry}}, nil
}

// doWithout answers at the service port while the vault is closed: to everybody alike,
// and nothing but the state.
func (g *gateway) doWithout(ctx context.Context, r request) (any, error) {
	if r.Op != "status" {
		return nil, fmt.Errorf("%w: the gateway is degraded: %w", access.ErrDenied, g.down)
	}
	s := status{Update: g.updater.State(), Shut: true}
	state, reason := g.running.State()
	s.State, s.Reason = string(state), reason
	var err error
	s.Version, s.Trial, err = g.updater.Status(ctx)
	return s, err
}
