package protect_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// damageStreams damages every stream of a medium.
func damageStreams(t *testing.T, m *powercut.Machine) {
	m.Settle()
	for name := range m.Files() {
		if strings.HasSuffix(name, "+file") {
			damageFile(t, m, name)
		}
	}
}

// A damaged stream is told until it is repaired, removed, or written anew.
func TestDamagedStreamIsTold(t *testing.T) {
	ctx := t.Context()
	for what, mend := range map[string]func(c *protect.Compartment) error{
		"repair": func(c *protect.Compartment) error { _, err := c.Repair(ctx); return err },
		"remove": func(c *protect.Compartment) error { return c.RemoveStream(ctx, "film") },
		"anew":   func(c *protect.Compartment) error { return record(ctx, c, "film", []byte("new"), 100) },
	} {
		t.Run(what, func(t *testing.T) {
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
			damageStreams(t, m)
			_, err := readStream(ctx, c, "film")
			require.Error(t, err)
			require.NoError(t, mend(c))
			assert.Zero(t, v.Stats().Unreadable)
			assert.NoError(t, v.Health(ctx))
		})
	}
}

// After an Abort that fails the stream is not being written any more: Repair takes the
// damaged one that it was to replace.
func TestAbortFails(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	damageStreams(t, m)
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	m.Fail(0, powercut.Fail)
	require.Error(t, w.Abort())
	m.Fail(0, powercut.NoFault)
	removed, err := c.Repair(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	_, err = readStream(ctx, c, "film")
	assert.True(t, notThere(err), "%v", err)
}

// besideFilm puts a stranger's value in the place that has the MAC of the film, and
// restarts.
func besideFilm(t *testing.T, m *powercut.Machine, v *protect.Vault) *protect.Vault {
	m.Settle()
	path, _ := forge(t, m, v).film("settings")
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, dir.Put(t.Context(), path, []byte("garbage")))
	m.Settle()
	v, err = open(t.Context(), m, token, few())
	require.NoError(t, err)
	return v
}

// A stranger's file in the place of a value hides no stream whose MAC it has, and Repair
// removes it without taking the stream.
func TestStrangerInTheOtherPlace(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the film"), 100))
	require.NoError(t, v.Anchor(ctx))
	v = besideFilm(t, m, v)
	c = settingsOf(t, v)
	film, err := readStream(ctx, c, "film")
	require.NoError(t, err)
	require.Equal(t, "the film", string(film))
	removed, err := c.Repair(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	film, err = readStream(ctx, c, "film")
	assert.NoError(t, err)
	assert.Equal(t, "the film", string(film))
}

// Nor does it hide a stream from the first change of a start.
func TestStrangerHidesNoStream(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the film"), 100))
	v = besideFilm(t, m, v)
	c = settingsOf(t, v)
	_, err := readStream(ctx, c, "film")
	require.NoError(t, err)
	require.NoError(t, c.Put(ctx, "x", nil))
	_, err = readStream(ctx, c, "film")
	assert.NoError(t, err)
}

// Over a key store that does not count, too, Repair leaves who writes.
func TestRepairedWhileWrittenUncounted(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, uncounted, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	damageStreams(t, m)
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write([]byte("the new film"))
	require.NoError(t, err)
	_, err = c.Repair(ctx)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

// What a reader sees after a Close that failed is there after an anchor, and a start.
func TestStreamFaults(t *testing.T) {
	ctx := t.Context()
	for step := range 25 {
		for _, early := range []bool{false, true} {
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, record(ctx, c, "film", []byte("zero"), 100))
			require.NoError(t, v.Anchor(ctx))
			w, err := c.CreateStream(ctx, "film")
			require.NoError(t, err)
			_, err = w.Write([]byte("one"))
			require.NoError(t, err)
			if early {
				require.NoError(t, v.Anchor(ctx))
			}
			m.Fail(step, powercut.Fail)
			cerr := w.Close()
			m.Fail(0, powercut.NoFault)
			seen, err := readStream(ctx, c, "film")
			require.NoError(t, err)
			for range 2 {
				m.Settle()
				mm := m.Clone()
				vv, err := open(ctx, mm, token, few())
				require.NoError(t, err)
				got, err := readStream(ctx, settingsOf(t, vv), "film")
				require.NoError(t, err, "%d %v", step, cerr)
				require.Equal(t, string(seen), string(got), "%d %v", step, cerr)
				require.NoError(t, v.Anchor(ctx))
				got, err = readStream(ctx, settingsOf(t, v), "film")
				require.NoError(t, err, "%d %v", step, cerr)
				require.Equal(t, string(seen), string(got), "%d %v", step, cerr)
			}
		}
	}
}

// syncFails is a file system on which the sync of a stream that is written fails.
type syncFails struct {
	durable.FS
	m   *powercut.Machine
	raw []byte // what was on the medium then
}

type syncFailsFile struct {
	durable.File
	s    *syncFails
	name string
}

func (s *syncFails) Open(name string, flag durable.Flag) (durable.File, error) {
	f, err := s.FS.Open(name, flag)
	if err == nil && strings.HasSuffix(name, "+file~") {
		f = syncFailsFile{f, s, name}
	}
	return f, err
}

func (f syncFailsFile) Sync() error {
	f.s.raw = f.s.m.Files()[f.name]
	return errSector
}

// A stream whose Close failed, and that an anchor had in its index as being written, is
// not believed after the next anchor.
func TestGivenUpIsNotExpected(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	require.NoError(t, record(ctx, settingsOf(t, v), "film", []byte("kept"), 100))
	require.NoError(t, v.Anchor(ctx))
	m.Settle()
	s := &syncFails{FS: m.FS(), m: m}
	dir, err := durable.OpenFS(s, nil)
	require.NoError(t, err)
	v, err = protect.Open(ctx, dir, protecttest.NewToken(m), few())
	require.NoError(t, err)
	w, err := settingsOf(t, v).CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write([]byte("given up"))
	require.NoError(t, err)
	require.NoError(t, v.Anchor(ctx))
	require.ErrorIs(t, w.Close(), errSector)
	require.NotEmpty(t, s.raw)
	for range 3 {
		require.NoError(t, v.Anchor(ctx))
		film, err := readStream(ctx, settingsOf(t, v), "film")
		require.NoError(t, err)
		require.Equal(t, "kept", string(film))
	}
	m.Settle()
	for name := range m.Files() {
		if strings.HasSuffix(name, "+file") {
			putBack(t, m, name, s.raw)
		}
	}
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	film, err := readStream(ctx, settingsOf(t, v), "film")
	assert.Error(t, err, "%q", film)
}
