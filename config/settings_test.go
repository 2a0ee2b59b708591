package config_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
)

func TestDefaults(t *testing.T) {
	d := newDevice(t, nil)
	want := `{"name":"sensor","interval":"10s","offset":0,"log":{"level":"info","keep":90},` +
		`"network":{"telnet":false,"port":8443,"minTLS":"1.3","updates":false},"users":{},"servers":["ntp.local"]}`
	assert.Equal(t, want, string(d.schema.Defaults()))
	assert.Equal(t, want, d.document())
	assert.Equal(t, 10*time.Second, d.view.Load().Interval)
	assert.Equal(t, []string{"nil>sensor"}, d.applier.log)
	names, err := d.dir.List(context.Background(), "")
	require.NoError(t, err)
	assert.Empty(t, names, "a first start stores nothing")
	assert.NoError(t, d.settings.Health(context.Background()))
	report, err := d.schema.Validate(d.schema.Defaults())
	assert.NoError(t, err)
	assert.Empty(t, report)
}

func TestChangeIsKeptAndApplied(t *testing.T) {
	d := newDevice(t, nil)
	before := d.settings.Revision()
	r := d.mustPatch(`{"name":"kitchen","network":{"port":443},"users":{"ann":{"role":"admin","pin":"1234"}}}`)
	assert.Equal(t, []string{"/name", "/network/port", "/users/ann", "/users/ann/role", "/users/ann/mail", "/users/ann/pin"}, r.Changed)
	assert.Equal(t, []string{"/network/port"}, r.Restart)
	assert.NotEqual(t, before, r.Revision)
	assert.Equal(t, "kitchen", d.applier.now.Name)
	assert.Equal(t, "1234", d.view.Load().Users["ann"].Pin.Reveal())
	doc := d.document()
	require.NoError(t, d.open())
	assert.Equal(t, doc, d.document())
	assert.Equal(t, r.Revision, d.settings.Revision())
	assert.Equal(t, "1234", d.view.Load().Users["ann"].Pin.Reveal())
	assert.Equal(t, []string{"nil>sensor", "sensor>kitchen", "nil>kitchen"}, d.applier.log)
}

func TestPatchFollowsRFC7396(t *testing.T) {
	for name, c := range map[string]struct{ first, patch, path, want string }{
		"replace":          {`{}`, `{"name":"b"}`, "name", `"b"`},
		"null resets":      {`{"name":"b"}`, `{"name":null}`, "name", `"sensor"`},
		"null struct":      {`{"log":{"level":"error","keep":5}}`, `{"log":null}`, "log", `{"level":"info","keep":90}`},
		"list replaced":    {`{"servers":["a","b"]}`, `{"servers":["c"]}`, "servers", `["c"]`},
		"list reset":       {`{"servers":[]}`, `{"servers":null}`, "servers", `["ntp.local"]`},
		"entry added":      {`{"users":{"a":{"role":"reader"}}}`, `{"users":{"b":{"role":"admin"}}}`, "users", `{"a":{"role":"reader","mail":""},"b":{"role":"admin","mail":""}}`},
		"entry changed":    {`{"users":{"a":{"role":"reader","mail":"a@b"}}}`, `{"users":{"a":{"role":"admin"}}}`, "users", `{"a":{"role":"admin","mail":"a@b"}}`},
		"entry removed":    {`{"users":{"a":{"role":"reader"},"b":{"role":"reader"}}}`, `{"users":{"a":null}}`, "users", `{"b":{"role":"reader","mail":""}}`},
		"absent removed":   {`{}`, `{"users":{"a":null}}`, "users", `{}`},
		"map reset":        {`{"users":{"a":{"role":"reader"}}}`, `{"users":null}`, "users", `{}`},
		"rest stays":       {`{"log":{"keep":5}}`, `{"log":{"level":"error"}}`, "log", `{"level":"error","keep":5}`},
		"member of a user": {`{"users":{"a":{"role":"reader","mail":"a@b"}}}`, `{"users":{"a":{"mail":null}}}`, "users", `{"a":{"role":"reader","mail":""}}`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, nil)
			d.mustPatch(c.first)
			d.mustPatch(c.patch)
			var doc map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(d.document()), &doc))
			assert.Equal(t, c.want, string(doc[c.path]))
		})
	}
}

