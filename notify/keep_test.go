package notify_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
)

func TestRoomIsMadeByWorth(t *testing.T) {
	store := newDir()
	c := open(t, store, &notify.Options{Max: 3})
	raise(t, c, critical("a"))
	id := raise(t, c, critical("b"))
	raise(t, c, notice("c"))
	require.NoError(t, c.Acknowledge(as("owner"), id))
	raise(t, c, notice("d"))
	assert.Equal(t, "a c d", keys(t, c), "acknowledged goes first")
	assert.Zero(t, c.Stats().Lost)
	raise(t, c, notice("e"))
	assert.Equal(t, "a d e", keys(t, c), "then the least severe, the oldest")
	raise(t, c, critical("f"))
	raise(t, c, critical("g"))
	assert.Equal(t, "a f g", keys(t, c))
	_, err := c.Raise(as("part"), notice("h"))
	require.ErrorIs(t, err, notify.ErrFull)
	s := c.Stats()
	assert.EqualValues(t, 3, s.Lost)
	assert.Equal(t, 1, s.Refused)
	assert.EqualValues(t, 3, open(t, store, &notify.Options{Max: 3}).Stats().Lost)
	assert.Equal(t, "g", keys(t, open(t, store, &notify.Options{Max: 1})), "a smaller limit of a later release")
}

func keys(t testing.TB, c *notify.Center) string {
	var out []string
	for _, n := range list(t, c) {
		out = append(out, n.Key)
	}
	return strings.Join(out, " ")
}

func TestSequenceNeverGoesBack(t *testing.T) {
	store := newDir()
	c := open(t, store, nil)
	raise(t, c, notice("a"))
	raise(t, c, about("alice", "b"))
	_, err := c.Erase(as("admin"), "alice")
	require.NoError(t, err)
	c = open(t, store, nil)
	raise(t, c, notice("c"))
	assert.EqualValues(t, 3, list(t, c)[1].Sequence)
}

func TestErase(t *testing.T) {
	store := newDir()
	sink := notify.NewMemory(10)
	opts := &notify.Options{Channels: []notify.Channel{{Name: "hub", To: sink}}}
	c := open(t, store, opts)
	raise(t, c, about("user", "a"))
	raise(t, c, about("bob", "b"))
	n := notice("c")
	n.Audience = notify.User
	id := raise(t, c, n)
	require.NoError(t, c.Acknowledge(as("user"), id))
	require.Error(t, c.Verify(as("admin"), "user"))

	_, err := c.Erase(as("user"), "bob")
	require.ErrorIs(t, err, access.ErrDenied, "only oneself")
	_, err = c.Erase(as("admin"), "*")
	require.ErrorContains(t, err, "/subject")
	method, err := c.Erase(as("user"), "user")
	require.NoError(t, err)
	assert.Equal(t, "unlink", method)
	require.NoError(t, c.Verify(as("user"), "user"))
	assert.Equal(t, "b c", keys(t, c))
	assert.Empty(t, list(t, c)[1].Acknowledged.By)
	assert.False(t, list(t, c)[1].Acknowledged.At.IsZero(), "still acknowledged")
	require.NoError(t, c.Drain(context.Background()))
	for _, n := range sink.Notices() {
		assert.NotEqual(t, "a", n.Key, "gone before its turn")
		assert.Empty(t, n.Subject, "the id stays on the device")
	}
	assert.Equal(t, 1, c.Stats().Channels[0].Skipped)
	assert.Equal(t, "notices", c.Name())
}

func TestDamagedNoticeIsToldAndErased(t *testing.T) {
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	c := open(t, d, nil)
	raise(t, c, notice("a"))
	id := raise(t, c, about("alice", "b"))
	require.NoError(t, d.Put(context.Background(), "notice/"+id, []byte(`1 {"notice":{"type":"X"}}`)))
	c = open(t, d, nil)
	assert.Equal(t, "a", keys(t, c))
	require.ErrorIs(t, c.Health(context.Background()), notify.ErrDamaged)
	assert.Equal(t, 1, c.Stats().Damaged)
	require.ErrorIs(t, c.Verify(as("admin"), "alice"), durable.ErrCorrupt)
	_, err = c.Erase(as("admin"), "alice")
	require.NoError(t, err)
	require.NoError(t, c.Verify(as("admin"), "alice"))
	require.NoError(t, c.Health(context.Background()))
}

// Every single bit of the medium is flipped in turn: nothing panics, every notice
// is there unchanged or its loss is told, and only a format of another release or
// damage to the directory itself keeps the Center shut.
func TestEveryFlippedBitIsToldOrHarmless(t *testing.T) {
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	c := open(t, d, nil)
	raise(t, c, notice("a"))
	raise(t, c, critical("b"))
	want := list(t, c)
	opened := 0
	flips := powercut.Flip(m, nil, func(m *powercut.Machine, where string) {
		d, err := durable.OpenFS(m.FS(), nil)
		if err != nil {
			require.True(t, typed(err), "%s: %v", where, err)
			return
		}
		c, err := notify.Open(context.Background(), d, guard(), nil)
		if err != nil {
			require.True(t, typed(err), "%s: %v", where, err)
			return
		}
		opened++
		if got := list(t, c); !assert.ObjectsAreEqual(want, got) && c.Health(context.Background()) == nil {
			t.Errorf("%s: %v", where, got)
		}
	})
	t.Logf("flips=%d opened=%d", flips, opened)
	assert.Greater(t, opened, flips*9/10, "one bit rarely costs more than one notice")
}

