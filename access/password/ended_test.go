package password_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// recommission takes the device into service for owner, after the ownership ended.
func (d *device) recommission(ctx context.Context, owner string) error {
	label, err := d.dir.Get(ctx, "label")
	if err != nil {
		return err
	}
	first, err := d.Initial(ctx, string(label), "usb")
	if err != nil {
		return err
	}
	return d.Commission(access.WithEntity(ctx, first), access.Owner{ID: owner, Roles: []string{"owner"}}, func(ctx context.Context) error {
		return d.users.Set(ctx, owner, password.New(good))
	})
}

// TestPasswordsOfAnEndedOwnershipMakeRoom: the next owner finds a full store of
// passwords that let nobody in.
func TestPasswordsOfAnEndedOwnershipMakeRoom(t *testing.T) {
	d, ann := owned(t)
	for i := range password.MaxUsers - 2 {
		require.NoError(t, d.users.Set(ann, fmt.Sprint("user", i), password.New(good)))
	}
	require.ErrorIs(t, d.users.Set(ann, "more", password.New(good)), password.ErrFull, "all of them serve")
	names, err := d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.NoError(t, d.dir.Put(t.Context(), names[7], []byte("damaged")))
	require.NoError(t, d.EndOwnership(ann))
	require.NoError(t, d.recommission(t.Context(), "eve"))
	eve, err := d.login(t.Context(), "eve", good)
	require.NoError(t, err)
	kept, err := d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.Len(t, kept, 2)
	require.Contains(t, kept, names[7], "what cannot be read may be anybody's")
	require.NoError(t, d.users.Set(eve, "bob", password.New(good)))
}

// TestRemovingNothingIsNoEvent: nothing was taken away.
func TestRemovingNothingIsNoEvent(t *testing.T) {
	d, ann := owned(t)
	require.NoError(t, d.users.Delete(ann, "stranger"))
	_, err := d.users.Subjects().Erase(ann, "stranger")
	require.NoError(t, err)
	require.NotContains(t, d.log.String(), access.EventCredentialGone)
	require.NoError(t, d.users.Delete(ann, "Bob"))
	require.Contains(t, d.log.String(), access.EventCredentialGone)
}

// TestFoldedFailuresAreTold: guesses, then silence; the next login of anybody tells.
func TestFoldedFailuresAreTold(t *testing.T) {
	for name, next := range map[string]string{"stranger": "wrong", "Bob": "the password of bob"} {
		synctest.Test(t, func(t *testing.T) {
			d, _ := owned(t)
			for range 100 {
				_, err := d.login(t.Context(), "ann", "wrong")
				require.ErrorIs(t, err, password.ErrWrong)
			}
			time.Sleep(time.Hour)
			require.NotContains(t, d.log.String(), "count=99")
			_, _ = d.login(t.Context(), name, next)
			require.Contains(t, d.log.String(), "count=99 subject=ann")
		})
	}
}

// TestFoldsAreForgotten: 64 users who mistyped do not hide the 65th for good.
func TestFoldsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ann := owned(t)
		for i := range 65 {
			require.NoError(t, d.users.Set(ann, fmt.Sprint("user", i), password.New(good)))
		}
		for i := range 128 {
			_, _ = d.login(t.Context(), fmt.Sprint("user", i%64), "wrong")
		}
		for range 2 { // told, then forgotten
			time.Sleep(time.Minute)
			_, _ = d.login(t.Context(), "ann", good)
		}
		d.log.Reset()
		_, _ = d.login(t.Context(), "user64", "wrong")
		require.Contains(t, d.log.String(), "subject=user64")
	})
}

// locking is a handler of the guard's log that deletes a password on every denial.
type locking struct {
	slog.Handler
	users **password.Store
	calls *int
}

func (l locking) Enabled(context.Context, slog.Level) bool { return true }

func (l locking) Handle(_ context.Context, rec slog.Record) error {
	if *l.calls++; *l.calls < 10 && rec.Message == access.EventDenied {
		_ = (*l.users).Delete(context.Background(), "x") // denied as well
	}
	return nil
}

// TestLogHandlerMayUseTheStore: what is denied is logged without a lock.
func TestLogHandlerMayUseTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a deadlock is a failure here, not a hang
		m := powercut.New()
		d, err := start(t.Context(), m, cheap())
		require.NoError(t, err)
		require.NoError(t, d.commission(t.Context()))
		policy, err := access.NewPolicy(spec(), nil)
		require.NoError(t, err)
		calls := 0
		g, err := access.OpenGuard(t.Context(), d.dir, policy, &access.GuardOptions{
			Parts: []string{}, Log: slog.New(locking{slog.DiscardHandler, &d.users, &calls}),
		})
		require.NoError(t, err)
		d.users, err = password.NewStore(d.dir, g, d.slots, nil)
		require.NoError(t, err)
		require.ErrorIs(t, d.users.Delete(t.Context(), "ann"), access.ErrDenied)
		release := password.Occupy(d.slots)
		set := make(chan error, 1)
		ann, err := g.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
		require.NoError(t, err)
		go func() { set <- d.users.Set(access.WithEntity(t.Context(), ann), "Bob", password.New(good)) }()
		synctest.Wait() // authorised; the hash waits
		require.NoError(t, g.Issuer("test").Invalidate("ann"))
		release()
		require.ErrorIs(t, <-set, access.ErrDenied)
		assert.GreaterOrEqual(t, calls, 2)
	})
}

// TestErasingOneself: one's own entity ends with the password; a mandate goes on
// through all places.
func TestErasingOneself(t *testing.T) {
	d, ann := owned(t)
	s := d.users.Subjects()
	m, err := d.NewMandate(ann, access.MandateRequest{Acts: []access.Act{{Permission: access.EraseSubject, Resource: "ann"}}, Reason: "leaves"})
	require.NoError(t, err)
	_, err = s.Erase(ann, "ann")
	require.NoError(t, err)
	require.ErrorIs(t, s.Verify(ann, "ann"), access.ErrDenied)
	_, err = d.Guard.Erase(ann, "ann")
	require.ErrorIs(t, err, access.ErrDenied)
	ctx, err := d.Resume(t.Context(), m)
	require.NoError(t, err)
	for range 2 { // again after a power cut
		_, err = s.Erase(ctx, "ann")
		require.NoError(t, err)
		require.NoError(t, s.Verify(ctx, "ann"))
		_, err = d.Guard.Erase(ctx, "ann")
		require.NoError(t, err)
		require.NoError(t, d.Guard.Verify(ctx, "ann"))
	}
}
