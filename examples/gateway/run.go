package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// errRestart is how the program ends that asks for a restart of the machine.
var errRestart = errors.New("restart")

//go:embed assessment.json
var assessment string

// deviceMain is the program in a slot.
func deviceMain(ctx context.Context, s start, in io.Reader, out io.Writer) error {
	img, err := running()
	if err != nil {
		return err
	}
	port := newConsole(in, out)
	s.tell = port.tell
	g, err := open(ctx, s, img)
	if err != nil {
		return err
	}
	return g.live(ctx, port)
}

// live runs the device until ctx ends, a part of it stops, or it is to restart.
func (g *gateway) live(ctx context.Context, port *console) (err error) {
	defer func() { err = errors.Join(err, g.close()) }()
	g.composed = g.parts(port)
	if g.down != nil {
		g.composed = g.partsWithout(port)
	}
	parts := g.composed
	a, err := risk.Parse([]byte(assessment))
	if err != nil {
		return err
	}
	features := parts.Features()
	down, err := g.missing(ctx, features)
	if err != nil {
		return err
	}
	for _, d := range down {
		features = append(features, d.Features...)
	}
	g.statement = risk.Derive(a, features, nil)
	g.running, err = baseline.New(parts, g.statement, &baseline.Options{Log: g.log, Events: g.told, Interlock: g.interlock, Down: down})
	if err != nil {
		return err
	}
	if err := g.remember(ctx, features); err != nil { // it serves a gateway without its vault only
		g.how.tell(message{Event: "composition not kept: " + err.Error()})
	}
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-g.host.restart:
			stop(errRestart)
		case <-ctx.Done():
		}
	}()
	err = g.running.Run(ctx)
	if errors.Is(err, baseline.ErrRecompose) { // what was down is there again
		err = errRestart
	} else if context.Cause(ctx) == errRestart { //nolint:errorlint // it is this very value
		err = errors.Join(err, errRestart)
	}
	stop(nil)
	return err
}

// parts are what the gateway claims to do.
func (g *gateway) parts(port *console) baseline.Parts {
	p := baseline.Parts{
		Accessor: g.guard, Protector: g.vault, Eraser: g.eraser, Resetter: g.resetter,
		Configurer: g.settings, Notifier: g.notices, Updater: g.updater,
		Extra: []baseline.Part{g.events, g.users, g.gate, plug{g, port}, &teller{g}},
	}
	if g.how.page {
		p.Extra = append(p.Extra, page{g})
	}
	return p
}

// plug is the service port: the only way in besides those that the gate lists.
type plug struct {
	g    *gateway
	port *console
}

// Features implements baseline.Part.
func (plug) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "gateway.service-port", Package: "example.com/gateway", Clauses: []clause.ID{clause.C5_2_8_1_B},
		Summary: "a plug at which every operation asks who is there; status and notices are told there",
	}}
}

// ServesIn implements baseline.Server: who stands before a device that is not well
// must be able to ask it.
func (plug) ServesIn(string) bool { return true }

// Serve implements baseline.Server.
func (p plug) Serve(ctx context.Context) error { return p.port.serve(ctx, p.g.do) }

// teller says at the service port how the update goes on.
type teller struct{ g *gateway }

// Features implements baseline.Part.
func (*teller) Features() []clause.Feature { return nil }

// tellEvery is how often it looks: for -kills it must not miss a state.
const (
	tellEvery = 2 * time.Millisecond
	tellQuick = 200 * time.Microsecond
)

// Run implements baseline.Runner.
func (t *teller) Run(ctx context.Context) error {
	every := tellEvery
	if t.g.how.quick {
		every = tellQuick
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var last message
	for {
		progress := t.g.updater.Progress()
		now := message{State: t.g.updater.State(), Done: progress.Done, Total: progress.Total, Fetched: t.g.fetched.bytes.Load()}
		if now.State != last.State || now.Done != last.Done {
			t.g.how.tell(now)
			last = now
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// close ends the parts, the last opened first.
func (g *gateway) close() error {
	var errs []error
	end := func(c io.Closer, open bool) {
		if open {
			errs = append(errs, c.Close())
		}
	}
	if g.running != nil {
		errs = append(errs, g.running.Close())
	} else {
		end(g.notices, g.notices != nil)
		end(g.gate, g.gate != nil)
		end(g.events, g.events != nil)
		end(g.vault, g.vault != nil)
	}
	end(g.keys, g.keys != nil)
	end(g.boot, g.boot != nil)
	end(g.slots, g.slots != nil)
	end(g.dir, g.dir != nil)
	return errors.Join(errs...)
}

// atFactory is the program in the factory.
func atFactory(ctx context.Context, dir, chip string, out io.Writer) error {
	m, err := provision(ctx, dir, chip)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}
