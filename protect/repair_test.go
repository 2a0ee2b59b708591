package protect_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// sealedStore and plainDir open a store on a machine as a restarted device does.
func sealedStore(ctx context.Context, m *powercut.Machine) (durable.Store, error) {
	v, err := open(ctx, m, token, few())
	if err != nil {
		return nil, err
	}
	return v.Compartment(ctx, protect.ClassApplication)
}

func plainDir(_ context.Context, m *powercut.Machine) (durable.Store, error) {
	return durable.OpenFS(m.FS(), nil)
}

// TestDamageHidesNoOther is one rule of every store: of five values one is damaged
// on the medium, and the four others are found and read as before.
func TestDamageHidesNoOther(t *testing.T) {
	for name, with := range map[string]func(context.Context, *powercut.Machine) (durable.Store, error){
		"compartment": sealedStore, "directory": plainDir,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m, _ := device(t, token, few())
			s, err := with(ctx, m)
			require.NoError(t, err)
			before := m.Files()
			for i := range 5 {
				require.NoError(t, s.Put(ctx, fmt.Sprintf("notices/%d", i), fmt.Appendf(nil, "text %d", i)))
			}
			for file := range m.Files() {
				if _, was := before[file]; !was && !strings.HasPrefix(file, "vault/index/") {
					damageFile(t, m, file)
					break
				}
			}
			s, err = with(ctx, m)
			require.NoError(t, err)
			names, err := s.List(ctx, "notices/")
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(names), 4)
			good, bad := 0, ""
			for i := range 5 {
				name := fmt.Sprintf("notices/%d", i)
				value, err := s.Get(ctx, name)
				if err != nil {
					require.ErrorIs(t, err, durable.ErrCorrupt)
					bad = name
					continue
				}
				assert.Contains(t, names, name)
				assert.Equal(t, fmt.Sprintf("text %d", i), string(value))
				good++
			}
			assert.Equal(t, 4, good)
			require.NoError(t, s.Put(ctx, bad, []byte("anew")))
			names, err = s.List(ctx, "notices/")
			require.NoError(t, err)
			assert.Len(t, names, 5)
		})
	}
}

// damageFile changes a byte in the middle of a file.
func damageFile(t *testing.T, m *powercut.Machine, name string) {
	raw := m.Files()[name]
	require.NotEmpty(t, raw, name)
	file, err := m.FS().Open(name, durable.ReadWrite)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{^raw[len(raw)/2]}, int64(len(raw)/2))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	m.Settle()
}

// crowd is settings with a value of each kind of damage: a stranger under a free
// name, a value whose name is damaged, one whose content is, and a later format.
func crowd(t *testing.T) (*powercut.Machine, *protect.Vault, *forger) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	f := forge(t, m, v)
	wifi := f.files("settings")[0]
	for _, n := range []string{"a", "b", "later"} {
		old := f.files("settings")
		require.NoError(t, c.Put(ctx, n, []byte("value of "+n)))
		f.reopen()
		for _, path := range f.files("settings") {
			if !strings.Contains(strings.Join(old, " "), path) {
				raw := f.get(path)
				raw[map[string]int{"a": 60, "b": len(raw) - 1, "later": 3}[n]] ^= 2
				f.put(path, raw)
			}
		}
	}
	f.put(f.prefix["settings"]+strings.Repeat("0", 32), f.get(wifi))
	f.put(f.prefix["settings"]+"deep/stranger", []byte("junk"))
	m.Settle()
	return m, v, f
}

