package config_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
)

func TestDeniedByDefault(t *testing.T) {
	var typedNil *access.Guard
	for name, c := range map[string]struct {
		auth access.Authorizer
		ctx  context.Context
	}{
		"nil authorizer":      {nil, asAdmin()},
		"typed nil":           {typedNil, asAdmin()},
		"nobody":              {allowAdmin, context.Background()},
		"entity without role": {allowAdmin, access.WithEntity(context.Background(), new(access.Entity))},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, func(d *device) { d.auth = c.auth })
			was := d.settings.Revision()
			changes := []config.Change{
				{Patch: []byte(`{}`)}, {Document: []byte(`{}`)}, {Patch: []byte(`{}`), IfRevision: "0-x"}, {Patch: []byte(`{}`), IfRevision: was},
				{Patch: []byte(`{`)}, {Document: []byte(``)}, {Patch: []byte(`5`)}, {Patch: []byte(`{"Network":1}`)}, {Patch: []byte(`{"network":{}}`)},
				{Patch: []byte(`{"users":{}}`)}, {Patch: make([]byte, 1<<20)}, {}, {Patch: []byte(`{}`), Reason: "\n"},
				{Patch: []byte(`{}`), IfRevision: strings.Repeat("9", 65)}, {Patch: []byte(`{"name":"b"}`), Document: []byte(`{}`)},
				{Patch: []byte(`{"name":"b"}`)}, {Document: []byte(`{"name":"b"}`)},
				{Patch: []byte(`{"name":"sensor"}`)}, {Patch: []byte(`{"users":null}`)},
				{Document: []byte(`{"name":"sensor"}`)}, {Patch: []byte(`{"name":1}`)},
			}
			for _, change := range changes {
				res, err := d.settings.Change(c.ctx, change)
				require.ErrorIs(t, err, access.ErrDenied)
				require.Zero(t, res)
				require.NotContains(t, err.Error(), was)
			}
			_, _, err := d.settings.Document(c.ctx)
			require.ErrorIs(t, err, access.ErrDenied)
			_, _, err = d.settings.FloorDocument(c.ctx)
			require.ErrorIs(t, err, access.ErrDenied)
			assert.Equal(t, was, d.settings.Revision())
			assert.Equal(t, config.Stats{Denied: len(changes)}, d.settings.Stats())
			assert.Len(t, d.applier.log, 1)
		})
	}
}

func TestEachTouchedFieldIsAuthorised(t *testing.T) {
	user := new(access.Entity)
	for name, c := range map[string]struct {
		grants []string
		patch  string
		denied string // resource, "" for allowed
	}{
		"own field":              {[]string{"config.write name"}, `{"name":"b"}`, ""},
		"another field":          {[]string{"config.write name"}, `{"interval":"20s"}`, "interval"},
		"one of two":             {[]string{"config.write name"}, `{"name":"b","interval":"20s"}`, "interval"},
		"equal value is no test": {[]string{"config.write name"}, `{"network":{"port":8443}}`, "network/port"},
		"guessed secret":         {[]string{"config.write name"}, `{"network":{"key":"0123456789abcdef"}}`, "network/key"},
		"invalid value":          {[]string{"config.write name"}, `{"network":{"port":0}}`, "network/port"},
		"whole struct":           {[]string{"config.write network/port"}, `{"network":null}`, "network/telnet"},
		"not a struct":           {[]string{"config.write network/port"}, `{"network":5}`, "network"},
		"below":                  {[]string{"config.write network/**"}, `{"network":{"port":443}}`, ""},
		"named resource":         {[]string{"config.write network/**"}, `{"network":{"minTLS":"1.2"}}`, "security/tls"},
		"named resource held":    {[]string{"config.write security/tls"}, `{"network":{"minTLS":"1.2"}}`, ""},
		"needs more":             {[]string{"config.write **"}, `{"network":{"updates":true}}`, ""},
		"needs more, held":       {[]string{"config.write **", "update.policy "}, `{"network":{"updates":true}}`, ""},
		"own entry":              {[]string{"config.write users/ann**"}, `{"users":{"ann":{"mail":"a@b"}}}`, ""},
		"foreign entry":          {[]string{"config.write users/ann**"}, `{"users":{"bob":{"mail":"a@b"}}}`, "users/bob/mail"},
		"foreign entry removed":  {[]string{"config.write users/ann**"}, `{"users":{"bob":null}}`, "users/bob"},
		"new entry":              {[]string{"config.write users/eve/**"}, `{"users":{"eve":{"role":"admin"}}}`, "users/eve"},
		"all entries":            {[]string{"config.write users/ann**"}, `{"users":null}`, "users"},
		"absent entry":           {[]string{"config.write users/ann**"}, `{"users":{"zoe":null}}`, "users/zoe"},
		"role of one's own":      {[]string{"config.write users/ann/mail"}, `{"users":{"ann":{"role":"admin"}}}`, "users/ann/role"},
		"list":                   {[]string{"config.write name"}, `{"servers":["a"]}`, "servers"},
		"part of a list":         {[]string{"config.write servers"}, `{"servers":["a"]}`, ""},
		"reading is not writing": {[]string{"config.read **"}, `{"name":"b"}`, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, func(d *device) { d.auth = policy{admin: {"* **"}, user: c.grants} })
			d.mustPatch(`{"users":{"ann":{"role":"reader"},"bob":{"role":"reader"}},"network":{"key":"0123456789abcdef"}}`)
			was := d.document()
			_, err := d.settings.Apply(access.WithEntity(context.Background(), user), []byte(c.patch), "", nil)
			if name == "needs more" {
				c.denied = "-"
			}
			if c.denied == "" {
				require.NoError(t, err)
				return
			}
			var denied *access.DeniedError
			require.ErrorAs(t, err, &denied)
			if c.denied == "-" {
				assert.Equal(t, access.UpdatePolicy, denied.Permission)
			} else {
				assert.Equal(t, c.denied, denied.Resource)
				assert.Equal(t, access.ConfigWrite, denied.Permission)
			}
			assert.Equal(t, was, d.document())
		})
	}
}

