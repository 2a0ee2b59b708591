package erase_test

import (
	"context"
	"errors"
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
