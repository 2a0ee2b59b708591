package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// withLog does not close the log: a power cut does not either.
func withLog(ctx context.Context, m *powercut.Machine, f func(ctx context.Context, l *eventlog.Log) error) error {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	opts := options()
	opts.Reserve, opts.CheckpointEvery, opts.Anchor = -1, 4, durable.Sub(dir, "floor")
	l, err := eventlog.Open(ctx, dir, logKey(), opts)
	if err != nil {
		return err
	}
	l.Guard(allow{})
	return m.Attempt(func() error { return f(somebody(ctx), l) })
}

// tell verifies the log of a restarted device and tells the events in it that are
// not of its own making. An error is a log that does not verify.
func tell(ctx context.Context, m *powercut.Machine) (string, error) {
	var own []string
	err := withLog(ctx, m, func(ctx context.Context, l *eventlog.Log) error {
		if _, err := l.Verify(ctx, nil); err != nil {
			return err
		}
		for e, err := range l.Records(ctx, 0) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(e.Event, "log.") || e.Event == eventlog.EventOff {
				own = append(own, fmt.Sprint(e.Event, attrs(e)))
			}
		}
		return nil
	})
	return strings.Join(own, "; "), err
}

// audit logs at the audit level, and says what slog does not.
func audit(names ...string) func(context.Context, *eventlog.Log) error {
	return func(ctx context.Context, l *eventlog.Log) error {
		log := logger(l)
		for _, name := range names {
			log.Log(ctx, access.LevelAudit, name, access.KeySubject, "ann")
			if err := eventlog.Sync(ctx, log); err != nil {
				return err
			}
		}
		return nil
	}
}

func do(f func(context.Context, *eventlog.Log) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error { return withLog(ctx, m, f) }
}

// grows allows a log of several runs: after the old records come any first part of the
// new ones, again from the first for each run that was cut.
func grows(old, now, got string) error {
	before, after, found := list(old), list(now), list(got)
	if len(found) < len(before) || !slices.Equal(found[:len(before)], before) {
		return fmt.Errorf("%q lost records of %q", got, old)
	}
	added, at := after[len(before):], 0
	for _, r := range found[len(before):] {
		switch {
		case at < len(added) && r == added[at]:
			at++
		case r == added[0]:
			at = 1
		default:
			return fmt.Errorf("%q in %q is out of order", r, got)
		}
	}
	return nil
}

func list(state string) []string {
	if state == "" {
		return nil
	}
	return strings.Split(state, "; ")
}

// bare makes the directory, not the log: making that is where its directory must be
// synced.
func bare(_ context.Context, m *powercut.Machine) error {
	_, err := durable.OpenFS(m.FS(), nil)
	return err
}

func ops() []powercut.Op {
	op := func(name, methods string, f func(context.Context, *eventlog.Log) error) powercut.Op {
		return powercut.Op{
			Name: "eventlog." + name, Methods: strings.Fields(methods), Before: bare, Do: do(f), State: tell, Legal: grows,
		}
	}
	first := op("first", "Open Log.Handler", audit("test.one"))
	first.Before = nil
	return []powercut.Op{
		first,
		op("audit", "Log.Handler Sync", audit("test.one", "test.two", "test.three")),
		op("sync", "Log.Sync", func(ctx context.Context, l *eventlog.Log) error {
			logger(l).InfoContext(ctx, "test.one")
			if err := l.Sync(ctx); err != nil {
				return err
			}
			_, err := l.Checkpoint(ctx) // a directory to sync
			return err
		}),
		op("run", "Log.Run", func(ctx context.Context, l *eventlog.Log) error {
			logger(l).InfoContext(ctx, "test.one")
			ended, stop := context.WithCancel(ctx)
			stop()
			if err := l.Run(ended); !errors.Is(err, context.Canceled) { // it writes what waits at its end
				return fmt.Errorf("run: %w", err)
			}
			_, err := l.Checkpoint(ctx)
			return err
		}),
		op("checkpoint", "Log.Checkpoint", func(ctx context.Context, l *eventlog.Log) error {
			if err := audit("test.one")(ctx, l); err != nil {
				return err
			}
			_, err := l.Checkpoint(ctx)
			return err
		}),
		op("export", "Log.Export", func(ctx context.Context, l *eventlog.Log) error {
			if err := audit("test.one")(ctx, l); err != nil {
				return err
			}
			var b bytes.Buffer
			if _, err := l.Export(ctx, &b, 0); err != nil {
				return err
			}
			if _, err := eventlog.VerifyExport(&b, publicKey()); err != nil {
				return err
			}
			_, err := l.Checkpoint(ctx)
			return err
		}),
		op("prove", "Log.ProveRecord Log.ProveGrowth", func(ctx context.Context, l *eventlog.Log) error {
			if err := audit("test.one")(ctx, l); err != nil {
				return err
			}
			older, err := l.Checkpoint(ctx)
			if err != nil {
				return err
			}
			one, err := l.ProveRecord(ctx, 1)
			if err != nil {
				return err
			}
			grown, err := l.ProveGrowth(ctx, older)
			if err != nil {
				return err
			}
			_, _, err = one.Verify(publicKey())
			return errors.Join(err, grown.Verify(older, publicKey()))
		}),
		op("close", "Log.Close", func(ctx context.Context, l *eventlog.Log) error {
			logger(l).InfoContext(ctx, "test.one")
			return l.Close()
		}),
		op("off", "Log.Configure", func(ctx context.Context, l *eventlog.Log) error {
			if err := l.Configure(ctx, eventlog.Settings{Off: true}); err != nil {
				return err
			}
			_, err := l.Checkpoint(ctx)
			return err
		}),
		pruneOp(), overwriteOp(), retireOp(), retireOpenOp(),
	}
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Log.Guard", "Log.PublicKey", "Log.Records", "Log.Verify", "Log.Stats", "Log.Health", "Log.Features", "Log.Format", "Log.LogValue",
	}, (*eventlog.Log)(nil))
}
