package config_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
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
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/receipt"
)

func (d dead) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the TPM does not answer")
}

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
	got, err := config.VerifyBundleReceipt(r.Receipt, deviceID.Public())
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
	assert.NotContains(t, string(r.Receipt), "1234")
	events := d.events.String()
	assert.Contains(t, events, access.EventConfigChanged)
	assert.Contains(t, events, access.EventConfigInsecure)
	assert.Contains(t, events, `"entity":"operator"`)
	assert.Contains(t, events, got.Digest)
	assert.Equal(t, 1, d.settings.Stats().Bundles)
	assert.NotContains(t, string(doc), "ownership")
	assert.NotContains(t, string(doc), "1970")
}

// refusal is a bundle that is refused, and why.
type refusal struct {
	bundle config.Bundle
	pen    pen
	change func(d *bundled)                    // of the device, before
	bytes  func(doc, sig []byte) (d, s []byte) // of what is sent
	is     error
	says   string
}

func refusals() map[string]refusal {
	name := `{"name":"new"}`
	clock := func(now time.Time, q durable.Quality) func(*bundled) {
		return func(d *bundled) { d.opts.Bundles.Now = func() (time.Time, durable.Quality) { return now, q } }
	}
	window := config.Bundle{Sequence: 9, NotBefore: noon, NotAfter: noon.Add(time.Hour), Patch: json.RawMessage(name)}
	after := config.Bundle{Sequence: 9, NotAfter: noon, Patch: json.RawMessage(name)}
	return map[string]refusal{
		"unknown signer":    {patch(9, name), unknown, nil, nil, config.ErrBundle, "not verified"},
		"not enrolled":      {patch(9, name), stranger, nil, nil, access.ErrDenied, "not enrolled"},
		"other bytes":       {patch(9, name), operator, nil, func(doc, sig []byte) ([]byte, []byte) { return append(doc, ' '), sig }, config.ErrBundle, "not verified"},
		"no signature":      {patch(9, name), operator, nil, func(doc, _ []byte) ([]byte, []byte) { return doc, nil }, config.ErrBundle, "not verified"},
		"too long":          {patch(9, name), operator, nil, func(_, sig []byte) ([]byte, []byte) { return make([]byte, config.MaxBundle+1), sig }, config.ErrInvalid, "more than"},
		"long signature":    {patch(9, name), operator, nil, func(doc, _ []byte) ([]byte, []byte) { return doc, make([]byte, config.MaxBundleSignature+1) }, config.ErrInvalid, "more than"},
		"no document":       {patch(9, name), operator, nil, func(_, _ []byte) ([]byte, []byte) { return []byte("{}"), operator.sign([]byte("{}")) }, config.ErrInvalid, "/format"},
		"other device":      {config.Bundle{Sequence: 9, Device: "meter-8", Patch: json.RawMessage(name)}, operator, nil, nil, config.ErrBundle, "another device"},
		"other owner":       {config.Bundle{Sequence: 9, Ownership: "someone", Patch: json.RawMessage(name)}, operator, nil, nil, config.ErrBundle, "another owner"},
		"same sequence":     {patch(5, name), operator, nil, nil, config.ErrReplay, "/sequence"},
		"lower sequence":    {patch(4, name), operator, nil, nil, config.ErrReplay, "/sequence"},
		"too early":         {window, operator, clock(noon.Add(-1), durable.Authenticated), nil, config.ErrBundle, "has not come"},
		"too late":          {window, operator, clock(noon.Add(2*time.Hour), durable.Set), nil, config.ErrBundle, "has passed"},
		"surely too late":   {after, operator, clock(noon.Add(1), durable.LowerBound), nil, config.ErrBundle, "has passed"},
		"clock not set":     {after, operator, clock(noon.Add(-1), durable.LowerBound), nil, config.ErrBundle, "clock is not set"},
		"early, not set":    {window, operator, clock(noon.Add(1), durable.LowerBound), nil, config.ErrBundle, "clock is not set"},
		"no clock":          {window, operator, func(d *bundled) { d.opts.Bundles.Now = nil }, nil, config.ErrBundle, ""},
		"out of scope":      {patch(9, `{"name":"new","offset":1}`), operator, nil, nil, access.ErrDenied, "/patch/offset"},
		"scope of an entry": {patch(9, `{"users":{"bob":{"role":"admin"}}}`), operator, nil, nil, access.ErrDenied, "/patch/users/bob"},
		"scope by null":     {patch(9, `{"users":null}`), operator, nil, nil, access.ErrDenied, "/patch/users"},
		"not valid":         {patch(9, `{"name":"new","interval":"2h"}`), operator, nil, nil, config.ErrInvalid, "/interval"},
		"not JSON inside":   {patch(9, `{"log":{"level":7}}`), operator, nil, nil, config.ErrInvalid, "/log/level"},
		"insecure":          {patch(9, `{"network":{"telnet":true}}`), operator, nil, nil, config.ErrInsecure, "/network/telnet"},
		"no permission":     {patch(9, `{"network":{"updates":true}}`), operator, nil, nil, access.ErrDenied, "update.policy"},
		"role gone":         {patch(9, name), operator, func(d *bundled) { require.NoError(d.device.t, d.Unassign(d.as("ann"), "operator")) }, nil, access.ErrDenied, "config.write"},
		"applier refuses":   {patch(9, name), operator, func(d *bundled) { d.applier.refuse = func(s *Sensor) error { return refuseNew(s) } }, nil, config.ErrRefused, "taken"},
		"none composed":     {patch(9, name), operator, func(d *bundled) { d.opts.Bundles = nil }, nil, config.ErrBundle, "takes none"},
	}
}

