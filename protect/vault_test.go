package protect_test

import (
	"context"
	"errors"
	"io/fs"
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

// stores are the kinds of key store that every test of the vault's behaviour uses.
func stores() map[string]keyStore {
	return map[string]keyStore{"token": token, "softkeys": software, "plain": plain}
}

func TestRoundTrip(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m, v := device(t, store, few())
			want := "settings : network/wifi=canary-passphrase; identity :; userdata alice: letter=of alice; userdata bob: letter=of bob; security :; logs :; application :; floor :"
			for range 3 {
				got, err := content(t.Context(), v)
				require.NoError(t, err)
				assert.Equal(t, want, got)
				m.Settle()
				v, err = open(t.Context(), m, store, few())
				require.NoError(t, err)
			}
		})
	}
}

// wrapper is what a vendor may put around a key store.
type wrapper struct{ protect.KeyStore }

func (w wrapper) Unwrap() protect.KeyStore { return w.KeyStore }

// endless unwraps to itself.
type endless struct{ protect.KeyStore }

func (e endless) Unwrap() protect.KeyStore { return e }

func TestAbilitiesThroughWrappers(t *testing.T) {
	wrapped := wrapper{wrapper{protecttest.NewToken(powercut.New())}}
	_, ok := protect.RevokerOf(wrapped)
	assert.True(t, ok)
	_, ok = protect.CounterOf(wrapped)
	assert.True(t, ok)
	_, ok = protect.SigningKeysOf(wrapped)
	assert.True(t, ok)
	_, ok = protect.AttesterOf(wrapped)
	assert.False(t, ok)
	_, ok = protect.MeasurerOf(endless{})
	assert.False(t, ok)
	_, ok = protect.RevokerOf(nil)
	assert.False(t, ok)
}

func TestHold(t *testing.T) {
	ctx := somebody(t.Context())
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m, _ := device(t, store, few())
			dir, err := durable.OpenFS(m.FS(), nil)
			require.NoError(t, err)
			keys, err := store(ctx, m, dir)
			require.NoError(t, err)
			v, err := protect.Open(ctx, dir, keys, few())
			require.NoError(t, err)
			v.Guard(allow{})
			floor, err := v.Compartment(ctx, protect.ClassFloor)
			require.NoError(t, err)
			settings, err := v.Compartment(ctx, protect.ClassSettings)
			require.NoError(t, err)
			hold, err := dir.Hold(ctx, "reset")
			require.NoError(t, err)

			require.NoError(t, floor.Put(ctx, "mandate", []byte("m")))
			_, err = settings.Get(ctx, "network/wifi")
			require.ErrorIs(t, err, durable.ErrHeld)
			require.ErrorIs(t, settings.Put(ctx, "x", nil), durable.ErrHeld)
			require.ErrorIs(t, settings.Delete(ctx, "x"), durable.ErrHeld)
			_, err = settings.List(ctx, "")
			require.ErrorIs(t, err, durable.ErrHeld)
			_, err = settings.OpenLog(ctx, "x", nil)
			require.ErrorIs(t, err, durable.ErrHeld)
			_, err = v.Subject(ctx, "carol")
			require.ErrorIs(t, err, durable.ErrHeld)

			// After a restart the same, and who holds it erases.
			v, err = open(ctx, m, store, few())
			require.NoError(t, err)
			floor, err = v.Compartment(ctx, protect.ClassFloor)
			require.NoError(t, err)
			got, err := floor.Get(ctx, "mandate")
			require.NoError(t, err)
			assert.Equal(t, "m", string(got))
			l, err := floor.OpenLog(ctx, "steps", nil)
			require.NoError(t, err)
			require.NoError(t, l.Close())
			_, err = v.EraseClasses(ctx, protect.Authority{Permission: access.EraseAll}, protect.ClassUserData)
			require.NoError(t, err)
			require.NoError(t, hold.Release(ctx))
		})
	}
}

func TestGuard(t *testing.T) {
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	v, err := protect.Open(t.Context(), dir, protecttest.NewToken(m), few())
	require.NoError(t, err)
	ctx := somebody(t.Context())

	denied := func(ctx context.Context, why string) {
		_, err := v.Erase(ctx, "alice")
		require.ErrorIs(t, err, access.ErrDenied, why)
		_, err = v.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: "factory"}, protect.ClassSettings)
		require.ErrorIs(t, err, access.ErrDenied, why)
		require.ErrorIs(t, v.Rotate(ctx), access.ErrDenied, why)
		_, err = v.Subjects().Erase(ctx, "alice")
		require.ErrorIs(t, err, access.ErrDenied, why)
	}
	denied(ctx, "no guard")
	v.Guard(allow{})
	denied(t.Context(), "nobody asks")
	v.Guard(nil)
	denied(ctx, "guard taken away")

	asked := &recorder{}
	v.Guard(asked)
	_, err = v.Erase(ctx, "alice", "bob")
	require.NoError(t, err)
	_, err = v.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: "factory"}, protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, v.Rotate(ctx))
	assert.Equal(t, []string{"erase.subject alice", "erase.subject bob", "reset.request factory", "protect.rotate "}, asked.questions)
}

