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

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
)

func hub(to notify.Notifier) *notify.Options {
	return &notify.Options{Channels: []notify.Channel{{Name: "hub", To: to}}}
}

func TestQueueSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDir()
		down := notifierFunc(func(context.Context, notify.Notice) error { return errors.New("no link") })
		c := open(t, store, hub(down))
		stop := run(t, c)
		id := raise(t, c, notice("a"))
		time.Sleep(time.Minute)
		stop()
		require.NoError(t, c.Close())

		up := notify.NewMemory(9)
		c = open(t, store, hub(up))
		assert.Equal(t, 1, c.Stats().Channels[0].Pending)
		run(t, c)
		synctest.Wait()
		require.Len(t, up.Notices(), 1)
		assert.Equal(t, id, up.Notices()[0].ID)
		assert.EqualValues(t, 1, up.Notices()[0].Sequence)
		assert.Equal(t, 1, c.Stats().Channels[0].Delivered)
	})
}

func TestRetryKeepsIDAndSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []notify.Notice
		var at []time.Time
		c := open(t, newDir(), hub(notifierFunc(func(_ context.Context, n notify.Notice) error {
			got, at = append(got, n), append(at, time.Now())
			if len(got) == 1 {
				return notify.RetryAfter(errors.New("busy"), 10*time.Minute)
			}
			return nil
		})))
		run(t, c)
		id := raise(t, c, notice("a"))
		time.Sleep(time.Minute)
		require.NoError(t, c.Acknowledge(as("owner"), id)) // a change between the tries
		assert.Positive(t, c.Stats().Channels[0].Failing)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, got, 2)
		assert.Equal(t, got[0].ID, got[1].ID)
		assert.Equal(t, got[0].Sequence, got[1].Sequence)
		assert.GreaterOrEqual(t, at[1].Sub(at[0]), 10*time.Minute)
		assert.Empty(t, got[1].Acknowledged.By, "who acknowledged stays on the device")
		s := c.Stats().Channels[0]
		assert.Equal(t, notify.ChannelStats{Name: "hub", Delivered: 1, Retried: 1}, s)
	})
}

func TestPermanentGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		c := open(t, newDir(), hub(notifierFunc(func(context.Context, notify.Notice) error {
			tries.Add(1)
			return fmt.Errorf("hub: %w", notify.Permanent(errors.New("unknown device")))
		})))
		run(t, c)
		raise(t, c, notice("a"))
		raise(t, c, notice("b"))
		time.Sleep(time.Hour)
		assert.EqualValues(t, 2, tries.Load())
		assert.Equal(t, 2, c.Stats().Channels[0].Refused)
		assert.Len(t, list(t, c), 2, "still there for who asks")
	})
}

func TestSlowAndDeadChannelsDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, light := notify.NewMemory(99), notify.NewMemory(99)
		hang := notifierFunc(func(ctx context.Context, _ notify.Notice) error { <-ctx.Done(); return ctx.Err() })
		dead := notifierFunc(func(context.Context, notify.Notice) error { return errors.New("no") })
		c := open(t, newDir(), &notify.Options{Channels: []notify.Channel{
			{Name: "hangs", To: hang}, {Name: "dead", To: dead}, {Name: "good", To: good},
			{Name: "stuck-light", To: hang, Direct: true}, {Name: "light", To: light, Direct: true},
		}})
		run(t, c)
		start := time.Now()
		for i := range 20 {
			raise(t, c, notice(fmt.Sprint(i)))
			synctest.Wait()
		}
		assert.Zero(t, time.Since(start), "nobody waits")
		assert.Len(t, good.Notices(), 20)
		assert.Len(t, light.Notices(), 20)
		time.Sleep(2 * time.Hour)
		assert.Len(t, list(t, c), 20)
		s := c.Stats().Channels
		assert.Equal(t, 20, s[0].Pending)
		assert.Positive(t, s[0].Retried, "a delivery that hangs is ended and tried again")
		assert.Equal(t, 3, s[3].Lost, "1 under way, 16 wait")
		err := c.Health(context.Background())
		assert.ErrorContains(t, err, "channel hangs: fails")
		assert.ErrorContains(t, err, "channel dead: fails")
		assert.ErrorContains(t, err, "channel stuck-light: lost 3")
		assert.NotContains(t, err.Error(), "good")
	})
}

