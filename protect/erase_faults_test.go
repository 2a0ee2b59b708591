package protect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestEraseOnFullDisk: with no byte free an erasure ends in done (PROTOCOLS 8).
func TestEraseOnFullDisk(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			m, _ := device(t, store, few())
			m.Settle()
			for n := range 3 { // more than once: the reserve is made good
				used := int64(0)
				for _, raw := range m.Files() {
					used += int64(len(raw))
				}
				m.SetCapacity(used)
				v, err := open(ctx, m, store, few())
				require.NoError(t, err)
				c, err := v.Compartment(ctx, protect.ClassApplication)
				require.NoError(t, err)
				require.ErrorIs(t, c.Put(ctx, "more", make([]byte, 8000)), durable.ErrFull, "the disk is full")
				who := []string{"alice", "bob", "nobody"}[n]
				_, err = v.Erase(ctx, who)
				require.NoError(t, err)
				require.NoError(t, v.Subjects().Verify(ctx, who))
				m.Settle()
			}
			v, err := open(ctx, m, store, few())
			require.NoError(t, err)
			assert.Zero(t, v.Report(ctx).Subjects)
		})
	}
}

// TestUnavailableInErase: each answer of the token fails in turn, or is lost. The
// vault keeps working, and trying again ends in done.
func TestUnavailableInErase(t *testing.T) {
	ctx := somebody(t.Context())
	base, _ := device(t, token, few())
	base.Settle()
	for _, fault := range []powercut.Fault{powercut.Fail, powercut.NoReply} {
		for n := range 60 {
			m := base.Clone()
			v, err := open(ctx, m, token, few())
			require.NoError(t, err)
			m.Fail(n, fault)
			_, err = v.Erase(ctx, "alice")
			m.Fail(0, powercut.NoFault)
			if err == nil {
				require.NoError(t, v.Subjects().Verify(ctx, "alice"))
			}
			require.NoError(t, putUser(ctx, v, "bob", "letter", "of bob"), "step %d", n)
			require.NoError(t, putUser(ctx, v, "carol", "letter", "of carol"), "step %d", n)
			_, err = v.Erase(ctx, "alice")
			require.NoError(t, err, "step %d", n)
			require.NoError(t, v.Subjects().Verify(ctx, "alice"))
			require.NoError(t, v.Health(ctx))
			m.Drop()
			v, err = open(ctx, m, token, few())
			require.NoError(t, err)
			got, err := content(ctx, v)
			require.NoError(t, err)
			require.Contains(t, got, "userdata bob: letter=of bob; userdata carol: letter=of carol", "step %d", n)
			require.NotContains(t, got, "alice")
		}
	}
}

func TestTokenGoneInErase(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	keys := protecttest.NewToken(m)
	v, err := protect.Open(ctx, dir, keys, few())
	require.NoError(t, err)
	v.Guard(allow{})
	alice, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	require.NoError(t, putUser(ctx, v, "bob", "letter", "the first change of this start"))
	keys.SetFault(protect.ErrUnavailable)
	_, err = v.Erase(ctx, "alice")
	require.ErrorIs(t, err, protect.ErrUnavailable)
	require.ErrorIs(t, v.Health(ctx), protect.ErrUnavailable)
	require.ErrorIs(t, v.Subjects().Verify(ctx, "alice"), protect.ErrUnavailable)
	_, err = alice.Get(ctx, "letter")
	require.ErrorIs(t, err, protect.ErrMissing, "refused while nobody knows")
	require.NoError(t, putUser(ctx, v, "bob", "letter", "still works"))
	_, err = v.Subject(ctx, "carol")
	require.ErrorIs(t, err, protect.ErrUnavailable)

	keys.SetFault(nil)
	_, err = v.Subject(ctx, "carol")
	require.NoError(t, err)
	letter, err := alice.Get(ctx, "letter")
	require.NoError(t, err, "it was not erased, and was not acknowledged")
	assert.Equal(t, "of alice", string(letter))
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
}

// slow is a key store with a deadline of its own.
type slow struct {
	*protecttest.Token
	fail bool
}

func (s *slow) Advance(ctx context.Context, gen uint64) error {
	if s.fail {
		return context.DeadlineExceeded
	}
	return s.Token.Advance(ctx, gen)
}

// TestDeadlineOfTheKeyStore: it is an error, and no reason to try for ever.
func TestDeadlineOfTheKeyStore(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	keys := &slow{Token: protecttest.NewToken(m), fail: true}
	v, err := protect.Open(ctx, dir, keys, few())
	require.NoError(t, err)
	v.Guard(allow{})
	_, err = v.Erase(ctx, "alice")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, v.Health(ctx), "the generation is known, so it is settled")
	keys.fail = false
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
}
