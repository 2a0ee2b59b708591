package protect_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// guarded is a vault under a real guard, in whose service alice and bob are users and
// ann, the owner, may erase.
type guarded struct {
	*protect.Vault
	*access.Guard
	t testing.TB
}

func newGuarded(t testing.TB) *guarded {
	ctx := t.Context()
	m := powercut.New()
	require.NoError(t, setUp(somebody(ctx), m, token, few()))
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	g := &guarded{v, commissioned(t, floor), t}
	v.Guard(g.Guard)
	for _, who := range []string{"alice", "bob"} {
		g.assign(who)
	}
	return g
}

func commissioned(t testing.TB, floor durable.Store) *access.Guard {
	ctx, all := t.Context(), []string{"**"}
	secret, err := access.Provision(ctx, floor, nil)
	require.NoError(t, err)
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{{Name: "owner"}, {Name: "user"}},
		Grants: []access.Grant{
			{Role: "owner", Permission: "erase.*", Resources: all}, {Role: "owner", Permission: "access.*", Resources: all},
			{Role: "user", Permission: access.ConfigRead, Resources: all},
		},
	}, nil)
	require.NoError(t, err)
	guard, err := access.OpenGuard(ctx, floor, policy, &access.GuardOptions{
		Local: []string{"usb"}, Parts: []string{}, Services: map[string][]string{"camera": {"user"}},
	})
	require.NoError(t, err)
	first, err := guard.Initial(ctx, secret.Reveal(), "usb")
	require.NoError(t, err)
	owner := access.Owner{ID: "ann", Roles: []string{"owner"}}
	require.NoError(t, guard.Commission(access.WithEntity(ctx, first), owner, func(context.Context) error { return nil }))
	return guard
}

// as is the ctx of a request of id that comes in now.
func (g *guarded) as(id string) context.Context {
	e, err := g.Issuer("test").Issue(access.Facts{ID: id, Kind: access.KindPerson})
	require.NoError(g.t, err)
	return access.WithEntity(context.Background(), e)
}

func (g *guarded) assign(id string) {
	require.NoError(g.t, g.Assign(g.as("ann"), access.Assignment{ID: id, Kind: access.KindPerson, Roles: []string{"user"}}))
}

// erase is an erasure over both places, in the order of an inventory: keys first.
func (g *guarded) erase(id string) error {
	ann := g.as("ann")
	if _, err := g.Vault.Erase(ann, id); err != nil {
		return err
	}
	if _, err := g.Guard.Erase(ann, id); err != nil {
		return err
	}
	return g.Subjects().Verify(ann, id)
}

// TestRequestOnItsWayDoesNotComeBack: what came in before the erasure writes nothing
// after it, by an old handle or by a new one, whoever writes.
func TestRequestOnItsWayDoesNotComeBack(t *testing.T) {
	for _, erase := range []string{"the vault alone", "vault and guard", "everybody"} {
		t.Run(erase, func(t *testing.T) {
			g := newGuarded(t)
			camera, err := access.AsService(t.Context(), g.Issuer("service"), "camera")
			require.NoError(t, err)
			inFlight := map[string]context.Context{
				"herself": g.as("alice"), "the owner": g.as("ann"), "a service": camera, "code without an entity": t.Context(),
			}
			handle, err := g.Subject(inFlight["herself"], "alice")
			require.NoError(t, err)
			switch erase {
			case "the vault alone":
				_, err = g.Vault.Erase(g.as("ann"), "alice")
			case "vault and guard":
				err = g.erase("alice")
			case "everybody":
				_, err = g.EraseClasses(g.as("ann"), protect.Authority{Permission: access.EraseAll}, protect.ClassUserData)
			}
			require.NoError(t, err)
			for who, ctx := range inFlight {
				require.ErrorIs(t, handle.Put(ctx, "letter", []byte("late")), protect.ErrMissing)
				_, err = g.Subject(ctx, "alice")
				require.ErrorIs(t, err, protect.ErrMissing, who)
				_, err = g.OpenSubject(ctx, "alice")
				require.ErrorIs(t, err, protect.ErrMissing, who)
			}
			require.NoError(t, g.Subjects().Verify(t.Context(), "alice"))
			if erase != "everybody" {
				_, err = g.Subject(inFlight["herself"], "bob")
				require.NoError(t, err, "others go on")
				_, err = g.OpenSubject(t.Context(), "alice")
				require.ErrorIs(t, err, protect.ErrMissing, "code without an entity asks so")
				_, err = g.Subject(camera, "carol")
				require.NoError(t, err, "also new ones")
			}
			g.assign("alice")
			anew, err := g.Subject(g.as("alice"), "alice")
			require.NoError(t, err, "she may come back herself")
			require.NoError(t, anew.Put(t.Context(), "letter", []byte("anew")))
		})
	}
}

