package config_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
)

// damaged is a device on which the record is damaged, user may do what grants say,
// and admin everything.
func damaged(t *testing.T, user *access.Entity, grants ...string) *device {
	d := newDevice(t, func(d *device) { d.auth = policy{admin: {"* **"}, user: grants} })
	d.mustPatch(`{"name":"good"}`)
	d.restart()
	d.mustPatch(`{"name":"newer"}`)
	d.spoil("settings/current")
	d.restart()
	require.ErrorIs(t, d.settings.Health(context.Background()), config.ErrDamaged)
	return d
}

// A change that alters nothing repairs: it overwrites the record, calls the appliers
// and ends what Health reports. That takes a right to all settings.
func TestRepairIsAuthorised(t *testing.T) {
	user := new(access.Entity)
	for name, c := range map[string]struct {
		grants []string
		patch  string
		ok     bool
	}{
		"nobody":                  {nil, `{}`, false},
		"reader":                  {[]string{"config.read **"}, `{}`, false},
		"one setting":             {[]string{"config.write name"}, `{}`, false},
		"one setting, named":      {[]string{"config.write name"}, `{"name":"good"}`, false},
		"all settings":            {[]string{"config.write "}, `{}`, true},
		"all settings, one named": {[]string{"config.write **"}, `{"name":"good"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := damaged(t, user, c.grants...)
			ctx := context.Background()
			before, err := d.dir.Get(ctx, "settings/current")
			require.NoError(t, err)
			calls := len(d.applier.log)
			_, err = d.settings.Apply(access.WithEntity(ctx, user), []byte(c.patch), "", nil)
			after, getErr := d.dir.Get(ctx, "settings/current")
			require.NoError(t, getErr)
			if c.ok {
				require.NoError(t, err)
				assert.NoError(t, d.settings.Health(ctx))
				assert.NotEqual(t, before, after)
				return
			}
			require.ErrorIs(t, err, access.ErrDenied)
			assert.Equal(t, before, after, "stored")
			assert.Len(t, d.applier.log, calls, "applied")
			assert.ErrorIs(t, d.settings.Health(ctx), config.ErrDamaged, "health cleared")
			assert.Equal(t, 1, d.settings.Stats().Denied)
		})
	}
}

// What is wrong in a text is told to whom may write something in it, or everything.
func TestFindingsAreForWriters(t *testing.T) {
	user, all := new(access.Entity), new(access.Entity)
	d := newDevice(t, func(d *device) {
		d.auth = policy{user: {"config.write name"}, all: {"config.write **"}}
	})
	for patch, mayKnow := range map[string]bool{
		`{`: false, ``: false, `[]`: false, `{"Network":1}`: false, `{"network":{"prt":1}}`: false, `{"users":{"a b":{}}}`: false,
		`{"name":"?"}`: true, `{"name":"b","Network":1}`: true,
	} {
		_, err := d.settings.Apply(access.WithEntity(context.Background(), all), []byte(patch), "", nil)
		require.ErrorIs(t, err, config.ErrInvalid, patch)
		_, err = d.settings.Apply(access.WithEntity(context.Background(), user), []byte(patch), "", nil)
		if mayKnow {
			require.ErrorIs(t, err, config.ErrInvalid, patch)
			continue
		}
		require.ErrorIs(t, err, access.ErrDenied, patch)
		assert.NotContains(t, err.Error(), "unknown", patch)
	}
}

func TestConflictTellsNoRevision(t *testing.T) {
	user := new(access.Entity)
	d := newDevice(t, func(d *device) { d.auth = policy{user: {"config.write name"}} })
	_, err := d.settings.Apply(access.WithEntity(context.Background(), user), []byte(`{"name":"b"}`), "0-x", nil)
	require.ErrorIs(t, err, config.ErrConflict)
	assert.NotContains(t, err.Error(), d.settings.Revision())
}

// Who may do nothing gets the same answer whatever the settings are.
func TestDenialTellsNothingOfTheSettings(t *testing.T) {
	user := new(access.Entity)
	ctx := access.WithEntity(context.Background(), user)
	change := func(d *device) { d.auth = policy{admin: {"* **"}, user: {"config.read servers"}} }
	fresh, used := newDevice(t, change), newDevice(t, change)
	used.mustPatch(`{"name":"x","interval":"20s","users":{"zoe":{"role":"admin","pin":"1"}},"network":{"key":"0123456789abcdef"}}`)
	for _, text := range []string{
		`{}`, `{`, `{"name":"x"}`, `{"users":null}`, `{"users":{}}`, `{"users":{"zoe":null}}`, `{"users":{"zoe":{}}}`, `{"users":{"zoe":5}}`,
		`{"users":{"zoe":{"mail":"a@b"}}}`, `{"users":{"zoe":{"role":"admin","pin":"1"}}}`, `{"users":{"zoe":{"Bad":1}}}`,
		`{"users":{"zoe":{"pin":null}}}`, `{"network":null}`, `{"network":{"key":"0123456789abcdef"}}`,
	} {
		for _, c := range []config.Change{{Patch: []byte(text)}, {Document: []byte(text)}} {
			_, err1 := fresh.settings.Change(ctx, c)
			_, err2 := used.settings.Change(ctx, c)
			require.ErrorIs(t, err1, access.ErrDenied, text)
			assert.Equal(t, err1, err2, text)
		}
	}
}

// write= moves who may write a setting, and not who may read it.
func TestReadResourceIsThePath(t *testing.T) {
	user := new(access.Entity)
	for grant, want := range map[string]string{
		"config.read network/**":   `{"network":{"telnet":false,"port":8443,"minTLS":"1.3","updates":false}}`,
		"config.read security/tls": "",
	} {
		d := newDevice(t, func(d *device) { d.auth = policy{user: {grant}} })
		doc, _, err := d.settings.Document(access.WithEntity(context.Background(), user))
		assert.Equal(t, want, string(doc), grant)
		assert.Equal(t, want == "", err != nil, grant)
	}
}

// null on a map names the map: who may write that and no entry is not told which
// there are.
func TestNullNamesNoEntry(t *testing.T) {
	user := new(access.Entity)
	ctx := access.WithEntity(context.Background(), user)
	for _, ok := range []bool{false, true} {
		grants := []string{"config.write users"}
		if ok {
			grants = append(grants, "config.write users/**")
		}
		d := newDevice(t, func(d *device) { d.auth = policy{admin: {"* **"}, user: grants} })
		d.mustPatch(`{"users":{"zoe":{"role":"reader"}}}`)
		_, err := d.settings.Apply(ctx, []byte(`{"users":null}`), "", nil)
		if ok {
			require.NoError(t, err)
			assert.NotContains(t, d.document(), "zoe")
			continue
		}
		require.ErrorIs(t, err, access.ErrDenied)
		assert.NotContains(t, err.Error(), "zoe")
		assert.Contains(t, d.document(), "zoe")
	}
}
