package softkeys_test

import (
	"errors"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// FuzzRecord: a record that is accepted works, and is stored and read again.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`1 {"id":"000102030405060708090a0b0c0d0e0f","generation":1,"keys":[],"signing":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`1 {"id":"000102030405060708090a0b0c0d0e0f","generation":18446744073709551615,"keys":[],"signing":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`1 {}`))
	f.Add([]byte(`2 {}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ctx := t.Context()
		dir, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		if dir.Put(ctx, "softkeys", raw) != nil {
			return // longer than a value
		}
		keys, err := softkeys.Open(ctx, dir, nil)
		if err != nil {
			require.True(t, errors.Is(err, protect.ErrTampered) || errors.Is(err, durable.ErrFormat), "%v", err)
			return
		}
		blob, err := keys.Seal(ctx, []byte("secret"))
		require.NoError(t, err)
		keys, err = softkeys.Open(ctx, dir, nil)
		require.NoError(t, err)
		secret, err := keys.Unseal(ctx, blob)
		require.NoError(t, err)
		require.Equal(t, "secret", string(secret))
	})
}

// FuzzBlob: whatever the blob, it is refused with a sentinel.
func FuzzBlob(f *testing.F) {
	f.Add([]byte("bsk\x01\x01"))
	f.Add(make([]byte, 80))
	f.Fuzz(func(t *testing.T, blob []byte) {
		ctx := t.Context()
		cryptotest.SetGlobalRandom(t, 1)
		keys := openOn(t, powercut.New())
		_, err := keys.Seal(ctx, []byte("s")) // so that there are keys
		require.NoError(t, err)
		_, uerr := keys.Unseal(ctx, blob)
		_, lerr := keys.UnsealLasting(ctx, blob)
		for _, err := range []error{uerr, lerr} {
			require.Error(t, err)
			require.True(t, errors.Is(err, protect.ErrTampered) || errors.Is(err, protect.ErrForeign) ||
				errors.Is(err, protect.ErrLost) || errors.Is(err, protect.ErrPolicy) || errors.Is(err, protect.ErrRollback), "%v", err)
		}
	})
}
