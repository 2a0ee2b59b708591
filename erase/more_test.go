package erase_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/receipt"
)

// everybody is the inventory of a device that can erase all user data at once: its
// accounts stay, and the receipt says so.
func (d *device) everybody() {
	under := protect.Authority{Permission: access.EraseAll}
	d.inv.Places = []erase.Place{
		{Entries: []string{"vault"}, Compartments: []string{"userdata"}, Store: erase.WithAll(d.vault.Subjects(),
			func(ctx context.Context) (string, error) {
				m, err := d.vault.EraseClasses(ctx, under, protect.ClassUserData)
				return string(m), err
			},
			func(context.Context) error {
				if n := d.vault.Report(context.Background()).Subjects; n > 0 {
					return fmt.Errorf("%d subjects have data", n)
				}
				return nil
			})},
		{Store: d.photos, Entries: []string{"photos"}, Retained: []erase.Retained{{What: "accounts and notices", Reason: "the home goes on"}}},
	}
	d.inv.Free = append(d.inv.Free, erase.Free{Compartments: []string{"security", "settings/notices"}, Reason: "accounts stay"})
}

func TestEraseAll(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	_, err := d.EraseAll(d.as(ctx, "ann"), "sold")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "vault cannot erase everybody")
	d.everybody()
	require.NoError(t, d.reopen(ctx))
	_, err = d.EraseAll(d.as(ctx, "alice"), "sold")
	require.ErrorIs(t, err, access.ErrDenied)
	o, err := d.Request(d.as(ctx, "ann"), erase.Request{All: true, Reason: "sold"})
	require.NoError(t, err)
	assert.Equal(t, "vault: clear: live copies only; photos: unlink: copies in flash may remain", o.Method)
	r, err := erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	assert.Equal(t, erase.ScopeAll, r.Scope)
	assert.NotContains(t, d.log.String(), "ann", "who orders it is one of all")
	assert.Equal(t, "accounts and notices", r.Retained[0].What)
	assert.True(t, r.Names("", o.Salt))
	assert.False(t, r.Names("alice", o.Salt))
	for _, who := range []string{"alice", "bob"} {
		left, err := d.left(ctx, who)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

// TestUnderAMandate: in a reset the erasure is part of what was ordered there.
func TestUnderAMandate(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	m, err := d.guard.NewMandate(d.as(ctx, "ann"), access.MandateRequest{
		Acts: []access.Act{{Permission: access.ResetRequest, Resource: "factory"}, {Permission: access.EraseSubject, Resource: "alice"}}, Reason: "sold",
	})
	require.NoError(t, err)
	require.NoError(t, d.lock.Begin(ctx, baseline.OpReset))
	_, err = d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorIs(t, err, baseline.ErrPending, "alone it waits")
	within, err := d.guard.Resume(ctx, m)
	require.NoError(t, err)
	_, err = d.Erase(within, "bob")
	require.ErrorIs(t, err, access.ErrDenied, "not ordered")
	o, err := d.Request(within, erase.Request{Subject: "alice", Reason: "reset"})
	require.NoError(t, err)
	_, err = erase.VerifyReceipt(o.Receipt, key.Public())
	require.NoError(t, err)
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestOldOrderIsDropped: an order does not outlive the owner after whom another came.
func TestOldOrderIsDropped(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	d.inv.Places[0].Store = &sick{d.vault.Subjects(), errors.New("no answer")}
	var told erase.Notice
	var unlogged error
	d.opts.Notice = func(_ context.Context, n erase.Notice) error { told = n; return nil }
	d.opts.Sync = func(context.Context) error { return unlogged }
	require.NoError(t, d.reopen(ctx))
	_, err := d.Erase(d.as(ctx, "ann"), "alice")
	require.ErrorIs(t, err, erase.ErrIncomplete)
	require.NoError(t, d.guard.EndOwnership(d.as(ctx, "ann")))
	require.Error(t, d.Resume(ctx), "between owners it is still to be finished")
	assert.Zero(t, d.Stats().Dropped)
	d.label = d.kept(ctx)
	require.NoError(t, d.commission(ctx))
	unlogged = errors.New("log full")
	require.ErrorIs(t, d.Resume(ctx), unlogged)
	assert.Zero(t, d.Stats().Dropped, "not before the event of it is kept")
	unlogged = nil
	require.NoError(t, d.Resume(ctx))
	assert.Equal(t, 1, d.Stats().Dropped)
	left, err := d.left(ctx, "alice")
	require.NoError(t, err)
	assert.Contains(t, left, "vault", "the new owner's device does not obey the old one")
	require.ErrorContains(t, d.Health(ctx), "former owner", "and tells that something may be there")
	assert.Equal(t, erase.NoticeFailed, told.Type)
	assert.True(t, told.Urgent)

	require.NoError(t, d.reopen(ctx))
	require.NoError(t, d.Health(ctx), "the event and the notice stay")
}

func TestNotices(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	var told []erase.Notice
	var fails error
	d.opts.Notice = func(ctx context.Context, n erase.Notice) error {
		assert.Nil(t, access.FromContext(ctx), "the part raises as its own service")
		told = append(told, n)
		return fails
	}
	ill := &sick{d.vault.Subjects(), errors.New("no answer")}
	d.inv.Places[0].Store = ill
	require.NoError(t, d.reopen(ctx))
	ann := d.as(ctx, "ann")
	_, err := d.Erase(ann, "alice")
	require.Error(t, err)
	ill.why = nil
	fails = errors.New("no room")
	_, err = d.Erase(ann, "alice")
	require.NoError(t, err, "the data is gone, whoever hears of it")
	require.ErrorContains(t, d.Health(ctx), "notice: no room")
	require.Len(t, told, 2)
	assert.Equal(t, []string{erase.NoticeFailed, erase.NoticeDone}, []string{told[0].Type, told[1].Type})
	assert.True(t, told[0].Urgent)
	assert.NotContains(t, fmt.Sprint(told), "alice")
}

// broken is a root of trust that does not answer.
type broken struct{}

func (broken) Public() crypto.PublicKey { return key.Public() }
func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("secret trouble")
}

func TestWithoutSignature(t *testing.T) {
	ctx := t.Context()
	for name, signer := range map[string]crypto.Signer{"has no key": nil, "did not sign": broken{}} {
		_, d := onMachine(t)
		d.opts.Signer = signer
		require.NoError(t, d.reopen(ctx))
		o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
		require.NoError(t, err)
		_, err = erase.VerifyReceipt(o.Receipt, key.Public())
		require.ErrorIs(t, err, receipt.ErrUnsigned)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "secret trouble")
		assert.Equal(t, 1, d.Stats().Unsigned)
	}
}