func TestDocumentGivenBackChangesNothing(t *testing.T) {
	d := newDevice(t, nil)
	r := d.mustPatch(`{"network":{"key":"0123456789abcdef"},"users":{"a":{"role":"reader","pin":"77"}},"name":"x"}`)
	doc := d.document()
	assert.NotContains(t, doc, "0123456789abcdef")
	assert.NotContains(t, doc, "77")
	again, err := d.settings.Change(asAdmin(), config.Change{Document: []byte(doc), IfRevision: r.Revision})
	require.NoError(t, err)
	assert.Empty(t, again.Changed)
	assert.Equal(t, r.Revision, again.Revision)
	assert.Equal(t, "0123456789abcdef", d.view.Load().Network.Key.Reveal())
	assert.Equal(t, "77", d.view.Load().Users["a"].Pin.Reveal())
	// What is left out gets its default, a secret stays.
	_, err = d.settings.Change(asAdmin(), config.Change{Document: []byte(`{"users":{"a":{"role":"admin"}}}`)})
	require.NoError(t, err)
	assert.Equal(t, "sensor", d.view.Load().Name)
	assert.Equal(t, "77", d.view.Load().Users["a"].Pin.Reveal())
	_, err = d.settings.Change(asAdmin(), config.Change{Document: []byte(`{"network":{"key":""}}`)})
	require.NoError(t, err)
	assert.Empty(t, d.view.Load().Network.Key.Reveal())
	assert.Empty(t, d.view.Load().Users)
}

func TestRevision(t *testing.T) {
	d := newDevice(t, nil)
	first := d.mustPatch(`{"name":"a"}`).Revision
	second, err := d.settings.Apply(asAdmin(), []byte(`{"name":"b"}`), first, nil)
	require.NoError(t, err)
	_, err = d.settings.Apply(asAdmin(), []byte(`{"name":"c"}`), first, nil)
	require.ErrorIs(t, err, config.ErrConflict)
	assert.Equal(t, "b", d.view.Load().Name)
	assert.Equal(t, second, d.settings.Revision())
	_, err = d.settings.Apply(asAdmin(), []byte(`{"name":"c"}`), strings.Repeat("9", 100), nil)
	require.ErrorIs(t, err, config.ErrConflict)
	_, err = d.settings.Apply(asAdmin(), nil, "", nil)
	require.ErrorIs(t, err, config.ErrInvalid)
	// A secret that changes changes the revision, which tells nothing about it.
	third := d.mustPatch(`{"network":{"key":"0123456789abcdef"}}`).Revision
	assert.NotEqual(t, second, third)
}

func TestInsecureChoice(t *testing.T) {
	d := newDevice(t, nil)
	_, err := d.patch(`{"network":{"telnet":true},"log":{"level":"debug"}}`, "/log/level")
	require.ErrorIs(t, err, config.ErrInsecure)
	var report *config.ReportError
	require.ErrorAs(t, err, &report)
	assert.Equal(t, config.Report{{Path: "/network/telnet", Rule: "passwords cross the network in clear", Severity: config.Insecure}}, report.Report)
	assert.False(t, d.view.Load().Network.Telnet)
	assert.Empty(t, d.notices)

	r := d.mustPatch(`{"network":{"telnet":true}}`, "/network/telnet")
	assert.True(t, r.Report.Has(config.Insecure))
	require.Len(t, d.notices, 1)
	assert.Equal(t, config.NoticeInsecure, d.notices[0].Type)
	assert.Equal(t, "/network/telnet", d.notices[0].Key)
	assert.Contains(t, d.events.String(), access.EventConfigInsecure)

	// Accepted once, it needs no further word as long as it stays.
	d.mustPatch(`{"name":"b"}`)
	d.mustPatch(`{"network":{"telnet":true}}`)
	assert.Len(t, d.notices, 1)
	require.NoError(t, d.open())
	assert.Len(t, d.notices, 1, "a start does not tell again what was accepted")

	// A rule between settings grades too.
	_, err = d.patch(`{"network":{"port":23}}`)
	require.ErrorIs(t, err, config.ErrInsecure)
	d.mustPatch(`{"network":{"port":23}}`, "/network/port")
	d.mustPatch(`{"name":"c"}`)
}

