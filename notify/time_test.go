package notify_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

func TestRepeatAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := newDir(), notify.NewMemory(99)
		c := open(t, store, hub(sink))
		n := notice("a")
		n.RepeatAfter = time.Hour
		told := func() int {
			require.NoError(t, c.Drain(context.Background()))
			return len(sink.Notices())
		}
		id := raise(t, c, n)
		time.Sleep(59 * time.Minute)
		raise(t, c, n)
		assert.Equal(t, 1, told(), "too early")
		time.Sleep(time.Minute)
		raise(t, c, n)
		assert.Equal(t, 2, told())
		time.Sleep(30 * time.Minute)
		require.NoError(t, c.Close())
		time.Sleep(24 * time.Hour) // switched off: no time of operation
		c = open(t, store, hub(sink))
		time.Sleep(29 * time.Minute)
		raise(t, c, n)
		assert.Equal(t, 2, told(), "what was left is left")
		time.Sleep(31 * time.Minute)
		raise(t, c, n)
		assert.Equal(t, 3, told())
		require.NoError(t, c.Acknowledge(as("owner"), id))
		time.Sleep(2 * time.Hour)
		raise(t, c, n)
		assert.Equal(t, 3, told(), "somebody has seen it")
		assert.Equal(t, 6, one(t, c).Count)
	})
}

func TestNoRepeatWithoutRepeatAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := notify.NewMemory(99)
		c := open(t, newDir(), hub(sink))
		for range 10 {
			raise(t, c, notice("a"))
			time.Sleep(1000 * time.Hour)
		}
		require.NoError(t, c.Drain(context.Background()))
		assert.Len(t, sink.Notices(), 1)
	})
}

func TestExpiryCountsTimeOfOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDir()
		n := notice("a")
		n.Expires = 10 * time.Hour
		c := open(t, store, nil)
		raise(t, c, n)
		for range 4 { // four runs of 4 h, each long enough for its age to be written
			stop := run(t, c)
			time.Sleep(4*time.Hour - time.Minute)
			stop()
			require.NoError(t, c.Close())
			time.Sleep(100 * time.Hour)
			c = open(t, store, nil)
		}
		assert.Empty(t, list(t, c))
		names, err := store.List(context.Background(), "notice/")
		require.NoError(t, err)
		assert.Empty(t, names, "removed from the medium too")
		id := raise(t, c, n)
		time.Sleep(9 * time.Hour)
		raise(t, c, n)
		time.Sleep(9 * time.Hour)
		assert.Len(t, list(t, c), 1, "raised again, kept on")
		time.Sleep(time.Hour)
		assert.Empty(t, list(t, c), "hidden at once, also without Run")
		assert.NotEqual(t, id, raise(t, c, n), "a new life")
		assert.Equal(t, 1, one(t, c).Count)
	})
}

func TestCauseThatExpiresReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := notify.NewMemory(9)
		c := open(t, newDir(), hub(sink))
		run(t, c)
		cause, effect := notice("cause"), notice("effect")
		cause.Type, cause.Expires, effect.DependsOn = "test.cause", time.Hour, "test.cause"
		raise(t, c, cause)
		raise(t, c, effect)
		time.Sleep(59 * time.Minute)
		assert.Len(t, sink.Notices(), 1)
		time.Sleep(2 * time.Minute)
		require.Len(t, sink.Notices(), 2)
		assert.Equal(t, "effect", sink.Notices()[1].Key)
	})
}

func TestWaitAnswersWhenThereIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newDir(), nil)
		type answer struct {
			notices []notify.Notice
			err     error
		}
		ask := func(ctx context.Context, seq uint64) chan answer {
			out := make(chan answer, 1)
			go func() {
				n, err := c.Wait(ctx, seq, notify.Filter{Audience: notify.Owner})
				out <- answer{n, err}
			}()
			synctest.Wait()
			return out
		}
		first := ask(as("owner"), 0)
		n := notice("other")
		n.Audience = notify.User
		raise(t, c, n)
		synctest.Wait()
		assert.Empty(t, first, "not for the owner")
		raise(t, c, notice("a"))
		a := <-first
		require.NoError(t, a.err)
		require.Len(t, a.notices, 1)
		second := ask(as("owner"), a.notices[0].Sequence)
		raise(t, c, notice("a"))
		synctest.Wait()
		assert.Empty(t, second, "a repeat is no news")
		require.NoError(t, c.Resolve(as("part"), "test.event", "a"))
		assert.False(t, (<-second).notices[0].Active())

		ctx, cancel := context.WithTimeout(as("owner"), time.Minute)
		defer cancel()
		require.ErrorIs(t, (<-ask(ctx, 99)).err, context.DeadlineExceeded)
		last := ask(as("owner"), 99)
		require.NoError(t, c.Close())
		require.Error(t, (<-last).err)
	})
}

