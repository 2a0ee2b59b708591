package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// inVault opens the log of a device as a composition does, below root; off loses the
// power of it.
func inVault(t *testing.T, root string, alter func(*eventlog.Options)) (l *eventlog.Log, off func(), err error) {
	ctx := t.Context()
	dir, err := durable.OpenDir(root, nil)
	require.NoError(t, err)
	keys, err := softkeys.Open(ctx, dir, nil)
	require.NoError(t, err)
	v, err := protect.Open(ctx, dir, keys, nil)
	if err != nil {
		v, err = protect.Provision(ctx, dir, keys, nil)
	}
	require.NoError(t, err)
	logs, err := v.Compartment(ctx, protect.ClassLogs)
	require.NoError(t, err)
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	opts := options()
	opts.MaxSize, opts.Anchor = 1<<20, durable.Sub(floor, "log")
	if alter != nil {
		alter(opts)
	}
	if l, err = eventlog.Open(ctx, logs, logKey(), opts); err == nil {
		l.Guard(allow{})
	}
	return l, func() {
		require.NoError(t, v.Close())
		require.NoError(t, keys.Close())
		require.NoError(t, dir.Close())
	}, err
}

func segmentsIn(t *testing.T, root string) []string {
	t.Helper()
	names, err := filepath.Glob(root + "/vault/*/*+log/0*")
	require.NoError(t, err)
	return names
}

func audits(t *testing.T, l *eventlog.Log, n int) {
	for i := range n {
		logger(l).Log(t.Context(), eventlog.LevelAudit, access.EventAssigned, access.KeySubject, fmt.Sprint("eve", i))
	}
	require.NoError(t, l.Sync(t.Context()))
}

// TestHistoryThatIsRemoved: who has the medium, and no key, takes away the oldest
// segment, or all of them; with an anchor and without one.
func TestHistoryThatIsRemoved(t *testing.T) {
	noAnchor := func(o *eventlog.Options) { o.Anchor = nil }
	for name, alter := range map[string]func(*eventlog.Options){"anchor": nil, "no anchor": noAnchor} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			l, off, err := inVault(t, root, alter)
			require.NoError(t, err)
			audits(t, l, 600)
			require.NoError(t, l.Close())
			off()
			all := segmentsIn(t, root)
			require.Greater(t, len(all), 2)
			require.NoError(t, os.Remove(all[0]))
			_, off, err = inVault(t, root, alter)
			off()
			require.ErrorIs(t, err, eventlog.ErrTampered)
			var bad *eventlog.RecordError
			require.ErrorAs(t, err, &bad)
			assert.Contains(t, bad.Reason, "no checkpoint gives it up")
		})
	}
}

// TestLogThatIsRemoved before its first checkpoint, while the power is off.
func TestLogThatIsRemoved(t *testing.T) {
	root := t.TempDir()
	l, off, err := inVault(t, root, nil)
	require.NoError(t, err)
	audits(t, l, 1)
	off()
	names, err := filepath.Glob(root + "/vault/*/*+log")
	require.NoError(t, err)
	require.Len(t, names, 1)
	require.NoError(t, os.RemoveAll(names[0]))
	_, off, err = inVault(t, root, nil)
	off()
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

// TestOverwrittenIsSigned: what the log gave up itself is no tampering, and nothing
// more may go.
func TestOverwrittenIsSigned(t *testing.T) {
	root := t.TempDir()
	small := func(o *eventlog.Options) { o.MaxSize = 64 << 10 }
	l, off, err := inVault(t, root, small)
	require.NoError(t, err)
	audits(t, l, 600)
	off()
	l, off, err = inVault(t, root, small)
	require.NoError(t, err)
	s, err := l.Verify(somebody(t.Context()), nil)
	require.NoError(t, err)
	assert.Greater(t, s.First, uint64(100))
	assert.GreaterOrEqual(t, s.Oldest, s.First)
	assert.Less(t, s.Oldest-s.First, uint64(60), "less than a segment")
	assert.Equal(t, s.First-1, l.Stats().Overwritten)
	off()
	size := int64(0)
	all := segmentsIn(t, root)
	for _, name := range all {
		info, err := os.Stat(name)
		require.NoError(t, err)
		size += info.Size()
	}
	assert.LessOrEqual(t, size, int64(64<<10))
	require.NoError(t, os.Remove(all[0]))
	_, off, err = inVault(t, root, small)
	off()
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

// counted counts what is written.
type counted struct {
	durable.Store
	puts int
}

func (c *counted) Put(ctx context.Context, name string, value []byte) error {
	c.puts++
	return c.Store.Put(ctx, name, value)
}

// TestAnchorHasABudget: whatever is logged, the anchor is written once in 10 s, and
// then a log that lost its end is noticed.
func TestAnchorHasABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		floor, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		anchor := &counted{Store: floor}
		opts := options()
		opts.MaxSize, opts.CheckpointEvery, opts.Anchor = 4<<20, 16, anchor
		m := powercut.New()
		l := open(t, m, opts)
		require.Zero(t, anchor.puts)
		ctx, stop := withStop(t)
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		audits(t, l, 1)
		assert.Equal(t, 1, anchor.puts, "with the first record")
		early := m.Clone()
		audits(t, l, 500)
		time.Sleep(9 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, anchor.puts)
		c := early.Clone()
		c.Drop()
		_, _, err = openOn(t.Context(), c, opts)
		require.NoError(t, err, "what is not anchored yet can be cut off: see the package doc")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, anchor.puts, "by Run")
		early.Drop()
		_, _, err = openOn(t.Context(), early, opts)
		require.ErrorIs(t, err, eventlog.ErrTampered)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, anchor.puts, "nothing new")
		stop()
		<-ended
		require.NoError(t, l.Close())
		assert.Equal(t, 3, anchor.puts)
	})
}

