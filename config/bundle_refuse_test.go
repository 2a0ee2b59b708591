package config_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
)

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

func TestBundlesArguments(t *testing.T) {
	d := newBundled(t)
	signer := func(s config.BundleSigner) func(*config.Bundles) {
		return func(b *config.Bundles) { b.Signers = map[string]config.BundleSigner{"x": s} }
	}
	all := []string{""}
	for name, change := range map[string]func(*config.Bundles){
		"not made":   func(b *config.Bundles) { *b = config.Bundles{BundleOptions: b.BundleOptions} },
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
		"presence":     signer(config.BundleSigner{Entity: "x", Kind: access.KindPresence, Scope: all}),
		"person":       signer(config.BundleSigner{Entity: "x", Kind: access.KindPerson, Scope: all}),
		"no scope":     signer(config.BundleSigner{Entity: "x"}),
		"scope":        signer(config.BundleSigner{Entity: "x", Scope: []string{"/nothing"}}),
		"scope, slash": signer(config.BundleSigner{Entity: "x", Scope: []string{"name"}}),
	} {
		o := d.opts
		o.Bundles = d.owned.bundles()
		change(o.Bundles)
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
