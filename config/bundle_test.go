package config_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
)

func patch(sequence uint64, text string) config.Bundle {
	return config.Bundle{Sequence: sequence, Patch: json.RawMessage(text)}
}

func TestBundleApplied(t *testing.T) {
	d := newBundled(t)
	b := config.Bundle{
		Sequence: 7, Device: "meters", NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), Reason: "new site",
		Patch:  json.RawMessage(`{"name":"kitchen","network":{"port":443,"telnet":true},"users":{"ann":{"role":"admin","pin":"1234"}}}`),
		Accept: []string{"/network/telnet"},
	}
	r := d.mustSend(operator, b)
	assert.Equal(t, "kitchen", d.view.Load().Name)
	assert.Equal(t, "kitchen", d.applier.now.Name)
	assert.Equal(t, d.settings.Revision(), r.Revision)
	assert.Equal(t, []string{"/network/port"}, r.Restart)
	got, err := bundle.VerifyReceipt(r.Receipt, deviceID.Public())
	require.NoError(t, err)
	doc := document(t, b)
	assert.Equal(t, &config.BundleReceipt{
		Device: "meter-7", Signer: operator.id(), Entity: "operator", Sequence: 7, Result: "applied", Revision: r.Revision,
		Changed: []string{"/name", "/network/telnet", "/network/port", "/users/*", "/users/*/role", "/users/*/mail", "/users/*/pin"}, Count: 7,
		Insecure: []string{"/network/telnet"}, Restart: []string{"/network/port"}, Time: noon, Clock: "set", Digest: got.Digest,
	}, got)
	assert.Equal(t, got.Digest, d.last(operator).Digest)
	assert.Equal(t, uint64(7), d.last(operator).Sequence)
	assert.Equal(t, r.Receipt, d.last(operator).Receipt)
	said := payload(t, r.Receipt)
	assert.Contains(t, said, `"meter-7"`)
	assert.NotContains(t, said, `"1234"`)
	events := d.events.String()
	assert.Contains(t, events, access.EventConfigChanged)
	assert.Contains(t, events, access.EventConfigInsecure)
	assert.Contains(t, events, `"entity":"operator"`)
	assert.Contains(t, events, got.Digest)
	assert.Equal(t, 1, d.settings.Stats().Bundles)
	assert.NotContains(t, string(doc), "ownership")
	assert.NotContains(t, string(doc), "1970")
}

