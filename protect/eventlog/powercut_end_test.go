package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// pruneOp removes the oldest records; what stays verifies.
func pruneOp() powercut.Op {
	long := strings.Repeat("x", 200)
	fill := func(ctx context.Context, l *eventlog.Log) error {
		for range 70 {
			logger(l).InfoContext(ctx, "test.filler", access.KeyReason, long, access.KeyState, long)
		}
		return l.Sync(ctx)
	}
	return powercut.Op{
		Name: "eventlog.prune", Methods: []string{"Log.Prune"}, Before: do(fill),
		Do: do(func(ctx context.Context, l *eventlog.Log) error { return l.Prune(ctx, 60) }),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			var state string
			err := withLog(ctx, m, func(ctx context.Context, l *eventlog.Log) error {
				s, err := l.Verify(ctx, nil)
				if err != nil {
					return err
				}
				pruned := 0
				for e, err := range l.Records(ctx, 0) {
					if err != nil {
						return err
					}
					if e.Event == eventlog.EventPruned {
						pruned = 1
					}
				}
				state = fmt.Sprintf("whole=%t told=%d", s.First == 1, pruned)
				return nil
			})
			return state, err
		},
		Legal: func(_, _, got string) error {
			if got != "whole=true told=1" { // told, and not gone yet
				return errors.New("records are gone and nothing tells")
			}
			return nil
		},
	}
}

// overwriteOp logs until the oldest segment goes: a log that lost more than it gave up
// does not open.
func overwriteOp() powercut.Op {
	long := strings.Repeat("x", 250)
	fill := func(n int) func(ctx context.Context, l *eventlog.Log) error {
		return func(ctx context.Context, l *eventlog.Log) error {
			for range n {
				logger(l).InfoContext(ctx, "test.filler", access.KeyReason, long, access.KeyState, long, access.KeyVersion, long)
			}
			if err := l.Sync(ctx); err != nil {
				return err
			}
			_, err := l.Checkpoint(ctx) // a directory to sync
			return err
		}
	}
	return powercut.Op{
		Name: "eventlog.overwrite", Methods: []string{"Log.Handler"}, Before: do(fill(40)), Do: do(fill(12)),
		State: func(ctx context.Context, m *powercut.Machine) (state string, err error) {
			err = withLog(ctx, m, func(ctx context.Context, l *eventlog.Log) error {
				s, err := l.Verify(ctx, nil)
				if err == nil {
					state = fmt.Sprintf("whole=%t", s.First == 1)
				}
				return err
			})
			return state, err
		},
		Legal: func(old, _, got string) error {
			if got != old {
				return fmt.Errorf("%s is neither", got)
			}
			return nil
		},
	}
}

// retireOpenOp retires the log that is open, and destroys it.
func retireOpenOp() powercut.Op {
	op := retireOp()
	op.Name, op.Methods, op.Before = "eventlog.retireopen", []string{"Log.Retire"}, do(audit("test.before"))
	op.Do = func(ctx context.Context, m *powercut.Machine) error {
		return withLog(ctx, m, func(ctx context.Context, l *eventlog.Log) error {
			if err := l.Retire(ctx); err != nil {
				return err
			}
			dir, err := durable.OpenFS(m.FS(), nil)
			if err != nil {
				return err
			}
			return durable.RemoveAll(ctx, dir, "eventlog")
		})
	}
	return op
}

// retireOp ends a log: it is destroyed, and the next one cites it.
func retireOp() powercut.Op {
	return powercut.Op{
		Name: "eventlog.retire", Methods: []string{"Retire"},
		Before: do(func(ctx context.Context, l *eventlog.Log) error {
			return errors.Join(audit("test.before")(ctx, l), l.Close())
		}),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			dir, err := durable.OpenFS(m.FS(), nil)
			if err != nil {
				return err
			}
			return m.Attempt(func() error {
				if err := eventlog.Retire(ctx, durable.Sub(dir, "floor"), ""); err != nil {
					return err
				}
				return durable.RemoveAll(ctx, dir, "eventlog")
			})
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			state := "old"
			err := withLog(ctx, m, func(ctx context.Context, l *eventlog.Log) error {
				if err := l.Sync(ctx); err != nil {
					return err
				}
				for e, err := range l.Records(ctx, 1) {
					if err != nil {
						return err
					}
					if e.Seq == 1 && attrs(e)[access.KeyCount] != nil {
						state = "new"
					}
				}
				return nil
			})
			return state, err
		},
	}
}
