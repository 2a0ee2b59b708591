package password_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func spec() access.PolicySpec {
	return access.PolicySpec{
		Roles: []access.Role{{Name: "user"}, {Name: "owner"}},
		Grants: []access.Grant{
			{Role: "user", Permission: access.AccessCredentials, Resources: []string{"password/{self}"}},
			{Role: "owner", Permission: "access.*", Resources: []string{"**"}},
			{Role: "owner", Permission: access.EraseSubject, Resources: []string{"**"}},
		},
	}
}

// device is a guard with passwords on the medium of a machine.
type device struct {
	*access.Guard
	users *password.Store
	dir   *durable.Dir
	log   *strings.Builder
	slots *password.Hasher
}

func start(ctx context.Context, m *powercut.Machine, params password.Params) (*device, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	policy, err := access.NewPolicy(spec(), nil)
	if err != nil {
		return nil, err
	}
	g, err := access.OpenGuard(ctx, dir, policy, &access.GuardOptions{Parts: []string{}, Local: []string{"usb"}})
	if err != nil {
		return nil, err
	}
	h, err := password.NewHasher(&password.HasherOptions{Params: params})
	if err != nil {
		return nil, err
	}
	log := &strings.Builder{}
	users, err := password.NewStore(dir, g, h, &password.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	return &device{g, users, dir, log, h}, err
}

func cheap() password.Params { return password.Params{Memory: 8, Time: 1, Threads: 1} }

// commission installs ann as the owner, with her password.
func (d *device) commission(ctx context.Context) error {
	secret, err := access.Provision(ctx, d.dir, nil)
	if err == nil {
		err = d.dir.Put(ctx, "label", []byte(secret.Reveal()))
	}
	if err != nil && !errors.Is(err, access.ErrProvisioned) {
		return err
	}
	label, err := d.dir.Get(ctx, "label")
	if err != nil {
		return err
	}
	if err := d.Reload(ctx); err != nil {
		return err
	}
	first, err := d.Initial(ctx, string(label), "usb")
	if err != nil {
		return err
	}
	return d.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(ctx context.Context) error {
		return d.users.Set(ctx, "ann", password.New(good))
	})
}

func (d *device) login(ctx context.Context, id, text string) (context.Context, error) {
	e, err := d.users.Verify(ctx, id, password.New(text), "lan", "s1")
	if err != nil {
		return nil, err
	}
	return access.WithEntity(ctx, e), nil
}

// owned is a device with the users ann (owner) and bob (user).
func owned(t *testing.T) (*device, context.Context) {
	t.Helper()
	d, err := start(t.Context(), powercut.New(), cheap())
	require.NoError(t, err)
	require.NoError(t, d.commission(t.Context()))
	ann, err := d.login(t.Context(), "ann", good)
	require.NoError(t, err)
	require.NoError(t, d.Assign(ann, access.Assignment{ID: "Bob", Kind: access.KindPerson, Roles: []string{"user"}}))
	require.NoError(t, d.users.Set(ann, "Bob", password.New("the password of bob")))
	return d, ann
}

func TestCommissionWithPassword(t *testing.T) {
	d, ann := owned(t)
	e := access.FromContext(ann)
	require.Equal(t, []string{"ann", "person", "password", "lan", "s1"}, []string{e.ID(), e.Kind().String(), e.Method(), e.Interface(), e.Session()})
	ids, err := d.users.List(ann)
	require.NoError(t, err)
	require.Equal(t, []string{"Bob", "ann"}, ids)
	require.NoError(t, d.Credentials().Set("password", d.users.Credentials()))
	_, shut := d.Shut()
	require.False(t, shut)
	require.NoError(t, clause.Check(d.users.Features()))
	require.NotContains(t, d.log.String(), good)
}