// typed reports whether a caller can tell what err of opening means.
func typed(err error) bool {
	return slices.ContainsFunc([]error{notify.ErrDamaged, durable.ErrCorrupt, durable.ErrFormat, durable.ErrHeld},
		func(target error) bool { return errors.Is(err, target) })
}

// Every single bit of a channel's queue is flipped in turn: the Center opens, has
// every notice, takes and delivers another, and tells what the channel lost.
func TestDamagedQueueDoesNotStopTheCenter(t *testing.T) {
	store, m := newDir(), powercut.New()
	opts := hub(notify.NewMemory(9))
	var err error
	opts.Queues, err = durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	c := open(t, store, opts)
	raise(t, c, notice("a"))
	require.NoError(t, c.Drain(context.Background()))
	raise(t, c, notice("b"))
	require.NoError(t, c.Close())
	damaged := 0
	powercut.Flip(m, nil, func(m *powercut.Machine, where string) {
		if !strings.Contains(where, "hub") { // damage to the directory itself
			return
		}
		queues, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err, where)
		sink := notify.NewMemory(9)
		opts := hub(sink)
		opts.Queues = queues
		c := open(t, store, opts)
		require.Equal(t, "a b", keys(t, c)[:3], where)
		raise(t, c, notice("new"))
		require.NoError(t, c.Drain(context.Background()), where)
		got := sink.Notices()
		require.NotEmpty(t, got, where)
		require.Equal(t, "new", got[len(got)-1].Key, where)
		switch n := c.Stats().Channels[0].Damaged; {
		case n > 0:
			damaged++
			require.ErrorIs(t, c.Health(context.Background()), notify.ErrDamaged, where)
		default:
			require.Equal(t, "b", got[len(got)-2].Key, "%s: a loss that is not told", where)
		}
		require.NoError(t, c.Resolve(as("part"), "test.event", "new"))
		require.NoError(t, c.Close(), where)
	})
	assert.Greater(t, damaged, 100)
	t.Logf("damaged=%d", damaged)
}

func TestStoreOnHoldAndStoreWithoutLogs(t *testing.T) {
	d := newDir()
	_, err := d.Hold(context.Background(), "reset")
	require.NoError(t, err)
	_, err = notify.Open(context.Background(), d, guard(), nil)
	require.ErrorIs(t, err, durable.ErrHeld)

	plain := struct{ durable.Store }{newDir()}
	opts := &notify.Options{Channels: []notify.Channel{{Name: "hub", To: notify.NewMemory(1)}}}
	_, err = notify.Open(context.Background(), plain, guard(), opts)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	opts.Queues = newDir()
	c := open(t, plain, opts)
	raise(t, c, notice("a"))
	assert.Equal(t, 1, c.Stats().Channels[0].Pending)
}

func TestClosed(t *testing.T) {
	c := open(t, newDir(), nil)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err := c.Raise(as("part"), notice("a"))
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = c.Wait(as("admin"), 0, notify.Filter{})
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, c.Resolve(as("part"), "test.event", ""), fs.ErrClosed)
	require.ErrorIs(t, c.Acknowledge(as("admin"), "x"), fs.ErrClosed)
	_, err = c.Erase(as("admin"), "x")
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestFeatures(t *testing.T) {
	sink := notify.NewMemory(1)
	c := open(t, newDir(), &notify.Options{Channels: []notify.Channel{
		{Name: "hub", To: sink, Serves: []clause.ID{clause.C5_2_8_1_C}}, {Name: "siren", To: sink, Serves: []clause.ID{clause.C5_2_8_1_E}},
	}})
	before := c.Features()
	require.NoError(t, clause.Check(before))
	for _, id := range []clause.ID{clause.C5_2_8_1_A, clause.C5_2_8_1_B, clause.C5_2_8_1_C, clause.C5_2_8_1_D, clause.C5_2_8_1_E} {
		assert.NotEmpty(t, clause.Answering(before, id), id.String())
	}
	require.NoError(t, c.Configure(context.Background(), notify.Routing{Routes: []notify.Route{{Channel: "siren", Off: true}, {Channel: "hub", Severity: notify.Warning}}}))
	after := c.Features()
	assert.Equal(t, clause.Digest(before), clause.Digest(after), "what the owner sets is told, not composed")
	assert.Contains(t, fmt.Sprint(after), "{siren off}")
	assert.Contains(t, fmt.Sprint(after), "{hub narrowed}")
	assert.Empty(t, clause.Answering(open(t, newDir(), nil).Features(), clause.C5_2_8_1_C))
}

func TestConcurrentUse(t *testing.T) {
	sink := notify.NewMemory(100)
	c := open(t, newDir(), &notify.Options{Max: 8, Channels: []notify.Channel{{Name: "hub", To: sink}, {Name: "light", To: sink, Direct: true}}})
	stop := run(t, c)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				n := notice(fmt.Sprint(j % 5))
				n.Type = fmt.Sprintf("test.t%d", i%3)
				id, err := c.Raise(as("part"), n)
				assert.NoError(t, err)
				_ = c.Acknowledge(as("admin"), id) // it may have made room
				assert.NoError(t, c.Resolve(as("part"), n.Type, n.Key))
				_, err = c.List(as("admin"), notify.Filter{})
				assert.NoError(t, err)
				c.Stats()
				assert.NoError(t, c.Configure(context.Background(), notify.Routing{}))
				_, err = c.Erase(as("admin"), "alice")
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	stop()
	require.NoError(t, c.Close())
}
