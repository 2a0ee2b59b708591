package update_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// TestForgedDocument: a release document that is well formed, of the length that was
// signed, and not the one.
func TestForgedDocument(t *testing.T) {
	v := newVendor()
	m := lab(t, v, 5)
	v.publish(6, 0, nil)
	name := "targets/" + update.ReleasePath(product, channel)
	v.files[name] = bytes.Replace(v.files[name], []byte(`"floor":0`), []byte(`"floor":6`), 1)
	d := booted(t, m, v, nil)
	require.ErrorIs(t, d.Install(as(t.Context(), "operator"), ""), update.ErrUntrusted)
}
