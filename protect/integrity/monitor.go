package integrity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// MonitorOptions are those of a Monitor. nil, and zero fields, mean the defaults.
type MonitorOptions struct {
	Options
	// Interval is the time in which a running device checks everything again; default
	// 24 h, at least a second for each of Options.Steps.
	Interval time.Duration
	Policy   Policy // default [FailSafe]
	// Situation tells what a decision depends on; by default the zero Situation. It is
	// asked at each check and step whose report is not whole, and may check the other slot.
	Situation func(ctx context.Context) Situation
	// Respond carries out a decision, whose Now may be the start of something that goes
	// on, such as a restart. It is called once for each new set of findings or decision,
	// again after it returned an error, and with Continue when the software has become
	// whole again. By default decisions are logged only, which answers no clause.
	Respond func(ctx context.Context, d Decision, r *Report) error
	Log     *slog.Logger // default: none
}

// Monitor is the part of a device that checks its software: all of it at the start, and
// again bit by bit while it runs. It is a baseline.Part with Recover, Run and Health.
//
// Methods may be called concurrently.
type Monitor struct {
	fsys     fs.FS
	manifest func(ctx context.Context) ([]byte, error)
	expect   Expect
	opts     MonitorOptions

	turn    chan struct{} // held by who checks and responds: it guards what follows
	checker *Checker      // nil while there is no manifest
	told    string        // what was responded to last

	mu     sync.Mutex
	report *Report
	failed error // of Respond
}

// New returns the Monitor of the tree fsys, best of an [os.Root], whose manifest is read
// by manifest: see [ManifestFile]. It reads nothing yet. The error is [ErrInvalid].
func New(fsys fs.FS, manifest func(ctx context.Context) ([]byte, error), expect Expect, opts *MonitorOptions) (*Monitor, error) {
	if manifest == nil {
		return nil, invalid("monitor", "no manifest")
	}
	if _, err := NewChecker(fsys, nil, expect, nil); err != nil {
		return nil, err
	}
	expect.Keys = slices.Clone(expect.Keys)
	m := &Monitor{fsys: fsys, manifest: manifest, expect: expect, turn: make(chan struct{}, 1)}
	if opts != nil {
		m.opts = *opts
	}
	m.opts.Options = m.opts.orDefaults()
	if m.opts.Interval == 0 {
		m.opts.Interval = 24 * time.Hour
	}
	if m.opts.Interval/time.Duration(m.opts.Steps) < time.Second {
		return nil, invalid("monitor", fmt.Sprintf("interval %v: less than a second for each of %d steps", m.opts.Interval, m.opts.Steps))
	}
	switch m.opts.Policy.Response {
	case "":
		m.opts.Policy.Response = FailSafe
	case Notify, Inoperable, FailSafe, Recover:
	default:
		return nil, invalid("monitor", fmt.Sprintf("response %.70q", string(m.opts.Policy.Response)))
	}
	if m.opts.Log == nil {
		m.opts.Log = slog.New(slog.DiscardHandler)
	}
	return m, nil
}

// ManifestFile returns a function that reads the manifest from a file of a tree, to no
// more than [MaxManifest] bytes. If it is the tree that is checked, exclude the name.
// Anything but a file is refused before it is opened: a named pipe would never end.
func ManifestFile(fsys fs.FS, name string) func(ctx context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		info, err := fs.Lstat(fsys, name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New(words(info.Mode()))}
		}
		f, err := fsys.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, MaxManifest+1))
	}
}

// Recover reads the manifest and checks everything, and has the decision carried out. It
// comes before anything that it checks is used. The error is nil if the decision is to
// go on: [Continue], or [Tell] and nothing that waits. Else it is [ErrAltered], or what
// Respond returned, or that of a check that did not end: the device starts degraded,
// which is a protected mode, and Recover is called again until the software is whole.
func (m *Monitor) Recover(ctx context.Context) error {
	return m.exclusive(ctx, func() error { return m.begin(ctx) })
}

func (m *Monitor) begin(ctx context.Context) error {
	c, r, err := m.start(ctx)
	if err != nil {
		return err
	}
	m.checker = c
	return m.respond(ctx, r)
}

// start makes the Checker of the manifest as it is now, and has it check everything. A
// manifest that cannot be read leaves no Checker.
func (m *Monitor) start(ctx context.Context) (*Checker, *Report, error) {
	data, err := m.manifest(ctx)
	if ctx.Err() != nil {
		return nil, nil, wrap("recover", context.Cause(ctx))
	}
	if err != nil {
		kind := Unreadable
		if errors.Is(err, fs.ErrNotExist) {
			kind = Unsigned
		}
		f := Finding{Kind: kind, Want: "a manifest", Got: cause(err)}
		return nil, &Report{Findings: []Finding{f}, Total: 1}, nil
	}
	c, err := NewChecker(m.fsys, data, m.expect, &m.opts.Options)
	if err != nil {
		return nil, nil, err
	}
	r, err := c.Check(ctx)
	return c, r, err
}

// Run checks a share of the software at each step of the interval until ctx ends. It
// returns nil then, and no error before.
func (m *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(m.opts.Interval / time.Duration(m.opts.Steps))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.step(ctx)
		}
	}
}

// step is one step. What it finds is in the report and was responded to; a step that
// ctx ended is none.
func (m *Monitor) step(ctx context.Context) {
	_ = m.exclusive(ctx, func() error {
		if m.checker == nil { // the manifest could not be read: it is asked for again
			return m.begin(ctx)
		}
		r, err := m.checker.Step(ctx)
		if err != nil {
			return err
		}
		return m.respond(ctx, r)
	})
}

func (m *Monitor) exclusive(ctx context.Context, do func() error) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return wrap("recover", context.Cause(ctx))
	}
	return do()
}

// Report returns what is known now, or nil before the first check ended.
func (m *Monitor) Report() *Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report.clone()
}

// Health returns nil while the software is whole, and else [ErrUnchecked] or
// [ErrAltered] with what is wrong. What Respond failed with is joined to it.
func (m *Monitor) Health(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(m.report.Err(), m.failed)
}