func TestBundleReplay(t *testing.T) {
	d := newBundled(t)
	first := d.mustSend(operator, patch(3, `{"name":"a"}`))
	d.mustPatch(`{"name":"mine"}`)
	for range 2 {
		r, err := d.send(operator, patch(3, `{"name":"a"}`))
		require.ErrorIs(t, err, config.ErrReplay)
		require.ErrorIs(t, err, config.ErrBundle)
		assert.Equal(t, first.Receipt, r.Receipt, "who missed the answer gets it")
		assert.Equal(t, "mine", d.view.Load().Name)
		require.NoError(t, d.open())
	}
	r, err := d.send(operator, patch(3, `{"name":"b"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Empty(t, r.Receipt, "another document under the same sequence")
	d.mustSend(operator, patch(4, `{"name":"c"}`))
	r, err = d.send(operator, patch(3, `{"name":"a"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Empty(t, r.Receipt)
	// Each signer has a sequence of his own, and what changes nothing counts too.
	d.mustSend(vendor, patch(1, `{"name":"c"}`))
	_, err = d.send(vendor, patch(1, `{"name":"c"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	assert.Equal(t, uint64(4), d.last(operator).Sequence)
	d.mustSend(operator, patch(1<<53-1, `{"name":"end"}`))
}

// TestBundleAfterReset: a reset that removes the settings and leaves the floor does
// not bring old bundles back.
func TestBundleAfterReset(t *testing.T) {
	d := newBundled(t)
	d.mustSend(operator, patch(3, `{"name":"a","log":{"keep":100},"users":{"ann":{"role":"admin"}}}`))
	require.NoError(t, d.open())
	for _, name := range []string{"settings/current", "settings/good"} {
		require.NoError(t, d.dir.Delete(t.Context(), name))
	}
	require.NoError(t, d.open())
	assert.Equal(t, "sensor", d.view.Load().Name)
	_, err := d.send(operator, patch(3, `{"name":"a"}`))
	require.ErrorIs(t, err, config.ErrReplay)
	names, err := d.dir.List(t.Context(), "")
	require.NoError(t, err)
	for _, name := range names {
		raw, err := d.dir.Get(t.Context(), name)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "/ann", "the floor names nobody: %s", name)
		assert.NotContains(t, string(raw), `"bundle":`, "a mark belongs to the settings: %s", name)
	}
	d.mustSend(operator, patch(4, `{"name":"b"}`))
}

// TestBundleOwnership: with the ownership end the enrolment, the receipts, and the
// sequence of bundles that name it; bundles that name none stay dead for good.
func TestBundleOwnership(t *testing.T) {
	d := newBundled(t)
	anns := d.Ownership()
	bound := patch(8, `{"name":"bound"}`)
	bound.Ownership = anns
	d.mustSend(operator, patch(3, `{"name":"free"}`))
	r := d.mustSend(operator, bound)
	got, err := bundle.VerifyReceipt(r.Receipt, deviceID.Public())
	require.NoError(t, err)
	assert.Equal(t, anns, got.Ownership)
	_, err = d.send(operator, patch(5, `{"name":"free"}`))
	require.ErrorIs(t, err, config.ErrReplay, "within an ownership there is one order")

	d.sold()
	_, err = d.send(operator, patch(9, `{"name":"free"}`))
	require.ErrorIs(t, err, access.ErrDenied, "bob has not enrolled him")
	d.enrol("bob")
	_, err = d.send(operator, bound)
	require.ErrorContains(t, err, "another owner")
	for _, restart := range []bool{false, true} {
		if restart {
			require.NoError(t, d.open())
		}
		r, err = d.send(operator, patch(3, `{"name":"free"}`))
		require.ErrorIs(t, err, config.ErrReplay, "what ann was sent does not come back")
		assert.Empty(t, r.Receipt, "and bob does not get her receipt")
		assert.Empty(t, d.last(operator).Digest)
		assert.Equal(t, uint64(3), d.last(operator).Sequence)
	}
	bobs := patch(1, `{"name":"bobs"}`)
	bobs.Ownership = d.Ownership()
	d.mustSend(operator, bobs)
	_, err = d.send(operator, bobs)
	require.ErrorIs(t, err, config.ErrReplay)
	_, err = d.send(operator, patch(3, `{"name":"free"}`))
	require.ErrorIs(t, err, config.ErrReplay, "a bound bundle does not make way for it")
	d.mustSend(operator, patch(4, `{"name":"free"}`))
	assert.Equal(t, uint64(4), d.last(operator).Sequence)
}

// TestBundleRecordUnreadable: without knowing what was taken nothing more is of that
// signer; others and ordinary changes go on.
func TestBundleRecordUnreadable(t *testing.T) {
	d := newBundled(t)
	d.mustSend(operator, patch(1, `{"name":"a"}`))
	d.mustSend(vendor, patch(1, `{"name":"b"}`))
	require.NoError(t, d.dir.Put(t.Context(), "settings/bundles/"+operator.id(), []byte("1 {}x")))
	require.NoError(t, d.open())
	_, err := d.send(operator, patch(2, `{"name":"c"}`))
	require.ErrorIs(t, err, durable.ErrCorrupt)
	_, err = d.settings.AppliedBundles(asAdmin())
	require.ErrorIs(t, err, durable.ErrCorrupt)
	d.mustSend(vendor, patch(2, `{"name":"d"}`))
	d.mustPatch(`{"name":"e"}`)
	require.NoError(t, d.settings.Health(t.Context()))
}

// TestBundleOnce: of many who send the same bundle at once, one succeeds.
func TestBundleOnce(t *testing.T) {
	d := newBundled(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		wg.Go(func() {
			_, err := d.send(operator, patch(1, `{"name":"a"}`))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else {
				assert.ErrorIs(t, err, config.ErrReplay)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, taken)
}

// TestBundleRefusalsAreFolded: a day of replays is not a day of log lines, and strangers
// do not hide what an enrolled signer does.
func TestBundleRefusalsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newBundled(t)
		d.mustSend(operator, patch(1, `{"name":"a"}`))
		lines := func() int { return strings.Count(d.events.String(), access.EventDenied) }
		before := lines()
		for range 100 {
			_, err := d.send(unknown, patch(2, `{"name":"x"}`))
			require.Error(t, err)
		}
		assert.Equal(t, 1, lines()-before)
		_, err := d.send(operator, patch(1, `{"name":"a"}`))
		require.ErrorIs(t, err, config.ErrReplay)
		assert.Equal(t, 2, lines()-before)
		time.Sleep(11 * time.Second)
		_, err = d.send(unknown, patch(2, `{"name":"x"}`))
		require.Error(t, err)
		assert.Equal(t, 3, lines()-before)
		assert.Contains(t, d.events.String(), `"repeated":99`)
		assert.Equal(t, 102, d.settings.Stats().BundlesRefused)
	})
}

func TestBundlesNeedPermission(t *testing.T) {
	d := newBundled(t)
	_, err := d.settings.AppliedBundles(context.Background())
	require.ErrorIs(t, err, access.ErrDenied)
	_, err = d.settings.AppliedBundles(d.as("ann"))
	require.ErrorIs(t, err, access.ErrDenied)
	d.opts.Bundles = nil
	require.NoError(t, d.open())
	list, err := d.settings.AppliedBundles(asAdmin())
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestBundleFeatures(t *testing.T) {
	f := newBundled(t).settings.Features()
	require.NoError(t, clause.Check(f))
	for _, id := range []clause.ID{clause.C5_2_2_2_b, clause.C5_2_2_2_c, clause.C5_2_2_2_d} {
		assert.NotEmpty(t, clause.Answering(f, id))
	}
}

// payload is what a receipt says, out of its base64.
func payload(t *testing.T, envelope []byte) string {
	var e struct{ Payload []byte }
	require.NoError(t, json.Unmarshal(envelope, &e))
	return string(e.Payload)
}
