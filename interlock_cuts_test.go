package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func interlockOp(name, method string, do func(ctx context.Context, l *baseline.Interlock) error) powercut.Op {
	with := func(ctx context.Context, m *powercut.Machine, f func(*baseline.Interlock) error) error {
		d, err := durable.OpenFS(m.FS(), nil)
		if err != nil {
			return err
		}
		l, err := baseline.OpenInterlock(ctx, d)
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return f(l) })
	}
	return powercut.Op{
		Name: "baseline.interlock-" + strings.ToLower(name), Methods: []string{"OpenInterlock", "Interlock." + method},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(l *baseline.Interlock) error { return l.Begin(ctx, baseline.OpInstall) })
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(ctx, m, func(l *baseline.Interlock) error { return do(ctx, l) })
		},
		State: func(ctx context.Context, m *powercut.Machine) (state string, err error) {
			err = with(ctx, m, func(l *baseline.Interlock) error {
				state = fmt.Sprint(l.Pending())
				return l.Health(ctx)
			})
			return state, err
		},
	}
}

func interlockOps() []powercut.Op {
	first := interlockOp("Open", "Begin", func(ctx context.Context, l *baseline.Interlock) error { return l.Begin(ctx, baseline.OpEraseSubject) })
	first.Before = nil // its reserve is yet to be made
	return []powercut.Op{
		first,
		interlockOp("Begin", "Begin", func(ctx context.Context, l *baseline.Interlock) error { return l.Begin(ctx, baseline.OpEraseSubject) }),
		interlockOp("Pass", "Begin", func(ctx context.Context, l *baseline.Interlock) error { return l.Begin(ctx, baseline.OpReset) }),
		interlockOp("Resume", "Resume", func(ctx context.Context, l *baseline.Interlock) error { return l.Resume(ctx, baseline.OpEraseSubject) }),
		interlockOp("End", "End", func(ctx context.Context, l *baseline.Interlock) error {
			if len(l.Pending()) == 0 {
				return nil
			}
			if err := l.End(ctx, baseline.OpInstall); !errors.Is(err, fs.ErrInvalid) {
				return err // it was resumed before
			}
			if err := l.Resume(ctx, baseline.OpInstall); err != nil {
				return err
			}
			return l.End(ctx, baseline.OpInstall)
		}),
		interlockOp("Settle", "Settle", func(ctx context.Context, l *baseline.Interlock) error { _, err := l.Settle(ctx); return err }),
	}
}

func TestPowerCut(t *testing.T) {
	for _, op := range interlockOps() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, interlockOps(), []string{"Interlock.Pending", "Interlock.Health"}, (*baseline.Interlock)(nil))
}

// Whatever bytes the record has, it only ever holds operations back.
func FuzzInterlockRecord(f *testing.F) {
	f.Add([]byte(`1 {"operations":["reset"]}`))
	f.Add([]byte(`1 {"operations":["config.change"]}`))
	f.Add([]byte(`1 {"operations":["erase.all","update.trial"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		store := memory(t)
		if store.Put(t.Context(), "interlock", raw) != nil {
			return
		}
		l, err := baseline.OpenInterlock(t.Context(), store)
		if err != nil {
			require.ErrorIs(t, err, durable.ErrFormat)
			return
		}
		if len(l.Pending()) > 0 {
			assert.NoError(t, l.Health(t.Context()))
		}
		_, err = l.Settle(t.Context())
		require.NoError(t, err)
		assert.Empty(t, l.Pending())
	})
}