func TestPasswordsAreAuthorised(t *testing.T) {
	d, ann := owned(t)
	bob, err := d.login(t.Context(), "Bob", "the password of bob")
	require.NoError(t, err)
	require.NoError(t, d.users.Set(bob, "Bob", password.New("another password of bob")))
	_, err = d.login(t.Context(), "Bob", "the password of bob")
	require.ErrorIs(t, err, password.ErrWrong)
	bob, err = d.login(t.Context(), "Bob", "another password of bob") // the entity of before is dead
	require.NoError(t, err)
	require.ErrorIs(t, d.users.Set(bob, "ann", password.New("another password of ann")), access.ErrDenied)
	require.ErrorIs(t, d.users.Set(t.Context(), "ann", password.New("another password of ann")), access.ErrDenied)
	require.ErrorIs(t, d.users.Delete(bob, "ann"), access.ErrDenied)
	_, err = d.users.List(bob)
	require.ErrorIs(t, err, access.ErrDenied)
	require.ErrorIs(t, d.users.Set(ann, "Bob", password.New("short")), password.ErrWeak)
	require.ErrorIs(t, d.users.Set(ann, "a-user-with-a-long-name", password.New("A-User-With-A-Long-Name")), password.ErrWeak)
	var bad *access.InputError
	for _, id := range []string{"", "a/b", "..", strings.Repeat("x", 65), "ü"} {
		require.ErrorAs(t, d.users.Set(ann, id, password.New(good)), &bad)
		require.ErrorAs(t, d.users.Delete(ann, id), &bad)
		_, err = d.login(t.Context(), id, good)
		require.ErrorIs(t, err, password.ErrWrong, "%q: as for any name that nobody has", id)
	}
	require.NoError(t, d.users.Delete(ann, "Bob"))
	require.NoError(t, d.users.Delete(ann, "Bob"))
	_, err = d.login(t.Context(), "Bob", "another password of bob")
	require.ErrorIs(t, err, password.ErrWrong)
}

func TestAllFailedLoginsAreOneError(t *testing.T) {
	d, _ := owned(t)
	_, wrong := d.login(t.Context(), "ann", "not the password")
	_, unknown := d.login(t.Context(), "stranger", "not the password")
	_, case1 := d.login(t.Context(), "bob", "the password of bob")
	require.ErrorIs(t, wrong, password.ErrWrong)
	require.Equal(t, wrong.Error(), unknown.Error())
	require.Equal(t, wrong.Error(), case1.Error())
	_, invalid := d.login(t.Context(), "ann", "\xff")
	_, invalid2 := d.login(t.Context(), "eve", "\xff")
	require.Equal(t, invalid.Error(), invalid2.Error())
	require.NotContains(t, d.log.String(), "stranger", "what a stranger typed as his name may be a password")
	require.Contains(t, d.log.String(), "access.login-failed")
}

func TestPasswordsDieWithTheOwnership(t *testing.T) {
	d, ann := owned(t)
	require.NoError(t, d.EndOwnership(ann))
	_, err := d.login(t.Context(), "ann", good)
	require.ErrorIs(t, err, password.ErrWrong)
	require.NoError(t, d.commission(t.Context()))
	_, err = d.login(t.Context(), "Bob", "the password of bob")
	require.ErrorIs(t, err, password.ErrWrong, "of the owner before")
	ann2, err := d.login(t.Context(), "ann", good)
	require.NoError(t, err)
	ids, err := d.users.List(ann2)
	require.NoError(t, err)
	require.Equal(t, []string{"ann"}, ids)
}

// TestHashingTakesLong: what changed while a password waited for its hash counts.
func TestHashingTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ann := owned(t)
		bob, err := d.login(t.Context(), "Bob", "the password of bob")
		require.NoError(t, err)
		release := password.Occupy(d.slots)
		login, change := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := d.login(t.Context(), "ann", good)
			login <- err
		}()
		go func() { change <- d.users.Set(bob, "Bob", password.New("another password of bob")) }()
		synctest.Wait()
		require.NoError(t, d.EndOwnership(ann))
		release()
		require.ErrorIs(t, <-login, password.ErrWrong)
		require.ErrorIs(t, <-change, access.ErrDenied)
	})
}

