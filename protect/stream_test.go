package protect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// recording is some content that differs everywhere.
func recording(size int) []byte {
	out := make([]byte, 0, size+20)
	for i := 0; len(out) < size; i++ {
		out = fmt.Appendf(out, "frame %d\n", i)
	}
	return out[:size]
}

// record writes a stream, in writes of step bytes.
func record(ctx context.Context, c *protect.Compartment, name string, content []byte, step int) error {
	w, err := c.CreateStream(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	for len(content) > 0 {
		n, err := w.Write(content[:min(step, len(content))])
		if err != nil {
			return err
		}
		content = content[n:]
	}
	return w.Close()
}

func readStream(ctx context.Context, c *protect.Compartment, name string) ([]byte, error) {
	r, err := c.OpenStream(ctx, name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// What is written is read, at all lengths around those of segments, from anywhere.
func TestStream(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	const segment = protect.SegmentSize
	for _, size := range []int{0, 1, 1000, segment - 1, segment, segment + 1, 2 * segment, 3*segment + 5} {
		for _, step := range []int{777, segment, 5 * segment} {
			content := recording(size)
			require.NoError(t, record(ctx, c, "film", content, step), "%d bytes by %d", size, step)
			r, err := c.OpenStream(ctx, "film")
			require.NoError(t, err)
			require.Equal(t, int64(size), r.Size())
			require.NoError(t, iotest.TestReader(r, content), "%d bytes by %d", size, step)
			_, err = r.Seek(-1, io.SeekStart)
			require.ErrorIs(t, err, fs.ErrInvalid)
			_, err = r.ReadAt(make([]byte, 1), -1)
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, fs.ErrClosed)
		}
	}
	for name, raw := range m.Files() {
		assert.NotContains(t, string(raw), "frame", name)
		assert.NotContains(t, name, "film")
	}
	// After a restart, too.
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	content, err := readStream(ctx, settingsOf(t, v), "film")
	require.NoError(t, err)
	assert.Equal(t, string(recording(3*segment+5)), string(content))
}

// Streams, values and logs have names of their own; a tree is all of them.
func TestStreamNames(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	_, err := c.OpenStream(ctx, "a/film")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, c.Put(ctx, "a/film", []byte("about it")))
	for _, name := range []string{"a/film", "a/b/film", "c"} {
		require.NoError(t, record(ctx, c, name, []byte(name), 1))
	}
	names, err := c.Streams(ctx, "a/")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/b/film", "a/film"}, names)
	all, err := c.Entries(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "film"}, all)
	require.NoError(t, c.RemoveStream(ctx, "a/film"))
	require.NoError(t, c.RemoveStream(ctx, "a/film"), "nor a second time")
	value, err := c.Get(ctx, "a/film")
	require.NoError(t, err)
	assert.Equal(t, "about it", string(value))
	require.NoError(t, c.RemoveAll(ctx, "a"))
	names, err = c.Streams(ctx, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"c"}, names)
	for _, name := range []string{"", "A", "../film"} {
		_, err = c.CreateStream(ctx, name)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	floor, err := v.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	_, err = floor.CreateStream(ctx, "film")
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// A stream is there when Close says so, and not before, nor after Abort.
func TestStreamIsThereWhenClosed(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write(recording(200_000))
	require.NoError(t, err)
	_, err = c.OpenStream(ctx, "film")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.CreateStream(ctx, "film")
	require.ErrorIs(t, err, durable.ErrInUse)
	require.NoError(t, w.Abort())
	require.NoError(t, w.Abort())
	require.ErrorIs(t, w.Close(), fs.ErrClosed)
	_, err = w.Write([]byte("more"))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.NoError(t, record(ctx, c, "film", []byte("the first"), 100))
	old, err := c.OpenStream(ctx, "film")
	require.NoError(t, err)
	require.NoError(t, record(ctx, c, "film", []byte("the second"), 100))
	content, err := io.ReadAll(old)
	require.NoError(t, err)
	assert.Equal(t, "the first", string(content), "as it was when it was opened")
	require.NoError(t, old.Close())
	content, err = readStream(ctx, c, "film")
	require.NoError(t, err)
	assert.Equal(t, "the second", string(content))
}

// Who writes or reads when the compartment is erased gets an error, and nothing is left.
func TestStreamOfAnErased(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	v.Guard(allow{})
	c, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	require.NoError(t, record(ctx, c, "film", recording(200_000), 1000))
	r, err := c.OpenStream(ctx, "film")
	require.NoError(t, err)
	w, err := c.CreateStream(ctx, "another")
	require.NoError(t, err)
	_, err = w.Write(recording(100_000))
	require.NoError(t, err)
	closing, err := c.CreateStream(ctx, "closing")
	require.NoError(t, err)
	prefix := strings.TrimSuffix(prefixOf(v, "alice"), "/")
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)

	_, err = r.Read(make([]byte, 10))
	require.ErrorIs(t, err, protect.ErrMissing)
	_, err = w.Write(recording(100_000))
	require.ErrorIs(t, err, protect.ErrMissing)
	require.ErrorIs(t, w.Close(), protect.ErrMissing)
	require.ErrorIs(t, closing.Close(), protect.ErrMissing)
	_, err = c.CreateStream(ctx, "film")
	require.ErrorIs(t, err, protect.ErrMissing)
	for name := range m.Files() {
		assert.NotContains(t, name, prefix)
	}
}