func TestRoutingAndMatch(t *testing.T) {
	sink := notify.NewMemory(9)
	opts := hub(sink)
	opts.Channels[0].Match = func(n *notify.Notice) bool { return n.Key != "secret" }
	c := open(t, newDir(), opts)
	configure := func(r notify.Route) {
		r.Channel = "hub"
		require.NoError(t, c.Configure(context.Background(), notify.Routing{Routes: []notify.Route{r}}))
	}
	raise(t, c, notice("secret"))
	configure(notify.Route{Off: true})
	raise(t, c, notice("off"))
	configure(notify.Route{Severity: notify.Critical})
	raise(t, c, notice("mild"))
	raise(t, c, critical("severe"))
	configure(notify.Route{Audiences: []notify.Audience{notify.User}})
	raise(t, c, notice("owner's"[:5]))
	require.Error(t, c.Configure(context.Background(), notify.Routing{Routes: []notify.Route{{Channel: "none"}}}))
	n := notice("user")
	n.Audience = notify.User
	raise(t, c, n)
	require.NoError(t, c.Drain(context.Background()))
	var got []string
	for _, n := range sink.Notices() {
		got = append(got, n.Key)
	}
	assert.Equal(t, []string{"severe", "user"}, got)
	assert.Len(t, list(t, c), 6, "routing hides nothing from who asks")
}

func TestFullQueueIsMadeGood(t *testing.T) {
	m := powercut.New()
	queues, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	store, sink := newDir(), notify.NewMemory(9)
	opts := hub(sink)
	opts.Queues = queues
	c := open(t, store, opts)
	m.SetCapacity(1)         // full
	raise(t, c, notice("a")) // kept all the same
	require.ErrorIs(t, c.Health(context.Background()), durable.ErrFull)
	require.ErrorIs(t, c.Close(), durable.ErrFull)
	m.SetCapacity(0)
	opts.Queues, err = durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	c = open(t, store, opts) // queues what the queue did not take
	require.NoError(t, c.Health(context.Background()))
	require.NoError(t, c.Drain(context.Background()))
	require.Len(t, sink.Notices(), 1)
}

func TestFullStoreIsToldAndRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := powercut.New()
		store, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		c := open(t, store, nil)
		run(t, c)
		raise(t, c, notice("a"))
		m.SetCapacity(1)
		_, err = c.Raise(as("part"), notice("b"))
		require.ErrorIs(t, err, durable.ErrFull)
		require.ErrorIs(t, c.Health(context.Background()), durable.ErrFull)
		_, err = c.Raise(as("part"), notice("b"))
		require.ErrorIs(t, err, durable.ErrFull, "not kept yet, so not acknowledged")
		m.SetCapacity(0)
		time.Sleep(2 * time.Minute)
		require.NoError(t, c.Health(context.Background()))
		assert.Equal(t, "a b", keys(t, open(t, store, nil)))
	})
}

func TestRunIsNobodysRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var entity atomic.Pointer[access.Entity]
		called := make(chan struct{}, 1)
		c := open(t, newDir(), hub(notifierFunc(func(ctx context.Context, _ notify.Notice) error {
			entity.Store(access.FromContext(ctx))
			called <- struct{}{}
			return nil
		})))
		raise(t, c, notice("a"))
		ctx, cancel := context.WithCancel(as("admin"))
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		<-called
		assert.Nil(t, entity.Load())
		assert.Error(t, c.Run(ctx), "runs already")
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}
