package config_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
)

// FuzzBundle: a document that is read is written and read again as the same. Signed,
// it is in force with a receipt that names it and is then a replay; or it is refused,
// and everything is as it was.
func FuzzBundle(f *testing.F) {
	for _, doc := range []string{
		`{"format":1,"sequence":7,"device":"meter-7","patch":{"name":"new"}}`,
		`{"format":1,"sequence":7,"device":"*","patch":{"users":{"ann":null}},"accept":["/log/level"],"reason":"x"}`,
		`{"format":1,"sequence":7,"device":"meters","not_before":"2026-05-01T00:00:00Z","not_after":"2026-07-01T00:00:00+02:00","patch":{"name":null}}`,
		`{"format":1,"sequence":1,"device":"meter-7","ownership":"0","patch":{}}`,
		`{"format":1,"sequence":9007199254740991,"device":"*","patch":{"network":{"port":1,"telnet":true}},"accept":["/network/telnet"]}`,
	} {
		f.Add([]byte(doc))
	}
	o := newOwned(f)
	schema := sensorSchema(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := config.ParseBundle(doc)
		if err != nil {
			require.ErrorIs(t, err, config.ErrInvalid)
		} else {
			again, err := b.Encode()
			require.NoError(t, err)
			same, err := config.ParseBundle(again)
			require.NoError(t, err)
			require.True(t, b.NotBefore.Equal(same.NotBefore) && b.NotAfter.Equal(same.NotAfter))
			same.NotBefore, same.NotAfter = b.NotBefore, b.NotAfter
			require.JSONEq(t, string(b.Patch), string(same.Patch))
			same.Patch = b.Patch
			require.Equal(t, text(t, b), text(t, same))
		}
		d := &bundled{newDevice(t, func(d *device) {
			d.schema, d.auth, d.opts.Bundles = schema, bothAuth{o.Guard}, o.bundles()
		}), o}
		before := d.document()
		r, err := d.settings.ApplyBundle(t.Context(), doc, vendor.sign(doc))
		if err != nil {
			require.True(t, errors.Is(err, config.ErrBundle) || errors.Is(err, config.ErrInvalid) ||
				errors.Is(err, config.ErrInsecure) || errors.Is(err, access.ErrDenied), "%v", err)
			require.Equal(t, before, d.document())
			require.Zero(t, d.last(vendor).Sequence)
			return
		}
		got, err := bundle.VerifyReceipt(r.Receipt, deviceID.Public())
		require.NoError(t, err)
		require.Equal(t, b.Sequence, got.Sequence)
		require.NoError(t, d.open())
		_, err = d.settings.ApplyBundle(t.Context(), doc, vendor.sign(doc))
		require.ErrorIs(t, err, config.ErrReplay)
	})
}

func text(t *testing.T, b *config.Bundle) string {
	raw, err := json.Marshal(b)
	require.NoError(t, err)
	return string(raw)
}
