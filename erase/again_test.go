package erase_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
)

// failing is a store of which writes of the journal fail from number fail on.
type failing struct {
	durable.Store
	n, fail int
}

func (s *failing) Put(ctx context.Context, name string, value []byte) error {
	if s.n++; s.n >= s.fail {
		return errors.New("medium")
	}
	return s.Store.Put(ctx, name, value)
}

// TestEndThatIsNotKept: what runs again was not done, whatever the stores answered.
func TestEndThatIsNotKept(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	c, err := erase.Open(ctx, d.inv, &failing{Store: d.floor, fail: 2}, d.guard, &d.opts)
	require.NoError(t, err)
	o, err := c.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
	require.ErrorIs(t, err, erase.ErrIncomplete)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.ResultFailed, r.Result)
	require.ErrorIs(t, c.Health(ctx), erase.ErrIncomplete)
}

// TestOrderedAgain: the receipt tells the methods by which the data really went, also
// when a store that had erased fails meanwhile.
func TestOrderedAgain(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	vault, photos := &sick{d.vault.Subjects(), nil}, &sick{d.photos, errors.New("no answer")}
	d.inv.Places[0].Store, d.inv.Places[4].Store = vault, photos
	require.NoError(t, d.reopen(ctx))
	request := func() (erase.Outcome, error) {
		return d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
	}
	_, err := request()
	require.ErrorIs(t, err, erase.ErrIncomplete)
	vault.why = errors.New("busy")
	_, err = request()
	require.ErrorIs(t, err, erase.ErrIncomplete)
	vault.why, photos.why = nil, nil
	o, err := request()
	require.NoError(t, err)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.Part{Store: "vault", Method: string(protect.MethodClear), Verified: true, Repeated: true}, r.Stores[0])
	assert.Equal(t, erase.Part{Store: "photos", Method: erase.MethodUnlink, Verified: true}, r.Stores[4])
	assert.True(t, r.Names("alice", o.Salt))
	require.NoError(t, d.Health(ctx))
}

// TestEventsNameNobody: the log stays when the data goes.
func TestEventsNameNobody(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	o, err := d.Request(d.as(ctx, "alice"), erase.Request{Subject: "alice", Reason: "x"})
	require.NoError(t, err)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	log := d.log.String()
	assert.Contains(t, log, access.EventEraseDone)
	assert.Contains(t, log, "mandate="+o.Job)
	assert.Contains(t, log, "digest="+r.Subject)
	assert.NotContains(t, log, "alice")
	_, err = d.Request(d.as(ctx, "ann"), erase.Request{Subject: "bob", Reason: "x"})
	require.NoError(t, err)
	assert.Contains(t, d.log.String(), "on_behalf=ann", "who did it is known")
	assert.NotContains(t, d.log.String(), "bob")
}

// TestEventThatIsNotKept: nothing is told as done of which the log does not know.
func TestEventThatIsNotKept(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	refused := errors.New("log full")
	d.opts.Sync = func(context.Context) error { return refused }
	require.NoError(t, d.reopen(ctx))
	o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
	require.ErrorIs(t, err, erase.ErrUnlogged)
	require.ErrorIs(t, err, refused)
	require.ErrorIs(t, d.Health(ctx), refused)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.ResultDone, r.Result, "it is not undone")
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Empty(t, left)

	refused = nil
	_, err = d.Erase(d.as(ctx, "ann"), "alice")
	require.NoError(t, err)
	require.NoError(t, d.Health(ctx))
}

// TestResumeWithoutLog: an erasure that a start finished is told by Health, and the
// start goes on.
func TestResumeWithoutLog(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	photos := &sick{d.photos, errors.New("no answer")}
	d.inv.Places[4].Store = photos
	refused := errors.New("log full")
	d.opts.Sync = func(context.Context) error { return refused }
	require.NoError(t, d.reopen(ctx))
	_, err := d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorIs(t, err, erase.ErrIncomplete)
	photos.why = nil
	require.NoError(t, d.Resume(ctx))
	require.ErrorIs(t, d.Health(ctx), refused)
}

// says is a store that answers with a method of its own.
type says struct {
	erase.Store
	method string
}

func (s *says) Erase(ctx context.Context, subject string) (string, error) {
	_, err := s.Store.Erase(ctx, subject)
	return s.method, err
}

