package password_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
)

// TestChangedPasswordEndsSessions: a stolen session ends with the password.
func TestChangedPasswordEndsSessions(t *testing.T) {
	d, ann := owned(t)
	bob, err := d.login(t.Context(), "Bob", "the password of bob")
	require.NoError(t, err)
	own := func(ctx context.Context) error {
		_, err := access.Check(ctx, d.Guard, access.AccessCredentials, "password/Bob")
		return err
	}
	require.NoError(t, own(bob))
	require.NoError(t, d.users.Set(bob, "Bob", password.New("a second long sentence of bob")))
	require.ErrorIs(t, own(bob), access.ErrDenied, "he logs in again, too")
	bob, err = d.login(t.Context(), "Bob", "a second long sentence of bob")
	require.NoError(t, err)
	require.NoError(t, d.users.Delete(ann, "Bob"))
	require.ErrorIs(t, own(bob), access.ErrDenied)
	require.ErrorIs(t, d.users.Set(bob, "Bob", password.New("a third long sentence of eve")), access.ErrDenied, "with it the thief would set one again")
	require.NoError(t, d.users.Set(ann, "ann", password.New(good)))
	require.ErrorIs(t, d.users.Delete(ann, "Bob"), access.ErrDenied)
}

// TestLoginDuringAChange: who was let in by the old password while it was replaced
// is not let in.
func TestLoginDuringAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ann := owned(t)
		release := password.Occupy(d.slots)
		login := make(chan context.Context, 1)
		go func() {
			ctx, err := d.login(t.Context(), "Bob", "the password of bob")
			if err != nil {
				ctx = t.Context()
			}
			login <- ctx
		}()
		synctest.Wait() // the old record is read, its hash waits
		require.NoError(t, d.users.Delete(ann, "Bob"))
		release()
		_, err := access.Check(<-login, d.Guard, access.AccessCredentials, "password/Bob")
		require.ErrorIs(t, err, access.ErrDenied)
	})
}

func TestFailedLoginsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := owned(t)
		before := d.log.Len()
		for i := range 600 {
			d.login(t.Context(), "ann", "wrong wrong wrong wrong")
			d.login(t.Context(), fmt.Sprint("stranger", i), "wrong wrong wrong wrong")
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(d.log.String()[before:]), "\n")
		t.Logf("1200 guesses in 10 minutes: %d lines", len(lines))
		require.LessOrEqual(t, len(lines), 2*61)
		require.Contains(t, lines[len(lines)-1], "count=10")
		require.NotContains(t, d.log.String()[before:], "stranger")
	})
}

func TestFailedLoginsOfManyUsersShareALine(t *testing.T) {
	d, ann := owned(t)
	for i := range 100 {
		require.NoError(t, d.users.Set(ann, fmt.Sprint("user", i), password.New(good)))
	}
	before := d.log.Len()
	for range 3 {
		for i := range 100 {
			d.login(t.Context(), fmt.Sprint("user", i), "wrong wrong wrong wrong")
		}
	}
	require.Equal(t, 65, strings.Count(d.log.String()[before:], access.EventLoginFailed))
}

func TestErasePassword(t *testing.T) {
	d, ann := owned(t)
	bob, err := d.login(t.Context(), "Bob", "the password of bob")
	require.NoError(t, err)
	s := d.users.Subjects()
	require.Equal(t, "passwords", s.Name())
	require.ErrorIs(t, s.Verify(ann, "Bob"), fs.ErrExist)
	_, err = s.Erase(bob, "ann")
	require.ErrorIs(t, err, access.ErrDenied)
	require.ErrorIs(t, s.Verify(bob, "ann"), access.ErrDenied)
	names, err := d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.NoError(t, d.dir.Put(t.Context(), names[0], []byte("damaged")))
	require.ErrorIs(t, s.Verify(ann, "Bob"), fs.ErrExist, "readable or not")
	for range 2 {
		method, err := s.Erase(ann, "Bob")
		require.NoError(t, err)
		require.Contains(t, method, "removed")
		require.NoError(t, s.Verify(ann, "Bob"))
	}
	_, err = access.Check(bob, d.Guard, access.AccessCredentials, "password/Bob")
	require.ErrorIs(t, err, access.ErrDenied)
	names, err = d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.Len(t, names, 1)
	_, err = s.Erase(ann, "a/b")
	require.Error(t, err)
	require.Error(t, s.Verify(ann, ""))
}