func refuseNew(s *Sensor) error {
	if s.Name == "new" {
		return errNo
	}
	return nil
}

// TestBundleRefused: each refusal leaves settings, sequence and medium as they were.
func TestBundleRefused(t *testing.T) {
	for name, c := range refusals() {
		t.Run(name, func(t *testing.T) {
			d := newBundled(t)
			d.mustSend(operator, patch(5, `{"name":"old"}`))
			if c.change != nil {
				c.change(d)
			}
			require.NoError(t, d.open())
			kept, doc, writes := d.last(operator), d.document(), d.dir.Stats()
			raw := document(t, c.bundle)
			sig := c.pen.sign(raw)
			if c.bytes != nil {
				raw, sig = c.bytes(raw, sig)
			}
			r, err := d.settings.ApplyBundle(asAdmin(), raw, sig)
			require.ErrorIs(t, err, c.is)
			assert.ErrorContains(t, err, c.says)
			assert.Empty(t, r)
			assert.Equal(t, doc, d.document())
			assert.Equal(t, kept, d.last(operator))
			assert.Equal(t, 1, d.settings.Stats().BundlesRefused)
			assert.Contains(t, d.events.String(), access.EventDenied)
			assert.Equal(t, writes, d.dir.Stats())
		})
	}
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
	got, err := config.VerifyBundleReceipt(r.Receipt, deviceID.Public())
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

// TestBundleWithoutKey: the bundle is in force when the device cannot sign; the
// receipt says so, and comes signed when it can.
func TestBundleWithoutKey(t *testing.T) {
	for _, how := range []string{"sent again", "started again", "sent again after a start"} {
		t.Run(how, func(t *testing.T) {
			d := newBundled(t)
			d.opts.Bundles.Receipts = dead{deviceID.Public()}
			require.NoError(t, d.open())
			r := d.mustSend(operator, patch(1, `{"name":"a"}`))
			_, err := config.VerifyBundleReceipt(r.Receipt, deviceID.Public())
			require.ErrorIs(t, err, receipt.ErrUnsigned)
			assert.NotContains(t, string(r.Receipt), "TPM")
			require.NoError(t, d.settings.Health(t.Context()))
			if how != "sent again" {
				require.NoError(t, d.open())
				require.Empty(t, d.last(operator).Receipt)
			}
			d.opts.Bundles.Receipts = deviceID // the options share it
			if how == "started again" {
				require.NoError(t, d.open())
			} else {
				r, err = d.send(operator, patch(1, `{"name":"a"}`))
				require.ErrorIs(t, err, config.ErrReplay)
				assert.Equal(t, d.last(operator).Receipt, r.Receipt)
			}
			got, err := config.VerifyBundleReceipt(d.last(operator).Receipt, deviceID.Public())
			require.NoError(t, err)
			assert.Equal(t, uint64(1), got.Sequence)
		})
	}
}

func TestBundleReceiptRefused(t *testing.T) {
	d := newBundled(t)
	env := d.mustSend(operator, patch(1, `{"name":"a"}`)).Receipt
	in, err := receipt.Inspect(env)
	require.NoError(t, err)
	_, err = config.VerifyBundleReceipt(env, unknown.key.Public())
	require.ErrorIs(t, err, receipt.ErrSignature)
	for name, change := range map[string]func(*receipt.Statement){
		"type":    func(st *receipt.Statement) { st.PredicateType = "https://example.com/x" },
		"unknown": func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"result":"applied","x":1}`) },
		"result": func(st *receipt.Statement) {
			st.Predicate = bytes.Replace(st.Predicate, []byte("applied"), []byte("refused"), 1)
		},
		"subject": func(st *receipt.Statement) { st.Subject[0].Name = "other" },
		"digest": func(st *receipt.Statement) {
			st.Subject[0].Digest = map[string]string{"sha1": strings.Repeat("ab", 20)}
		},
		"two":        func(st *receipt.Statement) { st.Subject = append(st.Subject, st.Subject[0]) },
		"wrong type": func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"result":7}`) },
	} {
		st := *in.Statement
		st.Subject = append([]receipt.Subject(nil), st.Subject...)
		change(&st)
		forged, err := receipt.Sign(&st, deviceID)
		require.NoError(t, err)
		_, err = config.VerifyBundleReceipt(forged, deviceID.Public())
		var field *receipt.FieldError
		require.ErrorAs(t, err, &field, name)
	}
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

