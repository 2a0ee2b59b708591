package protect_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// A compartment takes no more than its index, and gives what it has.
func TestTooManyFiles(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "a", nil))
	protect.SetMost(c, 2)
	require.ErrorIs(t, c.Put(ctx, "b", nil), durable.ErrFull)
	_, err := c.CreateStream(ctx, "b")
	require.ErrorIs(t, err, durable.ErrFull)
	require.NoError(t, v.Anchor(ctx))
	require.NoError(t, c.Put(ctx, "a", []byte("anew")))
	require.NoError(t, c.Delete(ctx, "a"))
	require.NoError(t, c.Put(ctx, "b", nil))
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	names, err := settingsOf(t, v).List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "network/wifi"}, names)
}

// When no version is left the next change anchors by itself.
func TestVersionsAreSpent(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "a", nil))
	protect.SetSeqs(c, 10)
	before := v.Stats().Anchors
	for i := range 35 {
		require.NoError(t, c.Put(ctx, "a", fmt.Append(nil, i)))
	}
	assert.EqualValues(t, 3, v.Stats().Anchors-before)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	got, err := settingsOf(t, v).Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, "34", string(got))
}

// So it does for changes side by side.
func TestVersionsAreSpentSideBySide(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, c.Put(ctx, "a", nil))
	protect.SetSeqs(c, 3)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 30 {
				assert.NoError(t, c.Put(ctx, fmt.Sprint("n", i), nil))
			}
		})
	}
	wg.Wait()
}

// A compartment whose index could not be read when it was found is not used without one.
func TestUnreadIndexIsNotUsed(t *testing.T) {
	ctx := somebody(t.Context())
	for step := range 60 {
		m, v := device(t, token, few())
		require.NoError(t, settingsOf(t, v).Put(ctx, "a", nil))
		m.Fail(step, powercut.Fail)
		_, err := v.Subject(ctx, "carol")
		m.Fail(0, powercut.NoFault)
		if err == nil {
			assert.Greater(t, step, 3)
			return
		}
		if c, err := v.OpenSubject(ctx, "carol"); err == nil {
			if c.Put(ctx, "letter", []byte("dear")) == nil {
				require.NoError(t, v.Anchor(ctx))
			}
		}
		require.NoError(t, putUser(ctx, v, "carol", "letter", "dear bob"))
		require.NoError(t, v.Anchor(ctx))
		v, err = open(ctx, m, token, few())
		require.NoError(t, err)
		c, err := v.OpenSubject(ctx, "carol")
		require.NoError(t, err)
		letter, err := c.Get(ctx, "letter")
		require.NoError(t, err)
		assert.Equal(t, "dear bob", string(letter))
	}
}

// A stream that is being written while the vault is anchored is there afterwards, or the
// one before; and only the one that is there can be put back.
func TestStreamOverAnAnchor(t *testing.T) {
	for name, end := range map[string]func(w *protect.StreamWriter) error{
		"closed": (*protect.StreamWriter).Close, "aborted": (*protect.StreamWriter).Abort,
		"power cut": func(*protect.StreamWriter) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
			w, err := c.CreateStream(ctx, "film")
			require.NoError(t, err)
			_, err = w.Write([]byte("the new film"))
			require.NoError(t, err)
			require.NoError(t, v.Anchor(ctx))
			old := m.Files()
			require.NoError(t, end(w))
			m.Drop()

			want := "the old film"
			if name == "closed" {
				want = "the new film"
			}
			for range 2 { // before and after the first change
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
				got, err := readStream(ctx, settingsOf(t, v), "film")
				require.NoError(t, err)
				require.Equal(t, want, string(got))
				require.NoError(t, settingsOf(t, v).Put(ctx, "a", nil))
				m.Settle()
			}
			require.NoError(t, v.Anchor(ctx))
			if name != "closed" {
				return
			}
			for file, raw := range old {
				if strings.HasSuffix(file, "+file") {
					putBack(t, m, file, raw)
				}
			}
			v, err = open(ctx, m, token, few())
			require.NoError(t, err)
			_, err = settingsOf(t, v).OpenStream(ctx, "film")
			require.ErrorIs(t, err, protect.ErrRollback)
		})
	}
}

// A writer that was ended by RemoveAll takes nothing from the one after it.
func TestAbortOfAnAbandonedWriter(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	first, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	require.NoError(t, c.RemoveAll(ctx, "film"))
	second, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	require.NoError(t, first.Abort())
	_, err = second.Write([]byte("the film"))
	require.NoError(t, err)
	require.NoError(t, v.Anchor(ctx))
	require.NoError(t, second.Close())
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	got, err := readStream(ctx, settingsOf(t, v), "film")
	require.NoError(t, err)
	assert.Equal(t, "the film", string(got))
}

// While the directory is on hold the floor is changed and anchored, and what was written
// before the hold is there after it.
func TestAnchorUnderAHold(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	require.NoError(t, settingsOf(t, v).Put(ctx, "network/wifi", []byte("new")))
	m.Drop()
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	keys := protecttest.NewToken(m)
	v, err = protect.Open(ctx, dir, keys, few())
	require.NoError(t, err)
	h, err := dir.Hold(ctx, "reset")
	require.NoError(t, err)
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	before, err := keys.Value(ctx)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, floor.Put(ctx, "reset", []byte("under way")))
	}
	after, err := keys.Value(ctx)
	require.NoError(t, err)
	assert.Equal(t, before+1, after, "the first change of this start")
	require.NoError(t, floor.Delete(ctx, "reset"))
	require.NoError(t, h.Release(ctx))
	wifi, err := settingsOf(t, v).Get(ctx, "network/wifi")
	require.NoError(t, err)
	assert.Equal(t, "new", string(wifi))
	require.NoError(t, settingsOf(t, v).Put(ctx, "other", nil))
	m.Drop()
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	require.NoError(t, v.Anchor(ctx))
	names, err := settingsOf(t, v).List(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"network/wifi", "other"}, names)
	_, err = floor.Get(ctx, "reset")
	require.Error(t, err)
	require.NoError(t, v.Health(ctx))
}

// On a medium too full for an index a reserved value is still put, and an erasure ends;
// what was not anchored is there after a restart.
func TestAnchorOnAFullMedium(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, durable.Reserve(ctx, c, "journal", 200))
	require.NoError(t, c.Put(ctx, "network/wifi", []byte("new")))
	m.Settle()
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	m.SetCapacity(1) // nothing is free
	require.ErrorIs(t, settingsOf(t, v).Put(ctx, "something/else", make([]byte, 4000)), durable.ErrFull)
	require.NoError(t, settingsOf(t, v).Put(ctx, "journal", []byte("a reset")))
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	m.Settle()
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	for name, want := range map[string]string{"journal": "a reset", "network/wifi": "new"} {
		got, err := settingsOf(t, v).Get(ctx, name)
		require.NoError(t, err, name)
		assert.Equal(t, want, string(got))
	}
}