// recorder allows and notes.
type recorder struct{ questions []string }

func (r *recorder) Decide(_ context.Context, _ *access.Entity, p access.Permission, resource string) access.Decision {
	r.questions = append(r.questions, string(p)+" "+resource)
	return access.Decision{Allowed: true}
}

func TestEraseClassesRefuses(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	for what, try := range map[string]struct {
		p access.Permission
		c protect.Class
	}{
		"the floor":                       {access.ResetRequest, protect.ClassFloor},
		"settings under erase.all":        {access.EraseAll, protect.ClassSettings},
		"user data under another right":   {access.ConfigWrite, protect.ClassUserData},
		"a class that there is not":       {access.ResetRequest, 99},
		"the floor, asked by erase.all":   {access.EraseAll, protect.ClassFloor},
		"the class zero of a typing slip": {access.ResetRequest, 0},
	} {
		_, err := v.EraseClasses(ctx, protect.Authority{Permission: try.p}, try.c)
		assert.ErrorIs(t, err, fs.ErrInvalid, what)
	}
}

func TestBadSubjects(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	for _, id := range []string{"", ".", "..", "a/b", "a b", "ü", "*", strings.Repeat("x", 65), "a\x00"} {
		_, err := v.Subject(ctx, id)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", id)
		_, err = v.Erase(ctx, id)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", id)
		assert.ErrorIs(t, v.Subjects().Verify(ctx, id), fs.ErrInvalid, "%q", id)
	}
	_, err := v.Compartment(ctx, protect.ClassUserData)
	assert.ErrorIs(t, err, fs.ErrInvalid)
	_, err = v.Compartment(ctx, 0)
	assert.ErrorIs(t, err, fs.ErrInvalid)
}

func TestManyCompartments(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few()) // 6 classes, alice, bob
	for _, id := range []string{"carol", "dave"} {
		_, err := v.Subject(ctx, id)
		require.NoError(t, err)
	}
	_, err := v.Subject(ctx, "eve")
	require.ErrorIs(t, err, durable.ErrFull)
	_, err = v.Subject(ctx, "dave")
	require.NoError(t, err, "those there are still open")
	assert.Equal(t, 10, v.Report(ctx).Compartments)
}

func TestClose(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	c, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	log, err := c.OpenLog(ctx, "diary", nil)
	require.NoError(t, err)
	require.NoError(t, v.Close())
	require.NoError(t, v.Close())
	_, err = c.Get(ctx, "letter")
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = v.Subject(ctx, "alice")
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = v.Erase(ctx, "alice")
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, v.Rotate(ctx), fs.ErrClosed)
	require.Error(t, v.Health(ctx))
	_, err = log.Append(ctx, []byte("x"))
	require.ErrorIs(t, err, fs.ErrClosed, "a closed log is not an erased one")
	require.NotErrorIs(t, err, protect.ErrMissing)
	require.Zero(t, v.Report(ctx).Compartments)
}

func TestOptions(t *testing.T) {
	for _, n := range []int{1, 7, 1025, -1} {
		_, err := provision(t.Context(), powercut.New(), token, &protect.Options{MaxCompartments: n})
		assert.ErrorIs(t, err, fs.ErrInvalid, "%d", n)
	}
	_, err := protect.Open(t.Context(), nil, protecttest.NewToken(powercut.New()), nil)
	assert.ErrorIs(t, err, fs.ErrInvalid)
	_, err = provision(t.Context(), powercut.New(), token, nil)
	assert.NoError(t, err)
}

func TestConcurrentUse(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			who := []string{"alice", "bob", "carol", "dave"}[i%4]
			for range 5 {
				// Erased under its feet: refused, and opened anew.
				err := putUser(ctx, v, who, "letter", who)
				assert.True(t, err == nil || errors.Is(err, protect.ErrMissing), "%v", err)
				if i < 2 {
					_, err := v.Erase(ctx, who)
					assert.NoError(t, err)
				}
				c, err := v.Compartment(ctx, protect.ClassSettings)
				assert.NoError(t, err)
				assert.NoError(t, c.Put(ctx, "x", []byte(who)))
				_, err = c.List(ctx, "")
				assert.NoError(t, err)
				v.Report(ctx)
			}
		})
	}
	all.Wait()
	require.NoError(t, v.Health(ctx))
	_, err := content(ctx, v)
	require.NoError(t, err)
}

func TestRotate(t *testing.T) {
	ctx := somebody(t.Context())
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m, v := device(t, store, few())
			before, err := content(ctx, v)
			require.NoError(t, err)
			old, gen := protect.SecretsOf(v)[0], v.Report(ctx).Generation
			require.NoError(t, v.Rotate(ctx))
			assert.NotEqual(t, old, protect.SecretsOf(v)[0])
			assert.Equal(t, gen+1, v.Report(ctx).Generation)
			v, err = open(ctx, m, store, few())
			require.NoError(t, err)
			after, err := content(ctx, v)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
}
