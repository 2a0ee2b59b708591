package notify_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
)

// The queue keeps where it has got to in a reserve, so that a full medium does not
// have it deliver the same again and again.
func TestQueueOnAFullMediumGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := powercut.New()
		queues, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		sink := notify.NewMemory(9)
		opts := hub(sink)
		opts.Queues = queues
		c := open(t, newDir(), opts)
		raise(t, c, notice("a"))
		m.SetCapacity(1)
		stop := run(t, c)
		synctest.Wait()
		require.Len(t, sink.Notices(), 1)
		require.NoError(t, c.Health(context.Background()))
		stop()
		m.SetCapacity(0)
		opts.Queues, err = durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		assert.Zero(t, open(t, newDir(), opts).Stats().Channels[0].Pending, "delivered once")
	})
}

// brokenPuts is a directory on which no value can be written while it is broken.
type brokenPuts struct {
	*durable.Dir
	broken atomic.Bool
}

func (b *brokenPuts) Put(ctx context.Context, name string, value []byte) error {
	if b.broken.Load() {
		return errors.New("medium is broken")
	}
	return b.Dir.Put(ctx, name, value)
}

func TestQueueOnABrokenMediumStopsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := &brokenPuts{Dir: newDir()}
		sink := notify.NewMemory(9)
		opts := hub(sink)
		opts.Queues = queues
		c := open(t, newDir(), opts)
		raise(t, c, notice("a"))
		queues.broken.Store(true) // where the queue has got to cannot be written
		run(t, c)
		synctest.Wait()
		require.Len(t, sink.Notices(), 1)
		assert.True(t, c.Stats().Channels[0].Stopped)
		require.ErrorContains(t, c.Health(context.Background()), "channel hub: its queue is stopped")
		queues.broken.Store(false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.NoError(t, c.Health(context.Background()))
		raise(t, c, notice("b"))
		synctest.Wait()
		assert.Len(t, sink.Notices(), 2)
	})
}

func TestForeignMessageInAQueueIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := newDir(), notify.NewMemory(9)
		o, err := durable.OpenOutbox(context.Background(), store, "queue/hub", nil)
		require.NoError(t, err)
		for _, msg := range []string{"x", "\x02\x00\x00\x00\x00\x00\x00\x00\x01abc", "\x01\x00\x00\x00\x00\x00\x00\x00\x01a/b"} {
			_, err = o.Add(context.Background(), []byte(msg))
			require.NoError(t, err)
		}
		require.NoError(t, o.Close())
		c := open(t, store, hub(sink))
		run(t, c)
		raise(t, c, notice("a"))
		synctest.Wait()
		assert.Len(t, sink.Notices(), 1)
		assert.Equal(t, 3, c.Stats().Channels[0].Refused)
	})
}

func TestDirectChannelDropsWhatNobodySends(t *testing.T) {
	sink := notify.NewMemory(99)
	opts := hub(sink)
	opts.Channels[0].Direct = true
	c := open(t, newDir(), opts)
	for i := range 70 { // Run does not run: 64 wait
		n := notice(fmt.Sprint(i))
		n.Type = fmt.Sprintf("test.t%d", i)
		raise(t, c, n)
	}
	assert.Equal(t, 6, c.Stats().Channels[0].Lost)
	require.ErrorContains(t, c.Health(context.Background()), "lost 6")
}