// TestClockDoesNotBringBack: what an authenticator says of the time brings nobody back.
func TestClockDoesNotBringBack(t *testing.T) {
	g := newGuarded(t)
	e, err := g.Issuer("test").Issue(access.Facts{ID: "bob", Kind: access.KindPerson, Time: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.NoError(t, g.erase("alice"))
	_, err = g.Subject(access.WithEntity(t.Context(), e), "alice")
	require.ErrorIs(t, err, protect.ErrMissing, "the clock was an hour ahead when the request came in")

	e, err = g.Issuer("test").Issue(access.Facts{ID: "bob", Kind: access.KindPerson, Time: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	_, err = g.Subject(access.WithEntity(t.Context(), e), "alice")
	require.NoError(t, err, "a new request in an old session")
}

// TestSubjectWithoutDataIsErasedToo: there was nothing to erase, and nothing comes.
func TestSubjectWithoutDataIsErasedToo(t *testing.T) {
	g := newGuarded(t)
	inFlight := g.as("carol")
	method, err := g.Vault.Erase(g.as("ann"), "carol")
	require.NoError(t, err)
	assert.Equal(t, protect.MethodNothing, method)
	_, err = g.Subject(inFlight, "carol")
	require.ErrorIs(t, err, protect.ErrMissing)
}

// TestSubjectOfAnEntityThatIsNotValid: one that was issued between the erasure of the
// keys and that of the assignment ends with the assignment.
func TestSubjectOfAnEntityThatIsNotValid(t *testing.T) {
	g := newGuarded(t)
	_, err := g.Vault.Erase(g.as("ann"), "alice")
	require.NoError(t, err)
	between := g.as("alice")
	_, err = g.Guard.Erase(g.as("ann"), "alice")
	require.NoError(t, err)
	denied := g.Guard.Stats().Denied
	_, err = g.Subject(between, "alice")
	require.ErrorIs(t, err, access.ErrDenied)
	_, err = g.Subject(newGuarded(t).as("carol"), "carol")
	require.ErrorIs(t, err, access.ErrDenied, "of another guard")
	_, err = g.Subject(g.as("carol"), "carol")
	require.NoError(t, err, "who has no role is valid; what he may the parts ask")
	assert.Equal(t, denied, g.Guard.Stats().Denied, "it is no denial of a permission")
	require.NoError(t, g.EndOwnership(g.as("ann")))
	_, err = g.Subject(between, "dave")
	require.ErrorIs(t, err, access.ErrDenied, "of another ownership")
}

// TestOpenSubjectMakesNone: reading leaves nothing behind.
func TestOpenSubjectMakesNone(t *testing.T) {
	g := newGuarded(t)
	before := len(g.Compartments())
	_, err := g.OpenSubject(g.as("carol"), "carol")
	require.ErrorIs(t, err, protect.ErrMissing)
	assert.Len(t, g.Compartments(), before)
	_, err = g.OpenSubject(g.as("carol"), "c/d")
	require.Error(t, err)
	alice, err := g.OpenSubject(g.as("alice"), "alice")
	require.NoError(t, err)
	letter, err := alice.Get(t.Context(), "letter")
	require.NoError(t, err)
	assert.Equal(t, "of alice", string(letter))
	require.NoError(t, g.Close())
	_, err = g.OpenSubject(g.as("alice"), "alice")
	require.Error(t, err)
	require.NotErrorIs(t, err, protect.ErrMissing, "closed is not erased")
}

// TestManyErasures: more than can be told apart stop everybody who began before.
func TestManyErasures(t *testing.T) {
	g := newGuarded(t)
	early := g.as("carol")
	for i := range 1030 {
		_, err := g.Vault.Erase(g.as("ann"), "user"+strconv.Itoa(i))
		require.NoError(t, err)
	}
	for _, who := range []string{"user0", "user1029", "carol"} {
		_, err := g.Subject(early, who)
		require.ErrorIs(t, err, protect.ErrMissing, who)
	}
	_, err := g.Subject(g.as("user1029"), "user1029")
	require.NoError(t, err)
}

// TestWritersDuringErasure: requests write all the time while alice is erased. When the
// erasure says done, and so a receipt is given, nothing of hers comes any more.
func TestWritersDuringErasure(t *testing.T) {
	g := newGuarded(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	started := make(chan struct{}, 4)
	for range 4 {
		ctx := g.as("alice")
		wg.Go(func() {
			for i := 0; ; i++ {
				if c, err := g.Subject(ctx, "alice"); err == nil {
					_ = c.Put(ctx, "letter", []byte("late")) // that it fails is the point
				}
				if i == 0 {
					started <- struct{}{}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	err := g.erase("alice")
	time.AfterFunc(50*time.Millisecond, func() { close(stop) })
	wg.Wait()
	require.NoError(t, err)
	require.NoError(t, g.Subjects().Verify(t.Context(), "alice"))
	for _, info := range g.Compartments() {
		assert.NotEqual(t, "alice", info.Subject)
	}
}