func TestListTellsOfWhatItLeavesOut(t *testing.T) {
	ctx := t.Context()
	m, _, _ := crowd(t)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx), "nobody has looked yet")
	c := settingsOf(t, v)
	names, err := c.List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "network/wifi"}, names, "the name of b is whole")
	assert.EqualValues(t, 4, v.Stats().Unreadable)
	assert.EqualValues(t, 4, v.Stats().Refused)

	for name, want := range map[string]error{"a": protect.ErrTampered, "b": protect.ErrTampered, "later": durable.ErrFormat} {
		for range 2 {
			_, err = c.Get(ctx, name)
			require.ErrorIs(t, err, want, name)
		}
	}
	assert.EqualValues(t, 5, v.Stats().Unreadable, "each once")
	require.ErrorIs(t, v.Health(ctx), protect.ErrTampered)
	assert.Contains(t, v.Health(ctx).Error(), "5 cannot be read")
	require.NoError(t, c.Put(ctx, "a", []byte("restored")))
	require.NoError(t, c.Delete(ctx, "b"))
	require.NoError(t, c.Delete(ctx, "later"))
	assert.EqualValues(t, 2, v.Stats().Unreadable)
	_, err = v.EraseClasses(somebody(ctx), reset(), protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx))
}

// TestListOnABrokenMedium: no answer is an error, and not a shorter list.
func TestListOnABrokenMedium(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := c.List(done, "")
	require.ErrorIs(t, err, context.Canceled)
	_, err = c.Repair(done)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, v.Close())
	_, err = c.List(ctx, "")
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = c.Repair(ctx)
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestRepair(t *testing.T) {
	ctx := t.Context()
	m, _, f := crowd(t)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	c := settingsOf(t, v)
	removed, err := c.Repair(ctx)
	require.ErrorIs(t, err, durable.ErrFormat, "that one is for the release that wrote it")
	assert.Equal(t, 4, removed)
	assert.EqualValues(t, 1, v.Stats().Unreadable)
	f.reopen()
	assert.Len(t, f.files("settings"), 2)
	for _, name := range []string{"a", "b"} {
		_, err = c.Get(ctx, name)
		require.ErrorIs(t, err, fs.ErrNotExist, "given up")
	}
	require.NoError(t, c.Delete(ctx, "later"))
	removed, err = c.Repair(ctx)
	require.NoError(t, err)
	assert.Zero(t, removed)
	require.NoError(t, v.Health(ctx))
	value, err := c.Get(ctx, "network/wifi")
	require.NoError(t, err)
	assert.Equal(t, "canary-passphrase", string(value))
}

// TestRepairLeavesTheOthersAlone: it works on one compartment, with or without
// damage, and on none that was erased.
func TestRepairLeavesTheOthersAlone(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	alice, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	before, err := content(ctx, v)
	require.NoError(t, err)
	f := forge(t, m, v)
	f.put(f.prefix["userdatabob"]+strings.Repeat("0", 32), []byte("junk"))
	removed, err := alice.Repair(ctx)
	require.NoError(t, err)
	assert.Zero(t, removed)
	bob, err := v.Subject(ctx, "bob")
	require.NoError(t, err)
	removed, err = bob.Repair(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	after, err := content(ctx, v)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	_, err = alice.Repair(ctx)
	require.ErrorIs(t, err, protect.ErrMissing)
}

// TestConcurrentMaintenance: lists, repairs and removals beside puts and erasures
// neither lose what was put last nor count what is whole as damaged.
func TestConcurrentMaintenance(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, nil)
	c := settingsOf(t, v)
	f := forge(t, m, v)
	path := f.files("settings")[0]
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 10 {
				assert.NoError(t, c.Put(ctx, fmt.Sprintf("mine/%d", i), []byte{byte(n)}))
				assert.NoError(t, c.Put(ctx, fmt.Sprintf("bin/%d", i), nil))
				_, err := c.Repair(ctx)
				assert.NoError(t, err)
				_, err = c.Entries(ctx, "mine")
				assert.NoError(t, err)
				assert.NoError(t, c.RemoveAll(ctx, fmt.Sprintf("bin/%d", i)))
				_, _ = c.Get(ctx, "network/wifi")
				assert.NoError(t, putUser(arriving(t), v, fmt.Sprintf("u%d", i), "letter", "x"))
				_, err = v.Erase(ctx, fmt.Sprintf("u%d", i))
				assert.NoError(t, err)
				v.Stats()
				_ = v.Health(ctx)
			}
		})
	}
	f.put(path, []byte("junk"))
	all.Wait()
	_, err := c.Repair(ctx)
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx))
	names, err := c.List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"mine/0", "mine/1", "mine/2", "mine/3"}, names)
}
