package protect_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// forger is an attacker with the disk: he writes records with right checksums.
type forger struct {
	t      *testing.T
	m      *powercut.Machine
	dir    *durable.Dir
	prefix map[string]string // of compartments, by class or subject
}

func forge(t *testing.T, m *powercut.Machine, v *protect.Vault) *forger {
	f := &forger{t: t, m: m, prefix: map[string]string{}}
	for _, info := range v.Compartments() {
		f.prefix[info.Class.String()+info.Subject] = info.Prefix
	}
	f.reopen()
	return f
}

func (f *forger) reopen() {
	dir, err := durable.OpenFS(f.m.FS(), nil)
	require.NoError(f.t, err)
	f.dir = dir
}

// files lists the objects of a compartment.
func (f *forger) files(compartment string) []string {
	names, err := f.dir.List(f.t.Context(), f.prefix[compartment])
	require.NoError(f.t, err)
	require.NotEmpty(f.t, names)
	return names
}

func (f *forger) get(name string) []byte {
	raw, err := f.dir.Get(f.t.Context(), name)
	require.NoError(f.t, err)
	return raw
}

func (f *forger) put(name string, raw []byte) {
	require.NoError(f.t, f.dir.Put(f.t.Context(), name, raw))
}

// readWifi reads a setting of the device as a restarted one.
func readWifi(ctx context.Context, m *powercut.Machine) (string, error) {
	return readWifiOver(ctx, m, token)
}

func readWifiOver(ctx context.Context, m *powercut.Machine, store keyStore) (string, error) {
	v, err := open(ctx, m, store, few())
	if err != nil {
		return "", err
	}
	c, err := v.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return "", err
	}
	raw, err := c.Get(ctx, "network/wifi")
	return string(raw), err
}

// TestForgedObjects maps what an attacker does to an object to what is said.
func TestForgedObjects(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "other", []byte("another setting")))
	other, otherVault := device(t, token, few())
	f, g := forge(t, m, v), forge(t, other, otherVault)
	paths := f.files("settings")
	wifi, second := paths[0], paths[1]
	if _, err := c.Get(ctx, "network/wifi"); err == nil && len(f.get(wifi)) < len(f.get(second)) {
		wifi, second = second, wifi
	}
	// The longer value is the passphrase: "canary-passphrase" against "another setting".
	require.Greater(t, len(f.get(wifi)), len(f.get(second)))
	good := f.get(wifi)
	moved := strings.TrimSuffix(wifi, wifi[len(wifi)-4:]) + "0000"

	for what, forged := range map[string]struct {
		raw  []byte
		want error
	}{
		"of another name":              {f.get(second), protect.ErrForeign},
		"of another compartment":       {f.get(f.files("userdataalice")[0]), protect.ErrForeign},
		"of another device":            {g.get(g.files("settings")[0]), protect.ErrForeign},
		"of another device, relabeled": {relabel(g.get(g.files("settings")[0]), good), protect.ErrTampered},
		"of another name, relabeled":   {append(good[:47:47], f.get(second)[47:]...), protect.ErrTampered},
		"empty":                        {nil, protect.ErrTampered},
		"one byte more":                {append(slices.Clip(good), 0), protect.ErrTampered},
		"twice":                        {append(slices.Clip(good), good...), protect.ErrTampered},
		"of a later format":            {append([]byte("bpo\x02"), good[4:]...), durable.ErrFormat},
		"of another magic":             {append([]byte("xpo\x01"), good[4:]...), protect.ErrTampered},
	} {
		f.put(wifi, forged.raw)
		value, err := readWifi(ctx, m)
		assert.ErrorIs(t, err, forged.want, what)
		assert.Empty(t, value, what)
	}
	for n := range good {
		f.put(wifi, good[:n])
		_, err := readWifi(ctx, m)
		require.ErrorIs(t, err, protect.ErrTampered, "cut at %d", n)
	}
	require.NoError(t, f.dir.Delete(ctx, wifi))
	f.put(moved, good)
	_, err := readWifi(ctx, m)
	require.ErrorIs(t, err, protect.ErrTampered, "a renamed file is missing under its name")
	names, err := settingsOf(t, v).List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"other"}, names, "and not under another")
	var oe *protect.ObjectError
	require.ErrorAs(t, v.Health(ctx), &oe)
	assert.NotEmpty(t, oe.Action)

	require.NoError(t, f.dir.Delete(ctx, moved))
	f.put(wifi, good)
	value, err := readWifi(ctx, m)
	require.NoError(t, err)
	assert.Equal(t, "canary-passphrase", value)
}

// relabel gives raw the class and compartment of another object.
func relabel(raw, as []byte) []byte {
	out := append([]byte{}, raw...)
	copy(out[4:21], as[4:21])
	return out
}

// TestPutRepairs: damage is cured by writing the value again.
func TestPutRepairs(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	f := forge(t, m, v)
	f.put(f.files("settings")[0], []byte("junk"))
	c := settingsOf(t, v)
	_, err := c.Get(ctx, "network/wifi")
	require.ErrorIs(t, err, protect.ErrTampered)
	assert.EqualValues(t, 1, v.Stats().Refused)
	require.NoError(t, c.Put(ctx, "network/wifi", []byte("new")))
	got, err := c.Get(ctx, "network/wifi")
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
}

