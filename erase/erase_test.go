package erase_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

// What the parts of this module are for an inventory, and what the coordinator is for
// a device.
var (
	_ erase.Store     = (*protect.Subjects)(nil)
	_ erase.Store     = (*access.Guard)(nil)
	_ erase.Store     = (*password.Subjects)(nil)
	_ erase.Store     = (*notify.Center)(nil)
	_ erase.Guard     = (*access.Guard)(nil)
	_ erase.Interlock = (*baseline.Interlock)(nil)

	_ baseline.Eraser  = (*erase.Coordinator)(nil)
	_ baseline.Resumer = (*erase.Coordinator)(nil)
	_ baseline.Checker = (*erase.Coordinator)(nil)
)

// The operations are those that the interlock of a device knows.
func TestOperations(t *testing.T) {
	assert.Equal(t, []string{baseline.OpEraseSubject, baseline.OpEraseAll}, []string{erase.OperationSubject, erase.OperationAll})
}

func TestErase(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	for _, who := range []string{"alice", "bob"} {
		left, err := d.left(ctx, who)
		require.NoError(t, err)
		require.Equal(t, everywhere, left, "the control: something of %s is in each place", who)
	}
	o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "moved out"})
	require.NoError(t, err)
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Empty(t, left)
	left, err = d.left(ctx, "bob")
	require.NoError(t, err)
	assert.Equal(t, everywhere, left, "the other one's data is intact")
	assert.True(t, strings.HasPrefix(o.Method, "vault: "+string(protect.MethodClear)+"; passwords: removed"), o.Method)
	assert.Contains(t, o.Method, "notices: unlink; photos: "+erase.MethodUnlink)

	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.ResultDone, r.Result)
	assert.Equal(t, []string{"gateway-7", "subject", "moved out", o.Job}, []string{r.Device, r.Scope, r.Reason, r.Job})
	assert.Equal(t, []erase.Retained{{What: "actor in the event log", Until: "90 days", Reason: "who did what must stay known"}}, r.Retained)
	assert.Equal(t, string(protect.MethodClear), r.Stores[0].Method)
	assert.True(t, r.Names("alice", o.Salt))
	assert.False(t, r.Names("bob", o.Salt))
	assert.False(t, r.Names("alice", make([]byte, erase.SaltSize)))
	said := payload(t, o.Receipt)
	assert.Contains(t, said, "moved out")
	assert.NotContains(t, said, "alice")

	kept, err := d.Receipts(ctx)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	assert.JSONEq(t, string(o.Receipt), string(kept[0]))
	assert.Contains(t, d.log.String(), access.EventEraseDone)
	assert.Contains(t, d.log.String(), "level=ERROR+4") // LevelAudit
	assert.Equal(t, erase.Stats{Done: 1}, d.Stats())
	assert.NoError(t, d.Health(ctx))
	assert.Empty(t, d.lock.Pending())
}

// TestEraseOneself: the first place ends the entity that asked, and the erasure goes
// on.
func TestEraseOneself(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	alice := d.as(ctx, "alice")
	_, err := d.Erase(alice, "bob")
	require.ErrorIs(t, err, access.ErrDenied)
	method, err := d.Erase(alice, "alice")
	require.NoError(t, err)
	assert.Contains(t, method, "assignments: removed")
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Empty(t, left)
	_, err = d.Erase(alice, "alice")
	require.ErrorIs(t, err, access.ErrDenied, "she is nobody any more")
}

func TestWhoMayNotErasesNothing(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	for _, who := range []context.Context{ctx, d.as(ctx, "bob"), d.as(ctx, "stranger")} {
		_, err := d.Erase(who, "alice")
		require.ErrorIs(t, err, access.ErrDenied)
		_, err = d.EraseAll(who, "sold")
		require.ErrorIs(t, err, access.ErrDenied)
	}
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Equal(t, everywhere, left)
}

