package protect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// film returns the file of a stream of the compartment, and its path.
func (f *forger) film(compartment string) (path string, raw []byte) {
	names, err := f.dir.Files(f.t.Context(), f.prefix[compartment])
	require.NoError(f.t, err)
	require.Len(f.t, names, 1)
	return names[0], f.getFile(names[0])
}

func (f *forger) getFile(path string) []byte {
	r, err := f.dir.OpenFile(f.t.Context(), path)
	require.NoError(f.t, err)
	raw, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	require.NoError(f.t, err)
	require.NoError(f.t, r.Close())
	return raw
}

func (f *forger) putFile(path string, raw []byte) {
	w, err := f.dir.CreateFile(f.t.Context(), path)
	require.NoError(f.t, err)
	_, err = w.Write(raw)
	require.NoError(f.t, err)
	require.NoError(f.t, w.Commit(f.t.Context()))
}

// readFilm reads the stream as a restarted device.
func readFilm(ctx context.Context, m *powercut.Machine) ([]byte, error) {
	v, err := open(ctx, m, token, few())
	if err != nil {
		return nil, err
	}
	c, err := v.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return nil, err
	}
	return readStream(ctx, c, "film")
}

const sealedSegment = protect.SegmentSize + 28

// TestForgedStreams maps what an attacker does to a stream to what is said. What was
// read before the error is a true beginning.
func TestForgedStreams(t *testing.T) {
	ctx := t.Context()
	content := recording(3 * protect.SegmentSize)
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", content, 1<<20))
	alice, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	require.NoError(t, record(ctx, alice, "film", content, 1<<20))
	identity, err := v.Compartment(ctx, protect.ClassIdentity)
	require.NoError(t, err)
	require.NoError(t, record(ctx, identity, "other", content, 1<<20))
	other, otherVault := device(t, token, few())
	require.NoError(t, record(ctx, settingsOf(t, otherVault), "film", content, 1<<20))
	f, g := forge(t, m, v), forge(t, other, otherVault)
	path, good := f.film("settings")
	_, ofAlice := f.film("userdataalice")
	_, ofOther := g.film("settings")

	body := len(good) - 3*sealedSegment
	head, segs := good[:body:body], good[body:]
	a, b, z := segs[:sealedSegment], segs[sealedSegment:2*sealedSegment], segs[2*sealedSegment:]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for what, forged := range map[string]struct {
		raw  []byte
		want error
	}{
		"of another compartment":       {ofAlice, protect.ErrForeign},
		"of another device":            {ofOther, protect.ErrForeign},
		"of another device, relabeled": {relabel(ofOther, good), protect.ErrTampered},
		"empty":                        {nil, protect.ErrTampered},
		"one byte more":                {join(good, []byte{0}), protect.ErrTampered},
		"one byte less":                {good[:len(good)-1], protect.ErrTampered},
		"twice":                        {join(good, good), protect.ErrTampered},
		"of a later format":            {join([]byte("bps\x02"), good[4:]), durable.ErrFormat},
		"a value":                      {join([]byte("bpo\x01"), good[4:]), protect.ErrTampered},
		"without the last":             {join(head, a, b), protect.ErrTampered},
		"cut in the last":              {good[:len(good)-protect.SegmentSize/2], protect.ErrTampered},
		"without the first":            {join(head, b, z), protect.ErrTampered},
		"swapped":                      {join(head, b, a, z), protect.ErrTampered},
		"doubled":                      {join(head, a, a, b, z), protect.ErrTampered},
		"without all":                  {head, protect.ErrTampered},
		"last in the middle":           {join(head, a, z, b), protect.ErrTampered},
		"only the last":                {join(head, z), protect.ErrTampered},
		"an empty end":                 {join(head, a, b, z, z[:28]), protect.ErrTampered},
		"changed in the middle":        {join(head, a, b[:500], []byte{b[500] ^ 1}, b[501:], z), protect.ErrTampered},
	} {
		f.putFile(path, forged.raw)
		got, err := readFilm(ctx, m)
		require.ErrorIs(t, err, forged.want, what)
		assert.True(t, bytes.HasPrefix(content, got), what)
		var oe *protect.ObjectError
		if !errors.Is(err, durable.ErrFormat) {
			require.ErrorAs(t, err, &oe, what)
			assert.NotEmpty(t, oe.Action)
		}
	}

	// Under another name of the same compartment.
	f.putFile(path, good)
	require.NoError(t, f.dir.RemoveFile(ctx, path))
	moved := path[:len(path)-4] + "0000"
	f.putFile(moved, good)
	_, err = readFilm(ctx, m)
	require.ErrorIs(t, err, fs.ErrNotExist)
	names, err := c.Streams(ctx, "")
	require.NoError(t, err)
	assert.Empty(t, names)
	removed, err := c.Repair(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	f.putFile(path, good)
	got, err := readFilm(ctx, m)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got))
}

// Damage in one place leaves the rest readable, at any offset, and Repair takes it away;
// writing the stream anew cures it too.
func TestDamagedStream(t *testing.T) {
	ctx := t.Context()
	content := recording(3 * protect.SegmentSize)
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", content, 1<<20))
	f := forge(t, m, v)
	path, raw := f.film("settings")
	raw[len(raw)-sealedSegment-100] ^= 1 // in the second segment
	f.putFile(path, raw)
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	c = settingsOf(t, v)
	r, err := c.OpenStream(ctx, "film")
	require.NoError(t, err)
	part := make([]byte, protect.SegmentSize)
	for _, segment := range []int64{0, 2} {
		n, err := r.ReadAt(part, segment*protect.SegmentSize)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(content[segment*protect.SegmentSize:][:n], part))
	}
	n, err := r.ReadAt(part, 1000)
	require.ErrorIs(t, err, protect.ErrTampered)
	assert.Equal(t, protect.SegmentSize-1000, n)
	clear(part)
	n, err = r.ReadAt(part, protect.SegmentSize)
	require.ErrorIs(t, err, protect.ErrTampered)
	assert.Zero(t, n)
	assert.True(t, bytes.Equal(make([]byte, len(part)), part), "nothing that is not authentic")
	require.NoError(t, r.Close())

	require.NoError(t, record(ctx, c, "film", content, 1<<20))
	_, err = readStream(ctx, c, "film")
	require.NoError(t, err)
	removed, err := c.Repair(ctx)
	require.NoError(t, err)
	assert.Zero(t, removed)
	f.reopen()
	f.putFile(path, raw)
	removed, err = c.Repair(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	_, err = c.OpenStream(ctx, "film")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// FuzzStream: whatever stands in a stream's file is what was written, or refused; and
// what is read before the error is its beginning.
func FuzzStream(f *testing.F) {
	fixed := protect.NewFixed(protect.ClassSettings, 1, 2)
	content := recording(100) // long ones are TestForgedStreams's: they would be tried a few times a second
	whole := fixed.SealStream("film", 3, content)
	f.Add(whole, uint32(0), byte(0))
	f.Add(whole[:len(whole)-38], uint32(0), byte(0))
	f.Add(whole, uint32(100), byte(1))
	f.Add([]byte("bps\x01"), uint32(0), byte(0))
	f.Fuzz(func(t *testing.T, raw []byte, at uint32, flip byte) {
		raw = bytes.Clone(raw)
		if len(raw) > 0 {
			raw[int(at)%len(raw)] ^= flip
		}
		got, err := fixed.OpenStream(t.Context(), "film", raw)
		if err == nil {
			require.True(t, bytes.Equal(content, got))
			return
		}
		require.True(t, classed(err), "%v", err)
		require.True(t, bytes.HasPrefix(content, got))
	})
}