// A whole document names every setting in it: who may not write one of them does
// not learn from the answer whether he guessed it.
func TestDocumentIsNoOracle(t *testing.T) {
	user := new(access.Entity)
	ctx := access.WithEntity(context.Background(), user)
	d := newDevice(t, func(d *device) {
		d.auth = policy{admin: {"* **"}, user: {"config.write name"}}
	})
	d.mustPatch(`{"network":{"key":"0123456789abcdef"},"name":"x"}`)
	for _, doc := range []string{
		`{"name":"y","network":{"key":"0123456789abcdef"}}`, `{"name":"y","network":{"key":"ffffffffffffffff"}}`,
		`{"name":"y","interval":"10s"}`,
	} {
		_, err := d.settings.Change(ctx, config.Change{Document: []byte(doc)})
		require.ErrorIs(t, err, access.ErrDenied)
	}
	_, err := d.settings.Change(ctx, config.Change{Document: []byte(`{"name":"y"}`)})
	require.NoError(t, err)
	assert.Equal(t, "0123456789abcdef", d.view.Load().Network.Key.Reveal())
}

func TestDocumentShowsWhatMayBeRead(t *testing.T) {
	user := new(access.Entity)
	ctx := access.WithEntity(context.Background(), user)
	for grants, want := range map[string]string{
		"config.read name":          `{"name":"sensor"}`,
		"config.read log/**":        `{"log":{"level":"info","keep":90}}`,
		"config.read users/ann/**":  `{"users":{"ann":{"role":"reader","mail":""}}}`,
		"config.read users/ann/pin": "",
		"config.read servers":       `{"servers":["ntp.local"]}`,
		"config.write **":           "",
		"config.read nothing":       "",
	} {
		t.Run(grants, func(t *testing.T) {
			d := newDevice(t, func(d *device) { d.auth = policy{admin: {"* **"}, user: {grants}} })
			d.mustPatch(`{"users":{"ann":{"role":"reader","pin":"1"},"bob":{"role":"reader"}}}`)
			doc, _, err := d.settings.Document(ctx)
			if want == "" {
				require.ErrorIs(t, err, access.ErrDenied)
				assert.Empty(t, doc)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, string(doc))
		})
	}
	d := newDevice(t, nil)
	floor, _, err := d.settings.FloorDocument(asAdmin())
	require.NoError(t, err)
	assert.Equal(t, `{"log":{"keep":90},"network":{"minTLS":"1.3"}}`, string(floor))
}

// Authorisation comes before everything that would tell something.
func TestOrderOfRefusals(t *testing.T) {
	user := new(access.Entity)
	ctx := access.WithEntity(context.Background(), user)
	d := newDevice(t, func(d *device) { d.auth = policy{user: {"config.write name"}} })
	_, err := d.settings.Change(ctx, config.Change{Patch: []byte(`{"name":"?","interval":"x"}`), IfRevision: "0-x"})
	require.ErrorIs(t, err, access.ErrDenied)
	_, err = d.settings.Change(ctx, config.Change{Patch: []byte(`{"name":"?"}`), IfRevision: "0-x"})
	require.ErrorIs(t, err, config.ErrConflict)
	_, err = d.settings.Change(ctx, config.Change{Patch: []byte(`{"name":"?"}`)})
	require.ErrorIs(t, err, config.ErrInvalid)
	assert.Equal(t, config.Stats{Denied: 1, Conflict: 1, Invalid: 1}, d.settings.Stats())
}

func TestChangeArguments(t *testing.T) {
	d := newDevice(t, nil)
	for i, c := range []config.Change{
		{}, {Patch: []byte(`{}`), Reason: "a\nb"}, {Patch: []byte(`{}`), Reason: fmt.Sprintf("%300d", 1)},
		{Patch: []byte(`{}`), AcceptInsecure: make([]string, config.MaxFindings+1)},
	} {
		_, err := d.settings.Change(asAdmin(), c)
		assert.ErrorIs(t, err, config.ErrInvalid, i)
	}
}
