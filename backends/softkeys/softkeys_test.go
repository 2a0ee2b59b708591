package softkeys_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// device is softkeys with the machine that its record lies on.
type device struct {
	*softkeys.Keys
	m *powercut.Machine
}

func openOn(t testing.TB, m *powercut.Machine) *device {
	keys, err := openKeys(t.Context(), m)
	require.NoError(t, err)
	return &device{keys, m}
}

func openKeys(ctx context.Context, m *powercut.Machine) (*softkeys.Keys, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	return softkeys.Open(ctx, dir, nil)
}

func TestKeyStore(t *testing.T) {
	open := func(t testing.TB) protect.KeyStore { return openOn(t, powercut.New()) }
	reopen := func(t testing.TB, ks protect.KeyStore) protect.KeyStore {
		m := ks.(*device).m
		m.Drop()
		return openOn(t, m)
	}
	protecttest.TestKeyStore(t, protecttest.Harness{
		Open: open, Other: open, Reopen: reopen,
		Interrupt: func(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
			m := ks.(*device).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, ks), cut
		},
		Abilities: protecttest.Abilities{Revoker: true},
	})
}

func TestInfoIsHonest(t *testing.T) {
	keys := openOn(t, powercut.New())
	info := keys.Info()
	assert.False(t, info.Hardware)
	assert.Equal(t, protect.ReachLive, info.Advance)
	assert.Contains(t, info.BoundTo, "nothing")
	_, counts := protect.CounterOf(keys)
	assert.False(t, counts, "software cannot count so that nobody turns it back")
}

func TestOldImageOpens(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m)
	require.NoError(t, keys.Advance(ctx, 1))
	blob, err := keys.Seal(ctx, []byte("secret"))
	require.NoError(t, err)
	image := m.Image()
	require.NoError(t, keys.Advance(ctx, 2))
	_, err = keys.Unseal(ctx, blob)
	require.ErrorIs(t, err, protect.ErrRollback)

	m.Restore(image)
	secret, err := openOn(t, m).Unseal(ctx, blob)
	require.NoError(t, err, "this is what Info says")
	assert.Equal(t, "secret", string(secret))
}

func TestAdvanceRemovesKeys(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m)
	_, err := keys.Seal(ctx, []byte("s"))
	require.NoError(t, err)
	_, err = keys.SealFor(ctx, 1, []byte("s"))
	require.NoError(t, err)
	before := generations(t, m)
	for _, order := range [][]uint64{{0, 1}, {1, 0}} {
		other := powercut.New()
		for _, gen := range order {
			_, err := openOn(t, other).SealFor(ctx, gen, []byte("s"))
			require.NoError(t, err)
		}
		assert.Equal(t, before, generations(t, other), "made in order %d", order)
	}
	require.NoError(t, keys.Advance(ctx, 1))
	assert.Equal(t, []uint64{0, 1}, before)
	assert.Equal(t, []uint64{1}, generations(t, m))
}

// stored is the record as it lies on the medium.
func stored(t *testing.T, m *powercut.Machine) (rec struct {
	Keys []struct {
		Generation uint64
		Key        []byte
	}
	Signing []byte
}) {
	_, text, ok := strings.Cut(string(m.Files()["softkeys"]), "1 {")
	require.True(t, ok)
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+text)).Decode(&rec))
	return rec
}

// generations lists those whose keys the record holds.
func generations(t *testing.T, m *powercut.Machine) (out []uint64) {
	for _, k := range stored(t, m).Keys {
		out = append(out, k.Generation)
	}
	return out
}

// keysIn returns all secrets of the record.
func keysIn(t *testing.T, m *powercut.Machine) [][]byte {
	rec := stored(t, m)
	out := [][]byte{rec.Signing}
	for _, k := range rec.Keys {
		out = append(out, k.Key)
	}
	return out
}