func TestWarningsDoNotRefuse(t *testing.T) {
	d := newDevice(t, nil)
	r := d.mustPatch(`{"interval":"2s"}`)
	assert.Equal(t, config.Report{{Path: "/interval", Rule: "the battery lasts a week", Severity: config.Warning}}, r.Report)
	assert.Empty(t, d.mustPatch(`{"name":"b"}`).Report, "only what changed is told")
}

func TestTwoFsyncs(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"a"}`)
	before := d.dir.Stats().Syncs
	d.mustPatch(`{"name":"b"}`)
	assert.LessOrEqual(t, d.dir.Stats().Syncs-before, 2)
	before = d.dir.Stats().Syncs
	d.mustPatch(`{"name":"b"}`)
	assert.Equal(t, before, d.dir.Stats().Syncs, "what changes nothing writes nothing")
	before = d.dir.Stats().Syncs
	d.mustPatch(`{"log":{"keep":91}}`)
	assert.LessOrEqual(t, d.dir.Stats().Syncs-before, 4, "the floor is a second record")
	require.NoError(t, d.open())
	before = d.dir.Stats().Syncs
	require.NoError(t, d.open())
	assert.Equal(t, before, d.dir.Stats().Syncs, "a start that finds nothing new writes nothing")
}

func TestFeatures(t *testing.T) {
	f := newDevice(t, nil).settings.Features()
	require.NoError(t, clause.Check(f))
	assert.NotEmpty(t, clause.Answering(f, clause.C5_2_2_1_1))
	assert.Empty(t, clause.Answering(f, clause.C5_2_2_1_2), "other devices are not configured yet")
	assert.Empty(t, clause.Answering(f, clause.C5_2_2_2_b), "there are no bundles yet")
	assert.Empty(t, clause.Answering(f, clause.C5_2_2_2_c))
}

func TestOpenArguments(t *testing.T) {
	d := newDevice(t, nil)
	ctx := context.Background()
	for name, open := range map[string]func() (*config.Settings, error){
		"no store":  func() (*config.Settings, error) { return config.Open(ctx, nil, d.schema, d.auth, nil) },
		"no schema": func() (*config.Settings, error) { return config.Open(ctx, d.dir, nil, d.auth, nil) },
		"nil applier": func() (*config.Settings, error) {
			return config.Open(ctx, d.dir, d.schema, d.auth, &config.Options{Appliers: []config.NamedApplier{{Name: "a"}}})
		},
		"same name": func() (*config.Settings, error) {
			return config.Open(ctx, d.dir, d.schema, d.auth, &config.Options{Appliers: []config.NamedApplier{{"a", &d.applier}, {"a", &d.applier}}})
		},
	} {
		_, err := open()
		assert.ErrorContains(t, err, "invalid argument", name)
	}
	s, err := config.Open(ctx, d.dir, d.schema, nil, nil)
	require.NoError(t, err)
	_, err = config.NewView[User](s)
	assert.ErrorIs(t, err, config.ErrSchema)
	_, err = config.NewView[User](nil)
	assert.ErrorIs(t, err, config.ErrSchema)
	_, err = s.Change(asAdmin(), config.Change{Patch: []byte(`{}`), Document: []byte(`{}`)})
	assert.Error(t, err)
	assert.Same(t, d.schema, s.Schema())
}
