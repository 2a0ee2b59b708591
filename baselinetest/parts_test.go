package baselinetest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// parts are what the pump claims to do.
func (p *pump) parts() baseline.Parts {
	parts := baseline.Parts{
		Accessor: p.guard, Protector: p.vault, Eraser: p.eraser, Configurer: p.settings, Notifier: p.notices,
		Updater: p.updater, Resetter: p.resetter, Extra: []baseline.Part{p.users, port{}},
	}
	if p.fault == faultClaims {
		parts.Extra = append(parts.Extra, claimant{})
	}
	return parts
}

// port is the pump's own part.
type port struct{}

func (port) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "pump.port", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "example.com/pump",
		Summary: "the only interface is the local port, where every operation asks who is there",
	}}
}

// claimant claims all that the updater does.
type claimant struct{}

func (claimant) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "pump.agent", Clauses: []clause.ID{
			clause.C5_2_7_1_1, clause.C5_2_7_1_2, clause.C5_2_7_1_3, clause.C5_2_7_2_a, clause.C5_2_7_2_D,
		}, Package: "example.com/pump", Summary: "an agent from before",
	}}
}

// run starts the composed device, and returns when it runs.
func (p *pump) run(a *risk.Assessment) (*baselinetest.Device, error) {
	parts, screen := p.parts(), display{make(chan struct{})}
	parts.Extra = append(parts.Extra, screen)
	d, err := baseline.New(parts, risk.Derive(a, parts.Features(), nil), &baseline.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.end, p.done = cancel, make(chan error, 1)
	go func() { p.done <- d.Run(ctx) }()
	select {
	case <-screen.on:
	case err := <-p.done:
		return nil, fmt.Errorf("it stopped: %w", err)
	}
	return &baselinetest.Device{Parts: parts, Running: d, Own: p}, nil
}

// display is served last.
type display struct{ on chan struct{} }

func (display) Features() []clause.Feature { return nil }
func (display) ServesIn(string) bool       { return true }
func (d display) Serve(ctx context.Context) error {
	close(d.on)
	<-ctx.Done()
	return nil
}

func (p *pump) stop() error {
	p.end()
	return errors.Join(<-p.done, p.notices.Close(), p.vault.Close(), p.dir.Close(), p.flash.raw.Close())
}

// water is what the pump is for.
func (p *pump) water(ctx context.Context) error {
	if p.fault == faultUngated {
		return nil
	}
	_, err := access.Check(ctx, p.guard, water, "pump")
	return err
}
