package signing_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

func TestNothingShowsKeys(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m).Keys
	for _, alg := range []protect.Algorithm{protect.ECDSAP256, protect.Ed25519} {
		blob, err := keys.CreateKey(ctx, alg)
		require.NoError(t, err)
		signer, err := keys.OpenKey(ctx, blob)
		require.NoError(t, err)
		private, err := keys.UnsealLasting(ctx, blob)
		require.NoError(t, err)
		secrets := [][]byte{private[1:], sealing(t, m)}
		for _, v := range []any{
			keys, *keys, signer, struct{ K *signing.Keys }{keys}, struct{ k *signing.Keys }{keys},
			struct{ s protect.Signer }{signer}, []protect.Signer{signer},
		} {
			hides(t, v, secrets)
		}
		assert.Equal(t, "signing.Signer[redacted]", fmt.Sprintf("%#v", signer))
		assert.Equal(t, "signing.Signer[redacted]", signer.(*signing.Signer).LogValue().String())
		_, err = keys.OpenKey(ctx, blob[:len(blob)-1])
		hides(t, err, secrets)
	}
	assert.Equal(t, "softkeys.Keys[redacted]", fmt.Sprintf("%+v", keys))
}

// sealing is the key of the record that seals signing keys.
func sealing(t *testing.T, m *powercut.Machine) []byte {
	_, text, ok := strings.Cut(string(m.Files()["softkeys"]), "1 {")
	require.True(t, ok)
	var rec struct{ Signing []byte }
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+text)).Decode(&rec))
	require.Len(t, rec.Signing, 32)
	return rec.Signing
}

func hides(t *testing.T, v any, secrets [][]byte) {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s %x", v, v), string(text)} {
		for _, secret := range secrets {
			assert.NotContains(t, shown, hex.EncodeToString(secret[:4]))
			assert.NotContains(t, shown, strings.Trim(fmt.Sprint(secret[:4]), "[]"))
			assert.NotContains(t, shown, base64.StdEncoding.EncodeToString(secret)[:6])
		}
	}
}