// TestRollbackOfAnObjectIsNotNoticed holds the package to what it says it lacks over a key
// store that does not count.
func TestRollbackOfAnObjectIsNotNoticed(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, uncounted, few())
	f := forge(t, m, v)
	path := f.files("settings")[0]
	old := f.get(path)
	require.NoError(t, settingsOf(t, v).Put(ctx, "network/wifi", []byte("new")))
	f.reopen()
	f.put(path, old)
	value, err := readWifiOver(ctx, m, uncounted)
	require.NoError(t, err)
	assert.Equal(t, "canary-passphrase", value)
	assert.Contains(t, v.Report(ctx).Rollback, "none")
}

// TestForgedSegments changes the order and number of segments of a large object.
func TestForgedSegments(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c, err := v.Compartment(ctx, protect.ClassApplication)
	require.NoError(t, err)
	value := make([]byte, 3*protect.SegmentSize)
	for i := range value {
		value[i] = byte(i / protect.SegmentSize)
	}
	require.NoError(t, c.Put(ctx, "big", value))
	f := forge(t, m, v)
	path := f.files("application")[0]
	raw := f.get(path)
	const sealed = protect.SegmentSize + 28
	head, segs := raw[:len(raw)-3*sealed], raw[len(raw)-3*sealed:]
	a, b, z := segs[:sealed], segs[sealed:2*sealed], segs[2*sealed:]
	for what, parts := range map[string][][]byte{
		"without the last": {a, b}, "without the first": {b, z}, "swapped": {b, a, z}, "doubled": {a, a, b, z},
		"without all": {}, "last in the middle": {a, z, b}, "only the last": {z},
	} {
		forged := append([]byte{}, head...)
		for _, p := range parts {
			forged = append(forged, p...)
		}
		f.put(path, forged)
		_, err := c.Get(ctx, "big")
		assert.ErrorIs(t, err, protect.ErrTampered, what)
	}
}

// TestEveryBit flips every bit of every file, checksums and all: the vault says
// what it held, or a sentinel.
func TestEveryBit(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			m, v := device(t, store, few())
			want, err := content(ctx, v)
			require.NoError(t, err)
			m.Settle()
			outcomes := map[string]int{}
			n := flip(t, m, stride(name), func(m *powercut.Machine, where string) {
				v, err := open(ctx, m, store, few())
				got := ""
				if err == nil {
					got, err = content(ctx, v)
				}
				switch {
				case err == nil:
					require.Equal(t, want, got, where)
					outcomes["unchanged"]++
				case isSentinel(err):
					outcomes["refused"]++
				default:
					require.NoError(t, err, where)
				}
			})
			t.Logf("bits=%d outcomes=%v", n, outcomes)
			assert.Greater(t, n, 300)
			assert.Equal(t, n, outcomes["refused"]+outcomes["unchanged"])
		})
	}
}

// flip is powercut.Flip without the reserves, which hold random bytes and are
// made again at every start that lacks them.
func flip(t *testing.T, m *powercut.Machine, stride int, fn func(m *powercut.Machine, where string)) (n int) {
	for name, raw := range m.Files() {
		if strings.Contains(name, "!") {
			continue
		}
		for bit := 0; bit < 8*len(raw); bit += stride {
			c := m.Clone()
			file, err := c.FS().Open(name, durable.ReadWrite)
			require.NoError(t, err)
			_, err = file.WriteAt([]byte{raw[bit/8] ^ 1<<(bit%8)}, int64(bit/8))
			require.NoError(t, err)
			c.Settle()
			fn(c, fmt.Sprintf("%s:%d.%d", name, bit/8, bit%8))
			n++
		}
	}
	return n
}

// stride is 1, every bit, over the token; a few of all bits over the other key
// stores, and with the race detector, which is slow.
func stride(store string) int {
	switch {
	case raceEnabled:
		return 23
	case store != "token":
		return 5
	}
	return 1
}

// TestForgedBits flips every bit below right checksums: of the table and of an
// object.
func TestForgedBits(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	m.Settle()
	f := forge(t, m, v)
	for _, name := range []string{"vault/table.1", "vault/header", f.files("settings")[0]} {
		good := f.get(name)
		for bit := 0; bit < 8*len(good); bit += stride("token") {
			bad := append([]byte{}, good...)
			bad[bit/8] ^= 1 << (bit % 8)
			f.put(name, bad)
			value, err := readWifi(ctx, m)
			require.Error(t, err, "%s bit %d: %q", name, bit, value)
			require.True(t, isSentinel(err), "%s bit %d: %v", name, bit, err)
			require.False(t, errors.Is(err, fs.ErrNotExist), fmt.Sprint(name, bit))
		}
		f.put(name, good)
	}
	_, err := readWifi(ctx, m)
	require.NoError(t, err)
}
