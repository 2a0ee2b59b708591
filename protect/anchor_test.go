package protect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// anchored is a device whose passphrase is "new", anchored, with the files of the
// compartment from when it was "old".
func anchored(t *testing.T) (m *powercut.Machine, before, after map[string][]byte) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "network/wifi", []byte("old")))
	require.NoError(t, c.Put(ctx, "other", []byte("other")))
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	before = m.Files()
	require.NoError(t, c.Put(ctx, "network/wifi", []byte("new")))
	require.NoError(t, record(ctx, c, "film", []byte("the new film"), 100))
	require.NoError(t, c.Delete(ctx, "other"))
	require.NoError(t, v.Anchor(ctx))
	assert.Zero(t, v.Report(ctx).Unanchored)
	m.Settle()
	return m, before, m.Files()
}

// putBack makes a file what it was.
func putBack(t *testing.T, m *powercut.Machine, name string, raw []byte) {
	f, err := m.FS().Open(name, durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt(raw, 0)
	require.NoError(t, errors.Join(err, f.Sync(), f.Close()))
	m.Settle()
}

// What was anchored is not undone file by file: neither changed, nor removed, nor brought
// back.
func TestOldFilesAreRefused(t *testing.T) {
	ctx := t.Context()
	m, before, after := anchored(t)
	seen := map[string]int{}
	for name, raw := range before {
		if strings.HasPrefix(name, "vault/index/") || bytes.Equal(raw, after[name]) || strings.Contains(name, "table") {
			continue
		}
		c := m.Clone()
		putBack(t, c, name, raw)
		v, err := open(ctx, c, token, few())
		require.NoError(t, err)
		settings := settingsOf(t, v)
		for _, changed := range []bool{false, true} { // before and after the first change
			if changed {
				require.NoError(t, settings.Put(ctx, "a/change", nil))
			}
			wifi, werr := settings.Get(ctx, "network/wifi")
			film, ferr := readStream(ctx, settings, "film")
			_, oerr := settings.Get(ctx, "other")
			switch {
			case errors.Is(werr, protect.ErrRollback), errors.Is(ferr, protect.ErrRollback):
				seen["rollback"]++
			case errors.Is(oerr, protect.ErrForeign):
				seen["brought back"]++
			default:
				require.NoError(t, errors.Join(werr, ferr), name)
				require.ErrorIs(t, oerr, fs.ErrNotExist, name)
				assert.Equal(t, "new", string(wifi))
				assert.Equal(t, "the new film", string(film))
			}
		}
		// Whoever owns the data gives it up, and goes on.
		_, err = settings.Repair(ctx)
		require.NoError(t, err)
		for _, name := range []string{"network/wifi", "other"} {
			require.NoError(t, settings.Put(ctx, name, []byte("anew")))
		}
		require.NoError(t, record(ctx, settings, "film", []byte("anew"), 100))
		v, err = open(ctx, c, token, few())
		require.NoError(t, err)
		got, err := content(ctx, v)
		require.NoError(t, err)
		assert.Contains(t, got, "settings : a/change= network/wifi=anew other=anew stream film=anew 4")
	}
	assert.Equal(t, map[string]int{"rollback": 4, "brought back": 2}, seen)
}

// What is in the index and not on the medium is missing, not deleted.
func TestMissingFilesAreNoticed(t *testing.T) {
	ctx := t.Context()
	m, _, after := anchored(t)
	missed := 0
	for name := range after {
		if !strings.HasPrefix(name, "vault/") || strings.HasPrefix(name, "vault/index/") || strings.Contains(name, "table") || strings.Contains(name, "header") {
			continue
		}
		c := m.Clone()
		require.NoError(t, c.FS().Remove(name))
		c.Settle()
		v, err := open(ctx, c, token, few())
		require.NoError(t, err)
		settings := settingsOf(t, v)
		_, werr := settings.Get(ctx, "network/wifi")
		_, ferr := readStream(ctx, settings, "film")
		if !errors.Is(werr, protect.ErrTampered) && !errors.Is(ferr, protect.ErrTampered) {
			continue // of another compartment
		}
		missed++
		require.NoError(t, settings.Delete(ctx, "network/wifi"))
		require.NoError(t, settings.RemoveStream(ctx, "film"))
		v, err = open(ctx, c, token, few())
		require.NoError(t, err)
		_, werr = settingsOf(t, v).Get(ctx, "network/wifi")
		require.ErrorIs(t, werr, fs.ErrNotExist, "who deletes it does not miss it")
	}
	assert.Equal(t, 2, missed)
}

// A disk from before the last anchor, or from before the first change of this start, is
// refused; and accepted again only by somebody present.
func TestOldDisksAreRefused(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	anchor := m.Image()
	require.NoError(t, settingsOf(t, v).Put(ctx, "network/wifi", []byte("new")))
	m.Settle()
	changed := m.Image()
	for name, image := range map[string]powercut.Image{"before the first change": anchor, "before the last anchor": changed} {
		t.Run(name, func(t *testing.T) {
			c := m.Clone()
			if name == "before the last anchor" {
				v, err := open(ctx, c, token, few())
				require.NoError(t, err)
				require.NoError(t, v.Anchor(ctx))
			}
			c.Restore(image)
			_, err := open(ctx, c, token, few())
			require.ErrorIs(t, err, protect.ErrRollback)
			var oe *protect.ObjectError
			require.ErrorAs(t, err, &oe)
			assert.Contains(t, oe.Action, "Reanchor")
			_, err = provision(ctx, c, token, few())
			require.ErrorIs(t, err, protect.ErrRollback, "nor is it a fresh start")
			_, err = begin(ctx, c, token, few(), protect.Reanchor)
			require.ErrorIs(t, err, fs.ErrInvalid, "nobody is there")
			opts := few()
			opts.Presence = presence{errors.New("nobody pressed")}
			_, err = begin(ctx, c, token, opts, protect.Reanchor)
			require.ErrorContains(t, err, "nobody pressed")
			opts.Presence = presence{}
			v, err := begin(ctx, c, token, opts, protect.Reanchor)
			require.NoError(t, err)
			assert.EqualValues(t, 1, v.Report(ctx).Accepted)
			v, err = open(ctx, c, token, few())
			require.NoError(t, err)
			assert.EqualValues(t, 1, v.Report(ctx).Accepted, "for good")
			_, err = settingsOf(t, v).Get(ctx, "network/wifi")
			require.NoError(t, err)
			c.Restore(image)
			_, err = open(ctx, c, token, few())
			require.ErrorIs(t, err, protect.ErrRollback, "once")
		})
	}
}

// A damaged index shuts its compartment, and no other; Reanchor opens it.
func TestDamagedIndex(t *testing.T) {
	ctx := somebody(t.Context())
	m, _, after := anchored(t)
	shut := 0
	for name := range after {
		if !strings.HasPrefix(name, "vault/index/") {
			continue
		}
		c := m.Clone()
		damageFile(t, c, name)
		c.Settle()
		v, err := open(ctx, c, token, few())
		require.NoError(t, err)
		_, err = settingsOf(t, v).Get(ctx, "network/wifi")
		if v.Health(ctx) == nil {
			require.NoError(t, err, "it was not in force")
			continue
		}
		shut++
		require.ErrorIs(t, v.Health(ctx), protect.ErrTampered)
		if err != nil {
			require.ErrorIs(t, err, protect.ErrTampered)
			require.ErrorIs(t, settingsOf(t, v).Put(ctx, "network/wifi", nil), protect.ErrTampered)
			_, err = settingsOf(t, v).List(ctx, "")
			require.NoError(t, err)
			require.NoError(t, putUser(ctx, v, "bob", "letter", "goes on"))
		}
		opts := few()
		opts.Presence = presence{}
		v, err = begin(ctx, c, token, opts, protect.Reanchor)
		require.NoError(t, err)
		require.NoError(t, v.Health(ctx))
		wifi, err := settingsOf(t, v).Get(ctx, "network/wifi")
		require.NoError(t, err)
		assert.Equal(t, "new", string(wifi))
	}
	assert.Equal(t, 3, shut)
}

// While the counter does not answer nothing is changed that could be undone; what can be
// read is read. When somebody else steps it that is told.
func TestCounterFails(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	count := protecttest.NewToken(m)
	before, err := count.Value(ctx)
	require.NoError(t, err)
	c := settingsOf(t, v)
	for name, fault := range map[string]powercut.Fault{"fails": powercut.Fail, "gives no reply": powercut.NoReply} {
		for step := range 40 {
			m.Fail(step, fault)
			err := v.Anchor(ctx)
			m.Fail(0, powercut.NoFault)
			if err == nil && step > 30 {
				break
			}
			_, gerr := c.Get(ctx, "network/wifi")
			require.NoError(t, gerr, "%s at %d", name, step)
			require.NoError(t, c.Put(ctx, "network/wifi", fmt.Appendf(nil, "%s %d", name, step)))
		}
	}
	got, err := content(ctx, v)
	require.NoError(t, err)
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	again, err := content(ctx, v)
	require.NoError(t, err)
	assert.Equal(t, got, again)
	after, err := count.Value(ctx)
	require.NoError(t, err)
	assert.LessOrEqual(t, after-before, uint64(2*80))

	_, err = count.Increment(ctx) // a stranger
	require.NoError(t, err)
	require.ErrorIs(t, settingsOf(t, v).Put(ctx, "network/wifi", nil), protect.ErrRollback)
	require.ErrorIs(t, v.Anchor(ctx), protect.ErrRollback)
	_, err = open(ctx, m, token, few())
	require.ErrorIs(t, err, protect.ErrRollback)
}

// TestAnchorIsUnsupported: who does not count says so.
func TestAnchorIsUnsupported(t *testing.T) {
	_, v := device(t, uncounted, few())
	require.ErrorIs(t, v.Anchor(t.Context()), errors.ErrUnsupported)
	assert.Equal(t, protect.RollbackNone, v.Report(t.Context()).Rollback)
	_, err := begin(t.Context(), powercut.New(), uncounted, &protect.Options{Presence: presence{}}, protect.Reanchor)
	require.ErrorIs(t, err, fs.ErrInvalid)
}