// TestAbandonedCommissioningLeavesNoCredential: a first attempt that failed after
// it had installed a password gives nobody a login later.
func TestAbandonedCommissioningLeavesNoCredential(t *testing.T) {
	d, err := start(t.Context(), powercut.New(), cheap())
	require.NoError(t, err)
	secret, err := access.Provision(t.Context(), d.dir, nil)
	require.NoError(t, err)
	label := secret.Reveal()
	require.NoError(t, d.dir.Put(t.Context(), "label", []byte(label)))
	require.NoError(t, d.Reload(t.Context()))
	first, err := d.Initial(t.Context(), label, "usb")
	require.NoError(t, err)
	err = d.Commission(access.WithEntity(t.Context(), first), access.Owner{ID: "eve", Roles: []string{"owner"}}, func(ctx context.Context) error {
		require.NoError(t, d.users.Set(ctx, "eve", password.New(good)))
		return errors.New("abandoned")
	})
	require.ErrorContains(t, err, "abandoned")
	_, err = d.login(t.Context(), "eve", good)
	require.ErrorIs(t, err, password.ErrWrong)
	require.NoError(t, d.commission(t.Context()))
	_, err = d.login(t.Context(), "eve", good)
	require.ErrorIs(t, err, password.ErrWrong)
}

func TestDamagedPasswords(t *testing.T) {
	d, ann := owned(t)
	names, err := d.dir.List(t.Context(), "passwords/")
	require.NoError(t, err)
	require.Len(t, names, 2)
	first, err := d.dir.Get(t.Context(), names[0])
	require.NoError(t, err)
	for _, raw := range []string{"", "1 {}", `1 {"id":"ann","ownership":"","hash":"$argon2id$v=19$m=99999999,t=9,p=9$x$y"}`, string(first)} {
		require.NoError(t, d.dir.Put(t.Context(), names[1], []byte(raw)))
		_, err = d.login(t.Context(), "ann", good)
		require.ErrorIs(t, err, durable.ErrCorrupt, "%q", raw)
		ids, err := d.users.List(ann)
		require.ErrorIs(t, err, durable.ErrCorrupt)
		require.Equal(t, []string{"Bob"}, ids)
	}
	require.NoError(t, d.dir.Put(t.Context(), "passwords/zz", first))
	_, err = d.users.List(ann)
	require.ErrorIs(t, err, durable.ErrCorrupt)
	require.NoError(t, d.users.Set(ann, "ann", password.New(good)), "can be set again")
	_, err = d.login(t.Context(), "ann", good)
	require.NoError(t, err)
}

func TestUsersAreBounded(t *testing.T) {
	d, ann := owned(t)
	for i := range password.MaxUsers - 2 {
		require.NoError(t, d.users.Set(ann, fmt.Sprint("user", i), password.New(good)))
	}
	require.ErrorIs(t, d.users.Set(ann, "more", password.New(good)), password.ErrFull)
	require.NoError(t, d.users.Set(ann, "user1", password.New(good)))
}

func TestConcurrentLogins(t *testing.T) {
	d, ann := owned(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { d.login(t.Context(), "ann", good) })
		wg.Go(func() { d.login(t.Context(), "eve", good) })
		wg.Go(func() { require.NoError(t, d.users.Set(ann, fmt.Sprint("u", i), password.New(good))) })
	}
	wg.Wait()
	ids, err := d.users.List(ann)
	require.NoError(t, err)
	require.Len(t, ids, 22)
}

func TestNewStoreNeedsItsParts(t *testing.T) {
	d, _ := owned(t)
	_, err := password.NewStore(nil, d.Guard, quick(t), nil)
	require.Error(t, err)
	_, err = password.NewStore(d.dir, nil, quick(t), nil)
	require.Error(t, err)
	_, err = password.NewStore(d.dir, d.Guard, nil, nil)
	require.Error(t, err)
}
