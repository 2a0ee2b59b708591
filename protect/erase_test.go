package protect_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func TestErase(t *testing.T) {
	ctx := somebody(t.Context())
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m, v := device(t, store, few())
			want := protect.MethodClear
			if name == "token" {
				want = protect.MethodPurge
			}
			alice, err := v.Subject(ctx, "alice")
			require.NoError(t, err)
			diary, err := alice.OpenLog(ctx, "diary", nil)
			require.NoError(t, err)
			_, err = diary.Append(ctx, []byte("dear diary"))
			require.NoError(t, err)
			require.NoError(t, diary.Sync(ctx))

			method, err := v.Erase(ctx, "alice", "nobody")
			require.NoError(t, err)
			assert.Equal(t, want, method)
			refusedEverywhere(t, ctx, alice, diary)
			again, err := v.Erase(ctx, "alice", "nobody")
			require.NoError(t, err)
			assert.Equal(t, protect.MethodNothing, again)
			require.NoError(t, v.Subjects().Verify(ctx, "alice"))
			require.Error(t, v.Subjects().Verify(ctx, "bob"))

			_, err = v.Subject(ctx, "alice")
			require.ErrorIs(t, err, protect.ErrMissing, "who began before makes none")
			anew, err := v.Subject(arriving(t), "alice")
			require.NoError(t, err)
			_, err = anew.Get(ctx, "letter")
			require.True(t, notThere(err), "%v", err)
			require.NoError(t, diary.Close())
			v, err = open(ctx, m, store, few())
			require.NoError(t, err)
			got, err := content(ctx, v)
			require.NoError(t, err)
			assert.Contains(t, got, "userdata alice:; userdata bob: letter=of bob")
		})
	}
}

// refusedEverywhere checks a handle whose compartment was erased.
func refusedEverywhere(t *testing.T, ctx context.Context, c *protect.Compartment, l *durable.Log) {
	_, err := c.Get(ctx, "letter")
	require.ErrorIs(t, err, protect.ErrMissing)
	require.False(t, notThere(err), "not as if it was never stored")
	require.ErrorIs(t, c.Put(ctx, "letter", nil), protect.ErrMissing)
	require.ErrorIs(t, c.Delete(ctx, "letter"), protect.ErrMissing)
	_, err = c.List(ctx, "")
	require.ErrorIs(t, err, protect.ErrMissing)
	require.ErrorIs(t, c.Reserve(ctx, "letter", 10), protect.ErrMissing)
	_, err = c.OpenLog(ctx, "diary", nil)
	require.ErrorIs(t, err, protect.ErrMissing)
	_, err = l.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, protect.ErrMissing)
	for _, err := range l.Records(ctx, 1) {
		require.ErrorIs(t, err, protect.ErrMissing)
	}
}

// TestEraseRemovesFiles also shows that a start removes what a cut left.
func TestEraseRemovesFiles(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	prefix := ""
	for _, info := range v.Compartments() {
		if info.Subject == "alice" {
			prefix = info.Prefix
		}
	}
	files := func(m *powercut.Machine) (n int) {
		for name := range m.Files() {
			if strings.HasPrefix(name, prefix) {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, files(m))
	left := m.Clone()
	_, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	assert.Zero(t, files(m))
	assert.Zero(t, v.Stats().FilesLeft)

	for n := 0; ; n++ { // cut when the erasure is done and files are there
		c := left.Clone()
		c.Cut(n)
		if eraseAlice(ctx, c, token) == nil {
			c.Drop()
			if files(c) == 0 {
				assert.Fail(t, "no cut left a file")
			}
			v, err := open(ctx, c, token, few())
			require.NoError(t, err)
			assert.Zero(t, files(c))
			assert.Equal(t, 1, v.Report(ctx).Subjects)
			return
		}
	}
}

// counting counts advances.
type counting struct {
	*protecttest.Token
	advances int
}

func (c *counting) Advance(ctx context.Context, gen uint64) error {
	c.advances++
	return c.Token.Advance(ctx, gen)
}

// TestQueuedErasuresShareTheAdvances: many callers, and two advances for all that
// wait while one works.
func TestQueuedErasuresShareTheAdvances(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, nil)
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	keys := &counting{Token: protecttest.NewToken(m)}
	v, err := protect.Open(ctx, dir, keys, nil)
	require.NoError(t, err)
	v.Guard(allow{})
	var who []string
	for i := range 40 {
		id := "s" + strings.Repeat("x", i)
		who = append(who, id)
		require.NoError(t, putUser(ctx, v, id, "letter", id))
	}
	_, err = v.Erase(ctx, who[:20]...)
	require.NoError(t, err)
	assert.Equal(t, 2, keys.advances, "one call, however many subjects")

	keys.advances = 0
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, id := range who[20:] {
		all.Go(func() {
			<-start
			_, err := v.Erase(ctx, id)
			assert.NoError(t, err)
		})
	}
	close(start)
	all.Wait()
	assert.LessOrEqual(t, keys.advances, 40)
	assert.Zero(t, keys.advances%2)
	assert.Equal(t, 2, v.Report(ctx).Subjects)
	for _, id := range who {
		require.NoError(t, v.Subjects().Verify(ctx, id))
	}
	t.Logf("erasures=20 advances=%d", keys.advances)
}

// TestCancelledLeader: who waits with a live context is not failed by another's.
func TestCancelledLeader(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	done, cancel := context.WithCancel(ctx)
	cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := v.Erase(done, "bob")
			assert.ErrorIs(t, err, context.Canceled)
		})
		all.Go(func() {
			_, err := v.Erase(ctx, "alice")
			assert.NoError(t, err)
		})
	}
	all.Wait()
	require.NoError(t, v.Subjects().Verify(ctx, "alice"))
}

func TestEraseClasses(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	require.NoError(t, floor.Put(ctx, "guard", []byte("state")))
	_, err = v.EraseClasses(ctx, protect.Authority{Permission: access.EraseAll}, protect.ClassUserData)
	require.NoError(t, err)
	assert.Zero(t, v.Report(ctx).Subjects)
	all := []protect.Class{protect.ClassSettings, protect.ClassIdentity, protect.ClassUserData, protect.ClassSecurity, protect.ClassLogs, protect.ClassApplication}
	_, err = v.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: "factory"}, all...)
	require.NoError(t, err)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	got, err := content(ctx, v)
	require.NoError(t, err)
	assert.Equal(t, "floor : guard=state", got)
	settings, err := v.Compartment(ctx, protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, settings.Put(ctx, "x", []byte("new owner")))
}