func TestBundlesArguments(t *testing.T) {
	d := newBundled(t)
	signer := func(s config.BundleSigner) func(*config.Bundles) {
		return func(b *config.Bundles) { b.Signers = map[string]config.BundleSigner{"x": s} }
	}
	all := []string{""}
	for name, change := range map[string]func(*config.Bundles){
		"verifier":   func(b *config.Bundles) { b.Verifier = nil },
		"issuer":     func(b *config.Bundles) { b.Issuer = nil },
		"ownership":  func(b *config.Bundles) { b.Ownership = nil },
		"receipts":   func(b *config.Bundles) { b.Receipts = nil },
		"device":     func(b *config.Bundles) { b.Device = "*" },
		"no device":  func(b *config.Bundles) { b.Device = "" },
		"group":      func(b *config.Bundles) { b.Groups = []string{"a b"} },
		"no signers": func(b *config.Bundles) { b.Signers = nil },
		"slash": func(b *config.Bundles) {
			b.Signers = map[string]config.BundleSigner{"a/b": {Entity: "x", Scope: all}}
		},
		"case": func(b *config.Bundles) {
			b.Signers = map[string]config.BundleSigner{"ab": {Entity: "x", Scope: all}, "AB": {Entity: "y", Scope: all}}
		},
		"entity":       signer(config.BundleSigner{Scope: all}),
		"kind":         signer(config.BundleSigner{Entity: "x", Kind: access.KindPresence, Scope: all}),
		"no scope":     signer(config.BundleSigner{Entity: "x"}),
		"scope":        signer(config.BundleSigner{Entity: "x", Scope: []string{"/nothing"}}),
		"scope, slash": signer(config.BundleSigner{Entity: "x", Scope: []string{"name"}}),
	} {
		o := d.opts
		b := *d.owned.bundles()
		change(&b)
		o.Bundles = &b
		_, err := config.Open(t.Context(), d.dir, d.schema, d.auth, &o)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
}

func TestParseBundle(t *testing.T) {
	good := `{"format":1,"sequence":7,"device":"*","patch":{}`
	for text, field := range map[string]string{
		``: "", `null`: "", `[]`: "", `{}`: "/format", good: "", good + `}x`: "", good + `,"extra":1}`: "/extra",
		good + `,"format":1}`:                                                                                          "/format",
		`{"format":2,"sequence":7,"device":"*","patch":{}}`:                                                            "/format",
		`{"format":1,"sequence":0,"device":"*","patch":{}}`:                                                            "/sequence",
		`{"format":1,"sequence":-1,"device":"*","patch":{}}`:                                                           "/sequence",
		`{"format":1,"sequence":9007199254740992,"device":"*","patch":{}}`:                                             "/sequence",
		`{"format":1,"sequence":7,"device":"","patch":{}}`:                                                             "/device",
		`{"format":1,"sequence":7,"device":"a*","patch":{}}`:                                                           "/device",
		`{"format":1,"sequence":7,"patch":{}}`:                                                                         "/device",
		`{"format":1,"sequence":7,"device":"*"}`:                                                                       "/patch",
		`{"format":1,"sequence":7,"device":"*","patch":[]}`:                                                            "/patch",
		`{"format":1,"sequence":7,"device":"*","patch":{"a":1,"a":2}}`:                                                 "/patch/a",
		good + `,"ownership":"a/b"}`:                                                                                   "/ownership",
		good + `,"reason":"a\u0007"}`:                                                                                  "/reason",
		good + `,"reason":"` + strings.Repeat("x", 257) + `"}`:                                                         "/reason",
		good + `,"not_before":"yesterday"}`:                                                                            "/not_before",
		good + `,"not_before":"2026-01-02T00:00:00Z","not_after":"2026-01-01T00:00:00Z"}`:                              "/not_after",
		good + `,"accept":[` + strings.TrimSuffix(strings.Repeat(`"/a",`, 257), ",") + `]}`:                            "/accept",
		`{"format":1,"sequence":7,"device":"*","patch":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 41): "",
	} {
		_, err := config.ParseBundle([]byte(text))
		require.ErrorIs(t, err, config.ErrInvalid, text)
		var bad *config.BundleError
		require.ErrorAs(t, err, &bad, text)
		if field != "" {
			assert.Equal(t, field, bad.Field, text)
		}
	}
	b, err := config.ParseBundle([]byte(good + `}`))
	require.NoError(t, err)
	assert.Equal(t, &config.Bundle{Format: 1, Sequence: 7, Device: "*", Patch: json.RawMessage("{}")}, b)
	_, err = (&config.Bundle{Sequence: 1, Device: "*", Patch: json.RawMessage("x")}).Encode()
	require.ErrorIs(t, err, config.ErrInvalid)
}