func TestAnotherKeyVouchesForNothing(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: "alice", Reason: "x"})
	require.NoError(t, err)
	_, other, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, err = erase.VerifyReceipt(o.Receipt, other.Public())
	require.ErrorIs(t, err, receipt.ErrSignature)
	spoilt := bytes.Replace(o.Receipt, []byte(`"payload":"`), []byte(`"payload":"A`), 1)
	_, err = erase.VerifyReceipt(spoilt, key.Public())
	require.Error(t, err)
}

// TestCanary: on a real medium no byte of the subject's data is left, in plain or by
// its name; the control finds both before.
func TestCanary(t *testing.T) {
	ctx := t.Context()
	path := t.TempDir()
	dir, err := durable.OpenDir(path, nil)
	require.NoError(t, err)
	require.NoError(t, build(ctx, dir))
	require.NotEmpty(t, holding(t, path, canary("alice")), "the control: a photo lies in plain")
	dir, err = durable.OpenDir(path, nil)
	require.NoError(t, err)
	d, err := open(ctx, dir)
	require.NoError(t, err)
	_, err = d.Erase(d.as(ctx, "alice"), "alice")
	require.NoError(t, err)
	require.NoError(t, d.close())
	for _, trace := range []string{canary("alice"), "alice", fmt.Sprintf("%x", "alice")} {
		assert.Empty(t, holding(t, path, trace), trace)
	}

	dir, err = durable.OpenDir(path, nil)
	require.NoError(t, err)
	d, err = open(ctx, dir)
	require.NoError(t, err)
	bob, err := d.vault.Subject(ctx, "bob")
	require.NoError(t, err)
	letter, err := bob.Get(ctx, "letter")
	require.NoError(t, err)
	assert.Equal(t, canary("bob"), string(letter))
	left, err := d.left(ctx, "bob")
	require.NoError(t, err)
	assert.Equal(t, everywhere, left)
	require.NoError(t, d.close())
}

// holding returns the files below path whose name or content has text.
func holding(t *testing.T, path, text string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(path, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		if bytes.Contains(raw, []byte(text)) || bytes.Contains([]byte(name), []byte(text)) {
			files = append(files, name)
		}
		return err
	}))
	return files
}

// fill leaves no byte free.
func fill(m *powercut.Machine) {
	used := 0
	for _, f := range m.Files() {
		used += len(f)
	}
	m.SetCapacity(int64(used))
}

// TestEraseOnFullDisk: no byte is free, and everything runs to its end. The subject
// has no data in the vault, whose removal would give space back.
func TestEraseOnFullDisk(t *testing.T) {
	ctx := t.Context()
	for name, cow := range map[string]bool{"in place": false, "copy on write": true} {
		t.Run(name, func(t *testing.T) {
			m, d := onMachine(t)
			require.NoError(t, d.close())
			m.SetCopyOnWrite(cow)
			fill(m)
			d, err := open(ctx, fsDir(t, m))
			require.NoError(t, err)
			require.ErrorIs(t, d.dir.Put(ctx, "photos/x", make([]byte, 64)), durable.ErrFull, "the control")
			for _, who := range []string{"stranger", "alice"} {
				fill(m) // what was freed is taken by others
				o, err := d.Request(d.as(ctx, "ann"), erase.Request{Subject: who, Reason: "x"})
				require.NoError(t, err, who)
				_, err = erase.VerifyReceipt(o.Receipt, key.Public())
				require.NoError(t, err)
				left, err := d.left(ctx, who)
				require.NoError(t, err)
				assert.Empty(t, left)
			}
			kept, err := d.Receipts(ctx)
			require.NoError(t, err)
			assert.Len(t, kept, 2)
		})
	}
}