// TestAnchorAfterACut: an anchor that the power cut came before is written by the next
// run, though nothing new asks for one.
func TestAnchorAfterACut(t *testing.T) {
	for _, what := range []string{"audit", "checkpoint", "nothing"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				floor, err := durable.OpenFS(powercut.New().FS(), nil)
				require.NoError(t, err)
				anchor := &counted{Store: floor}
				opts := options()
				opts.Anchor = anchor
				m := powercut.New()
				l := open(t, m, opts)
				audits(t, l, 1)
				require.Equal(t, 1, anchor.puts)
				if what == "audit" {
					audits(t, l, 1)
				}
				if what == "checkpoint" {
					_, err = floor.Hold(t.Context(), "so that there is no anchor")
					require.NoError(t, err)
					_, err = l.Checkpoint(somebody(t.Context()))
					require.ErrorIs(t, err, durable.ErrHeld)
					require.NoError(t, floor.Held().Release(t.Context()))
				}
				before := anchor.puts
				m.Drop()
				l = open(t, m, opts)
				ctx, stop := withStop(t)
				ended := make(chan error, 1)
				go func() { ended <- l.Run(ctx) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				if what == "nothing" {
					assert.Equal(t, before, anchor.puts)
				} else {
					assert.Equal(t, before+1, anchor.puts)
				}
				stop()
				<-ended
				require.NoError(t, l.Close())
			})
		})
	}
}

// TestAnchorThatIsRefused: records are kept, and Health tells.
func TestAnchorThatIsRefused(t *testing.T) {
	floor := powercut.New()
	dir, err := durable.OpenFS(floor.FS(), nil)
	require.NoError(t, err)
	opts := options()
	opts.Anchor = dir
	l := open(t, powercut.New(), opts)
	_, err = dir.Hold(t.Context(), "test")
	require.NoError(t, err)
	audits(t, l, 3)
	require.ErrorIs(t, l.Health(t.Context()), durable.ErrHeld)
	require.NoError(t, dir.Held().Release(t.Context()))
	_, err = l.Checkpoint(somebody(t.Context()))
	require.NoError(t, err)
	require.NoError(t, l.Health(t.Context()))
}

// TestRetireWhileOnHold: in a reset nothing can be written to the log any more; the
// next one cites the last record that was kept.
func TestRetireWhileOnHold(t *testing.T) {
	ctx := t.Context()
	floor, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	opts := options()
	opts.Anchor = floor
	l, dir, err := openOn(ctx, powercut.New(), opts)
	require.NoError(t, err)
	audits(t, l, 3)
	logger(l).Info("test.waits")
	h, err := dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	require.NoError(t, l.Retire(ctx))
	require.NoError(t, l.Retire(ctx))
	require.NoError(t, durable.RemoveAll(ctx, h.Store(), "eventlog"))

	empty, dir, err := openOn(ctx, powercut.New(), opts)
	require.NoError(t, err)
	_, err = dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	require.NoError(t, empty.Retire(ctx), "one of which nothing was kept ends no story")

	next := open(t, powercut.New(), opts)
	audits(t, next, 1)
	first := read(t, next)[0]
	assert.Equal(t, int64(4), attrs(first)[access.KeyCount], "started, and three")
	assert.Len(t, attrs(first)[access.KeyDigest], 64)
	require.NoError(t, next.Close())
	_, _, err = openOn(ctx, powercut.New(), opts)
	require.ErrorIs(t, err, eventlog.ErrTampered, "the next one cannot go as the one before")

	plain := open(t, powercut.New(), options())
	require.NoError(t, plain.Retire(ctx), "without an anchor it is Close")
}