func prefixOf(v *protect.Vault, subject string) string {
	for _, info := range v.Compartments() {
		if info.Subject == subject {
			return info.Prefix
		}
	}
	return ""
}

// Streams are written and read side by side.
func TestStreamsSideBySide(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	content := recording(300_000)
	require.NoError(t, record(ctx, c, "shared", content, 5000))
	shared, err := c.OpenStream(ctx, "shared")
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprintf("film-%d", i)
			assert.NoError(t, record(ctx, c, name, content[i:], 4000+i))
			got, err := readStream(ctx, c, name)
			assert.NoError(t, err)
			assert.True(t, bytes.Equal(content[i:], got))
			part := make([]byte, 70_000)
			_, err = shared.ReadAt(part, int64(i*30_000))
			assert.NoError(t, err)
			assert.True(t, bytes.Equal(content[i*30_000:][:70_000], part))
		})
	}
	all.Wait()
	require.NoError(t, shared.Close())
}

func streamOps() []powercut.Op {
	write := func(name string, content []byte) func(context.Context, *protect.Compartment) error {
		return func(ctx context.Context, c *protect.Compartment) error { return record(ctx, c, name, content, 1<<20) }
	}
	const long = protect.SegmentSize + 100
	before := func(ctx context.Context, m *powercut.Machine) error {
		if err := before(token)(ctx, m); err != nil {
			return err
		}
		return do(token, settings(write("film", []byte("the old film"))))(ctx, m)
	}
	return []powercut.Op{{
		Name: "stream", Methods: []string{"Compartment.CreateStream", "StreamWriter.Write", "StreamWriter.Close"},
		Before: before, State: tell(token), Do: do(token, settings(write("another", recording(long)))),
	}, {
		Name: "stream-again", Methods: []string{"StreamWriter.Close"},
		Before: before, State: tell(token), Do: do(token, settings(write("film", recording(long)))),
	}, {
		Name: "stream-abort", Methods: []string{"StreamWriter.Abort"}, Before: before, State: tell(token),
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			w, err := c.CreateStream(ctx, "film")
			if err != nil {
				return err
			}
			if _, err = w.Write(recording(long)); err != nil {
				return errors.Join(err, w.Abort())
			}
			if err := w.Abort(); err != nil {
				return err
			}
			return c.Put(ctx, "network/address", []byte("dhcp"))
		})),
	}, {
		Name: "stream-remove", Methods: []string{"Compartment.RemoveStream"}, Before: before, State: tell(token),
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			if err := c.Put(ctx, "network/address", []byte("dhcp")); err != nil {
				return err
			}
			return c.RemoveStream(ctx, "film")
		})),
		Legal: func(_, _, got string) error {
			if !strings.Contains(got, "settings : network/address=dhcp network/wifi=canary-passphrase stream film=the old film 12;") {
				return errors.New("neither was the value put and the stream there")
			}
			return nil
		},
	}}
}