// TestMethodsOfAllRuns: no run hides by which method the data went in another.
func TestMethodsOfAllRuns(t *testing.T) {
	long := strings.Repeat("x", erase.MaxMethod-1)
	for _, c := range []struct {
		answers []string
		want    string
	}{
		{[]string{"purge", erase.MethodNothing}, "purge"},
		{[]string{erase.MethodNothing, "clear"}, "clear"},
		{[]string{erase.MethodNothing, erase.MethodNothing}, erase.MethodNothing},
		{[]string{"purge", "clear", "purge", "clear"}, "purge + clear"},
		{[]string{long + "a", long + "b", long + "c"}, long + "a + others"},
	} {
		ctx := t.Context()
		_, d := onMachine(t)
		vault, photos := &says{Store: d.vault.Subjects()}, &sick{d.photos, errors.New("no answer")}
		d.inv.Places[0].Store, d.inv.Places[4].Store = vault, photos
		require.NoError(t, d.reopen(ctx))
		var o erase.Outcome
		for i, answer := range c.answers {
			vault.method = answer
			if i == len(c.answers)-1 {
				photos.why = nil
			}
			var err error
			o, err = d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
			require.Equal(t, photos.why == nil, err == nil)
		}
		r, err := erase.VerifyReceipt(o.Receipt, key.Public())
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Stores[0].Method, c.answers)
	}
}

// TestAnotherInventory: what stores of a former release answered makes no room for
// that of this one.
func TestAnotherInventory(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	own := d.inv.Places
	d.inv.Places = append(slices.Clone(own), more("old", erase.MaxPlaces-len(own))...)
	ill := &sick{d.vault.Subjects(), errors.New("no answer")}
	d.inv.Places[0].Store = ill
	require.NoError(t, d.reopen(ctx))
	_, err := d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorIs(t, err, erase.ErrIncomplete)

	d.inv.Places = append(slices.Clone(own), more("new", erase.MaxPlaces-len(own))...)
	d.inv.Places[0].Store = ill
	require.NoError(t, d.reopen(ctx))
	require.ErrorContains(t, d.Resume(ctx), "vault: no answer")
	require.NotContains(t, d.Health(ctx).Error(), "not the one that was ordered")
	ill.why = nil
	require.NoError(t, d.Resume(ctx))
	require.NoError(t, d.Health(ctx))
}

// more are n places that have nothing.
func more(name string, n int) (places []erase.Place) {
	for i := range n {
		places = append(places, erase.Place{Store: nothing(fmt.Sprint(name, i))})
	}
	return places
}

type nothing string

func (n nothing) Name() string                                { return string(n) }
func (nothing) Erase(context.Context, string) (string, error) { return erase.MethodNothing, nil }
func (nothing) Verify(context.Context, string) error          { return nil }

// TestStoreOfAnErasedSubject: what was begun before an erasure brings nothing back.
func TestStoreOfAnErasedSubject(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	alice, err := d.photos.Of("alice")
	require.NoError(t, err)
	bob, err := d.photos.Of("bob")
	require.NoError(t, err)
	_, err = d.photos.Erase(d.as(ctx, "ann"), "alice")
	require.NoError(t, err)
	require.ErrorIs(t, alice.Put(ctx, "late", nil), erase.ErrErased)
	require.ErrorIs(t, durable.Reserve(ctx, alice, "late", 100), erase.ErrErased)
	_, err = durable.OpenLog(ctx, alice, "late", nil)
	require.ErrorIs(t, err, erase.ErrErased)
	require.NoError(t, d.photos.Verify(d.as(ctx, "ann"), "alice"))

	require.NoError(t, bob.Put(ctx, "face", []byte("bob")), "of others it goes on")
	again, err := d.photos.Of("alice")
	require.NoError(t, err)
	require.NoError(t, again.Put(ctx, "face", []byte("a new one")))
	_, err = d.photos.EraseAll(d.as(ctx, "ann"))
	require.NoError(t, err)
	require.ErrorIs(t, again.Put(ctx, "late", nil), erase.ErrErased)
	require.ErrorIs(t, bob.Put(ctx, "late", nil), erase.ErrErased)
	require.NoError(t, d.photos.VerifyAll(d.as(ctx, "ann")))
}

// TestMethodNothing: the vault says it in the same words.
func TestMethodNothing(t *testing.T) {
	assert.Equal(t, erase.MethodNothing, string(protect.MethodNothing))
}
