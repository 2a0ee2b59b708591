package protect_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// classed says that an error is one that a caller can act on.
func classed(err error) bool {
	return errors.Is(err, protect.ErrTampered) || errors.Is(err, protect.ErrForeign) || errors.Is(err, durable.ErrFormat)
}

// FuzzTable: what the decoder of a key table accepts is what the encoder makes.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add(append([]byte{0, 1}, bytes.Repeat([]byte{1}, 59)...))
	f.Add(append(append([]byte{0, 1}, make([]byte, 16)...), append([]byte{3, 1, 0, 0, 0, 0, 0, 0, 0, 1}, append(make([]byte, 32), "\x05alice"...)...)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, anchored := range []bool{false, true} {
			again, err := protect.DecodeTable(9, anchored, raw)
			if err != nil {
				require.ErrorIs(t, err, protect.ErrTampered)
				continue
			}
			require.Equal(t, raw, again)
		}
	})
}

// FuzzTableFile: what is parsed is whole, and opens under no other root.
func FuzzTableFile(f *testing.F) {
	h := protect.HeaderFields{ID: "000102030405060708090a0b0c0d0e0f", KeyStore: "token", Hardware: true}
	f.Add(protect.FixedTable(h, protect.ClassSettings, 1, 2, []byte("blob")))
	f.Add([]byte("bpk\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		again, err := protect.ParseTable(raw)
		if err != nil {
			require.True(t, classed(err), "%v", err)
			return
		}
		require.Equal(t, raw, again)
		_, err = protect.TryTable(&h, raw, func([]byte) ([]byte, error) { return make([]byte, 32), nil })
		require.ErrorIs(t, err, protect.ErrTampered)
	})
}

// FuzzObject: what is parsed is whole; it opens only if it is what was sealed.
func FuzzObject(f *testing.F) {
	c := protect.NewFixed(protect.ClassSettings, 1, 2)
	sealed := c.Seal("network/wifi", 3, []byte("value"))
	f.Add(sealed)
	f.Add(sealed[:80])
	f.Add([]byte("bpo\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		again, err := protect.ParseObject(raw)
		if err != nil {
			require.True(t, classed(err), "%v", err)
		} else {
			require.Equal(t, raw, again)
		}
		value, err := c.Open("network/wifi", raw)
		if err != nil {
			require.True(t, classed(err), "%v", err)
			return
		}
		// Whole objects under the fixed key and this name are seeds of f.Add only.
		require.Equal(t, "value", string(value))
	})
}

// FuzzHeader: what is read of a header is stored and read again.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(`1 {"id":"000102030405060708090a0b0c0d0e0f","key_store":"token","hardware":true}`))
	f.Add([]byte(`1 {"id":"","key_store":"","hardware":false}`))
	f.Add([]byte(`2 {}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		if dir.Put(t.Context(), "vault/header", raw) != nil {
			return // longer than a value
		}
		h, err := protect.LoadHeader(t.Context(), dir)
		if err != nil {
			require.True(t, classed(err), "%v", err)
			return
		}
		require.NoError(t, protect.StoreHeader(t.Context(), dir, h))
		again, err := protect.LoadHeader(t.Context(), dir)
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

// FuzzIndex: what the decoder of an index accepts is what the encoder makes.
func FuzzIndex(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0})
	f.Add(append([]byte{0, 0, 0, 1}, bytes.Repeat([]byte{1}, 25)...))
	f.Add(append(append([]byte{0, 0, 0, 2}, bytes.Repeat([]byte{1}, 24)...), append([]byte{0}, bytes.Repeat([]byte{1}, 25)...)...))
	f.Fuzz(func(t *testing.T, plain []byte) {
		again, err := protect.DecodeIndex(plain)
		if err != nil {
			require.ErrorIs(t, err, protect.ErrTampered)
			return
		}
		require.Equal(t, plain, again)
	})
}

// FuzzRecovery: what is parsed is whole, and a secret gives as many keys as there are ids.
func FuzzRecovery(f *testing.F) {
	o, m := newOutside(), powercut.New()
	require.NoError(f, setUp(somebody(f.Context()), m, token, o.options()))
	for _, secret := range o.byID {
		f.Add(values(m.Files())["vault/recovery"], secret)
	}
	f.Add([]byte("bpr\x01"), []byte{})
	f.Fuzz(func(t *testing.T, raw, secret []byte) {
		again, err := protect.ParseRecovery(raw, secret)
		if err != nil {
			require.True(t, classed(err), "%v", err)
			return
		}
		require.Equal(t, raw, again)
	})
}