// TestWear: a stranger who triggers notices for an hour, ever new ones or always
// the same, costs at most one write of the medium per 10 s, above a fixed burst:
// records, counts, messages in the queue and its cursor, all together.
func TestWear(t *testing.T) {
	const burstWrites = 32 * 5 // of 32 notices: record, message, cursor; count and removal of what made room
	for name, key := range map[string]func(i int) string{
		"same key": func(int) string { return "a" },
		"new keys": func(i int) string { return fmt.Sprint(i) },
		"full":     func(i int) string { return fmt.Sprint(i) },
	} {
		synctest.Test(t, func(t *testing.T) {
			store, sink := newDir(), notify.NewMemory(9)
			opts := hub(sink)
			if name == "full" {
				opts.Max = 8
			}
			c := open(t, store, opts)
			stop := run(t, c)
			before := store.Stats()
			const hour, calls = time.Hour, 20_000
			for i := range calls {
				raise(t, c, notice(key(i)))
				time.Sleep(hour / calls)
			}
			stop()
			queue := c.Stats().Channels[0]
			appends := queue.Pending + queue.Delivered + queue.Skipped + queue.Refused + queue.Lost
			require.NoError(t, c.Close())
			after := store.Stats()
			writes := after.Puts + after.Deletes - before.Puts - before.Deletes + appends
			t.Logf("wear: %s calls=%d writes=%d appends=%d syncs=%d increments=0", name, calls, writes, appends, after.Syncs-before.Syncs)
			assert.Positive(t, appends)
			assert.LessOrEqual(t, writes, burstWrites+int(hour/(10*time.Second)))
			kept := 0
			for _, n := range list(t, open(t, store, nil)) {
				kept += n.Count
			}
			if name != "full" {
				assert.Equal(t, calls, kept, "every one is counted")
			}
		})
	}
}

func TestOverflowIsOneNoticeForEachAudience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newDir(), nil)
		for i := range 32 {
			raise(t, c, notice(fmt.Sprint(i)))
		}
		n := critical("33")
		n.Subject = "alice"
		more := raise(t, c, n)
		assert.Equal(t, more, raise(t, c, notice("34")))
		all := list(t, c)
		require.Len(t, all, 33)
		assert.Equal(t, "~more.owner", all[32].Key)
		assert.Equal(t, notify.Critical, all[32].Severity)
		assert.Empty(t, all[32].Subject)
		other := notice("x")
		other.Type = "test.other"
		assert.NotEqual(t, more, raise(t, c, other), "other types have their own")
		time.Sleep(5 * time.Minute)
		assert.NotEqual(t, more, raise(t, c, notice("35")), "one in 5 minutes")
		assert.Equal(t, more, raise(t, c, notice("36")))
	})
}

func TestBudgetsOfManyTypesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newDir(), &notify.Options{Max: 4096})
		raiseType := func(i int) notify.Notice {
			n := notice("a")
			n.Type = fmt.Sprintf("test.t%d", i)
			raise(t, c, n)
			all := list(t, c)
			return all[len(all)-1]
		}
		for i := range 256 {
			assert.Equal(t, "a", raiseType(i).Key)
		}
		assert.Equal(t, "~more.owner", raiseType(256).Key, "no more types at once")
		time.Sleep(5 * time.Minute)
		assert.Equal(t, "a", raiseType(257).Key, "who has been quiet is forgotten")
	})
}

func TestFoldedCountsAreWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDir()
		c := open(t, store, nil)
		run(t, c)
		for range 7 {
			raise(t, c, notice("a"))
		}
		assert.Equal(t, 7, one(t, c).Count)
		assert.Equal(t, 4, one(t, open(t, store, nil)).Count, "a power cut now takes off three")
		time.Sleep(time.Minute)
		assert.Equal(t, 7, one(t, open(t, store, nil)).Count)
	})
}

func TestDeniedRaiseCostsNoWrite(t *testing.T) {
	store := newDir()
	c := open(t, store, nil)
	before := store.Stats()
	for range 100 {
		_, err := c.Raise(as("owner"), notice("a"))
		require.ErrorIs(t, err, access.ErrDenied)
	}
	assert.Equal(t, before, store.Stats())
}