func TestDamagedRecord(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m)
	blob, err := keys.Seal(ctx, []byte("secret"))
	require.NoError(t, err)
	m.Settle()
	require.NoError(t, dropSpares(m))
	n := powercut.Flip(m, nil, func(m *powercut.Machine, where string) {
		keys, err := openKeys(ctx, m)
		if err != nil {
			if !strings.HasPrefix(where, ".format") {
				assert.ErrorIs(t, err, protect.ErrTampered, where)
			}
			return
		}
		if secret, err := keys.Unseal(ctx, blob); err == nil {
			assert.Equal(t, "secret", string(secret), where)
		} else {
			assert.ErrorIs(t, err, protect.ErrLost, where)
		}
	})
	assert.Greater(t, n, 1000)
}

// dropSpares removes the reserves, which hold random bytes.
func dropSpares(m *powercut.Machine) error {
	for name := range m.Files() {
		if strings.Contains(name, "!") {
			if err := m.FS().Remove(name); err != nil {
				return err
			}
		}
	}
	m.Settle()
	return nil
}

func TestForgedRecord(t *testing.T) {
	good := `{"id":"000102030405060708090a0b0c0d0e0f","generation":1,"keys":[],"signing":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	key := `{"generation":1,"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	for name, text := range map[string]string{
		"short id":           strings.Replace(good, "0001", "", 1),
		"upper case id":      strings.Replace(good, "0a0b", "0A0B", 1),
		"short signing":      strings.Replace(good, "AAAA", "", 1),
		"two keys for one":   strings.Replace(good, "[]", "["+key+","+key+"]", 1),
		"other generation":   strings.Replace(good, "[]", strings.Replace("["+key+"]", ":1", ":3", 1), 1),
		"endless generation": strings.Replace(good, `"generation":1`, `"generation":18446744073709551615`, 1),
		"unknown field":      strings.Replace(good, "{", `{"x":1,`, 1),
	} {
		dir, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		require.NoError(t, dir.Put(t.Context(), "softkeys", []byte("1 "+text)))
		_, err = softkeys.Open(t.Context(), dir, nil)
		assert.ErrorIs(t, err, protect.ErrTampered, name)
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	require.NoError(t, dir.Put(t.Context(), "softkeys", []byte("1 "+good)))
	_, err = softkeys.Open(t.Context(), dir, nil)
	require.NoError(t, err)
}

func TestWorksOnHold(t *testing.T) {
	ctx := t.Context()
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	keys, err := softkeys.Open(ctx, dir, nil)
	require.NoError(t, err)
	blob, err := keys.Seal(ctx, []byte("secret"))
	require.NoError(t, err)
	_, err = dir.Hold(ctx, "reset")
	require.NoError(t, err)
	keys, err = softkeys.Open(ctx, dir, nil)
	require.NoError(t, err)
	_, err = keys.Unseal(ctx, blob)
	require.NoError(t, err)
	require.NoError(t, keys.Advance(ctx, 1))
}

func TestNothingShowsKeys(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	keys := openOn(t, m).Keys
	_, err := keys.Seal(ctx, []byte("s"))
	require.NoError(t, err)
	secrets := keysIn(t, m)
	require.Len(t, secrets, 2)
	for _, v := range []any{keys, struct{ K *softkeys.Keys }{keys}, struct{ k *softkeys.Keys }{keys}} {
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
	assert.Equal(t, "softkeys.Keys[redacted]", fmt.Sprintf("%+v", keys))
	assert.Equal(t, "softkeys.Keys[redacted]", keys.LogValue().String())
}

func TestOptions(t *testing.T) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	_, err = softkeys.Open(t.Context(), dir, &softkeys.Options{Record: "Not A Name"})
	require.ErrorIs(t, err, fs.ErrInvalid)
	keys, err := softkeys.Open(t.Context(), dir, &softkeys.Options{Record: "keys/device"})
	require.NoError(t, err)
	require.NoError(t, keys.Advance(t.Context(), 1))
	_, err = dir.Get(t.Context(), "keys/device")
	require.NoError(t, err)
}