func TestBadRequests(t *testing.T) {
	_, d := onMachine(t)
	ann := d.as(t.Context(), "ann")
	for name, r := range map[string]erase.Request{
		"no subject": {Reason: "x"}, "path": {Subject: "a/b", Reason: "x"}, "dots": {Subject: "..", Reason: "x"},
		"long": {Subject: strings.Repeat("a", 65), Reason: "x"}, "both": {Subject: "a", All: true, Reason: "x"},
		"no reason": {Subject: "a"}, "line feed": {Subject: "a", Reason: "x\ny"}, "salt": {Subject: "a", Reason: "x", Salt: []byte("short")},
	} {
		_, err := d.Request(ann, r)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
}

// TestUnclaimed: what nobody answers for is named at the start, and later before
// anything is erased.
func TestUnclaimed(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	require.NoError(t, d.dir.Put(ctx, "diary/today", []byte("x")))
	_, err := d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorIs(t, err, erase.ErrUnclaimed)
	require.ErrorContains(t, err, `entry "diary" has 0 claims`)
	require.ErrorIs(t, d.Health(ctx), erase.ErrUnclaimed)
	require.ErrorIs(t, d.reopen(ctx), erase.ErrUnclaimed)
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	require.Equal(t, everywhere, left, "nothing was erased")

	d.inv.Free = append(d.inv.Free, erase.Free{Entries: []string{"diary"}, Reason: "of the device"})
	require.NoError(t, d.reopen(ctx))
	d.inv.Places[0].Entries = append(d.inv.Places[0].Entries, "diary")
	require.ErrorContains(t, d.reopen(ctx), `entry "diary" has 2 claims`)
}

func TestUnclaimedCompartment(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	settings, err := d.vault.Compartment(ctx, protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, settings.Put(ctx, "history/1", []byte("x")))
	_, err = d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorContains(t, err, `compartment "settings/history" has 0 claims, want 1`)
	d.inv.Places[0].Compartments = nil
	require.ErrorContains(t, d.reopen(ctx), `compartment "settings/history"`)
	require.NoError(t, settings.Delete(ctx, "history/1"))
	require.ErrorContains(t, d.reopen(ctx), `compartment "userdata" has 0 claims`)
}

func TestBadInventories(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	good := d.inv
	for name, spoil := range map[string]func(*erase.Inventory){
		"no root":   func(i *erase.Inventory) { i.Root = nil },
		"no place":  func(i *erase.Inventory) { i.Places = nil },
		"no store":  func(i *erase.Inventory) { i.Places = []erase.Place{{}} },
		"same name": func(i *erase.Inventory) { i.Places = append(i.Places[:1:1], i.Places[0]) },
		"no reason": func(i *erase.Inventory) { i.Free = []erase.Free{{Entries: []string{"softkeys"}}} },
		"bad retains": func(i *erase.Inventory) {
			i.Places = []erase.Place{{Store: d.guard, Retained: []erase.Retained{{What: "x"}}}}
		},
	} {
		d.inv = good
		spoil(&d.inv)
		require.ErrorIs(t, d.reopen(ctx), fs.ErrInvalid, name)
	}
}

// sick fails until it is well.
type sick struct {
	erase.Store
	why error
}

func (s *sick) Erase(ctx context.Context, subject string) (string, error) {
	if s.why != nil {
		return "", s.why
	}
	return s.Store.Erase(ctx, subject)
}

// TestOneFails: the others finish, the result is failed, and the next start goes on.
func TestOneFails(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	ill := &sick{d.vault.Subjects(), errors.New("no answer")}
	d.inv.Places[0].Store = ill
	require.NoError(t, d.reopen(ctx))
	o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
	require.ErrorIs(t, err, erase.ErrIncomplete)
	require.ErrorContains(t, err, "vault: no answer")
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Equal(t, []string{"vault"}, left)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.ResultFailed, r.Result)
	assert.Equal(t, erase.Part{Store: "vault"}, r.Stores[0])
	kept, err := d.Receipts(ctx)
	require.NoError(t, err)
	assert.Empty(t, kept, "done is told only when done")
	require.ErrorIs(t, d.Health(ctx), erase.ErrIncomplete)
	assert.Contains(t, d.log.String(), access.EventEraseFailed)
	assert.Empty(t, d.lock.Pending())
	require.Error(t, d.Resume(ctx), "it goes on failing")

	require.NoError(t, d.close())
	d, err = open(ctx, fsDir(t, m))
	require.NoError(t, err)
	require.NoError(t, d.Resume(ctx))
	left, err = d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Empty(t, left)
	kept, err = d.Receipts(ctx)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	r, err = erase.VerifyReceipt(kept[0], key.Public())
	require.NoError(t, err)
	assert.Equal(t, o.Job, r.Job)
	assert.True(t, r.Names("alice", o.Salt), "the salt that the requester has fits the receipt of the resumed job too")
	assert.True(t, r.Stores[4].Repeated)
	assert.Equal(t, erase.MethodUnlink, r.Stores[4].Method)
	assert.NoError(t, d.Health(ctx))
}

// TestSilentStore: what answers with no method has not erased.
func TestSilentStore(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	d.inv.Places[4].Store = mute{d.photos}
	require.NoError(t, d.reopen(ctx))
	_, err := d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorContains(t, err, "photos: the store answered with no method")
}

type mute struct{ erase.Store }

func (mute) Erase(context.Context, string) (string, error) { return "", nil }

func TestJobsAreBounded(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	d.inv.Places[0].Store = &sick{d.vault.Subjects(), errors.New("no answer")}
	require.NoError(t, d.reopen(ctx))
	for i := range 4 {
		_, err := d.Erase(d.as(ctx, "ann"), fmt.Sprint("u", i))
		require.ErrorContains(t, err, "no answer")
	}
	_, err := d.Erase(d.as(ctx, "ann"), "u1")
	require.ErrorContains(t, err, "no answer", "ordered again it takes the place of the one before")
	_, err = d.Erase(d.as(ctx, "ann"), "one-more")
	require.ErrorIs(t, err, erase.ErrBusy)
	require.NotErrorIs(t, err, erase.ErrIncomplete, "it is not ordered")

	d.everybody()
	require.NoError(t, d.reopen(ctx))
	_, err = d.EraseAll(d.as(ctx, "ann"), "sold")
	require.NoError(t, err, "all have a place of their own")
	require.NoError(t, d.Resume(ctx))
	require.NoError(t, d.Health(ctx))
}

func TestFeatures(t *testing.T) {
	_, d := onMachine(t)
	require.NoError(t, clause.Check(d.Features()))
	assert.NotContains(t, d.Features()[0].Clauses, clause.C5_2_4_2_A, "nobody is told")
	d.opts.Notice = func(context.Context, erase.Notice) error { return nil }
	require.NoError(t, d.reopen(t.Context()))
	assert.Contains(t, d.Features()[0].Clauses, clause.C5_2_4_2_A)
}

// payload is what a receipt says, out of its base64.
func payload(t *testing.T, envelope []byte) string {
	var e struct{ Payload []byte }
	require.NoError(t, json.Unmarshal(envelope, &e))
	return string(e.Payload)
}
