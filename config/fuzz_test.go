package config_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// A document that is accepted is in force as it stands, and giving back what is
// then shown changes nothing.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"name":"a","interval":"20s","offset":1.5,"log":{"level":"error","keep":1}}`))
	f.Add([]byte(`{"users":{"ann":{"role":"admin","mail":"a@b","pin":"12"}},"servers":["a","b"]}`))
	f.Add([]byte(`{"network":{"key":"0123456789abcdef","port":1}}`))
	f.Add([]byte(`{"name":"\u0061\ud83d\ude00"}`))
	schema := sensorSchema(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		report, invalid := schema.Validate(doc)
		require.Equal(t, invalid != nil, report.Has(config.Invalid))
		d := newDevice(t, func(d *device) { d.schema = schema })
		_, err := d.settings.Change(asAdmin(), config.Change{Document: doc, AcceptInsecure: paths(report)})
		require.Equal(t, invalid, err)
		shown := d.document()
		again, err := d.settings.Change(asAdmin(), config.Change{Document: []byte(shown)})
		require.NoError(t, err)
		require.Empty(t, again.Changed)
		require.NoError(t, d.open())
		require.Equal(t, shown, d.document())
	})
}

func paths(r config.Report) []string {
	var out []string
	for _, f := range r.Only(config.Insecure) {
		out = append(out, f.Path)
	}
	return out
}

// A patch leaves valid settings, or everything as it is; applied twice it changes
// nothing more.
func FuzzPatch(f *testing.F) {
	f.Add([]byte(`{"name":null,"log":null,"users":{"ann":null,"bob":{"role":"admin"}}}`))
	f.Add([]byte(`{"servers":["x"],"users":null}`))
	f.Add([]byte(`{"users":{"ann":{"mail":null,"pin":"9"}}}`))
	f.Add([]byte(`{"network":{"port":443,"telnet":true}}`))
	schema := sensorSchema(f)
	f.Fuzz(func(t *testing.T, patch []byte) {
		d := newDevice(t, func(d *device) { d.schema = schema })
		d.mustPatch(oldPatch)
		before := d.document()
		r, err := d.settings.Change(asAdmin(), config.Change{Patch: patch})
		if err != nil {
			require.Equal(t, before, d.document())
			return
		}
		_, err = schema.Validate([]byte(d.document()))
		require.NoError(t, err)
		if len(r.Changed) == 0 {
			require.Equal(t, before, d.document())
		}
		again, err := d.settings.Change(asAdmin(), config.Change{Patch: patch})
		require.NoError(t, err)
		require.Empty(t, again.Changed)
	})
}

// Whatever stands in the record, the device starts with settings that are valid.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`1 {"sequence":1,"nonce":"00112233445566778899aabbccddeeff","settings":{"name":"x"},"accepted":[]}`))
	f.Add([]byte(`1 {"sequence":9,"nonce":"00112233445566778899aabbccddeeff","settings":{"interval":"1s","gone":1,"log":{"keep":365}},"accepted":["/interval"]}`))
	f.Add([]byte(`1 {"sequence":0,"nonce":"","settings":null,"accepted":null}`))
	f.Add([]byte(`2 {}`))
	schema := sensorSchema(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > durable.MaxValue {
			return
		}
		dir, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		ctx := context.Background()
		for _, name := range []string{"settings/current", "settings/good", "settings/floor"} {
			require.NoError(t, dir.Put(ctx, name, raw))
		}
		s, err := config.Open(ctx, dir, schema, allowAdmin, nil)
		require.NoError(t, err)
		doc, _, err := s.Document(asAdmin())
		require.NoError(t, err)
		_, err = schema.Validate(doc)
		require.NoError(t, err)
		_, err = s.Apply(asAdmin(), []byte(`{"name":"next"}`), "", nil)
		require.NoError(t, err)
		require.NoError(t, s.Health(ctx))
	})
}
