package protect_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who reads beside writers gets what was there before, after, or nothing, and never a
// fault; and none is counted.
func TestReadersBesideWriters(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	rounds := 300
	if raceEnabled {
		rounds = 60
	}
	over := make(chan struct{})
	var writers, readers sync.WaitGroup
	for _, change := range []func(i int) error{
		func(i int) error { return c.Put(ctx, "a", fmt.Append(nil, i)) },
		func(i int) error {
			if i%2 == 0 {
				return c.Put(ctx, "b", fmt.Append(nil, i))
			}
			return c.Delete(ctx, "b")
		},
		func(i int) error {
			if i%3 == 2 {
				return c.RemoveStream(ctx, "film")
			}
			return record(ctx, c, "film", fmt.Append(nil, i), 100)
		},
		func(i int) error {
			if i%20 == 0 {
				return v.Anchor(ctx)
			}
			return nil
		},
	} {
		writers.Go(func() {
			for i := range rounds {
				assert.NoError(t, change(i))
			}
		})
	}
	for _, read := range []func() error{
		func() error { _, err := c.Get(ctx, "a"); return err },
		func() error { _, err := c.Get(ctx, "b"); return err },
		func() error { _, err := c.List(ctx, ""); return err },
		func() error { _, err := c.Streams(ctx, ""); return err },
		func() error {
			r, err := c.OpenStream(ctx, "film")
			if err == nil {
				err = r.Close()
			}
			return err
		},
	} {
		readers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
					assert.NoError(t, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(over)
	readers.Wait()
	assert.Zero(t, v.Stats().Unreadable)
	assert.Zero(t, v.Stats().Refused)
	require.NoError(t, v.Health(ctx))
}

// RemoveStream gives up what is being written under the name, and what comes after it
// stays.
func TestRemovedWhileWritten(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	first, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = first.Write([]byte("never"))
	require.NoError(t, err)
	require.NoError(t, c.RemoveStream(ctx, "film"))
	_, err = readStream(ctx, c, "film")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, record(ctx, c, "film", []byte("the new film"), 100))
	require.Error(t, first.Close())
	require.NoError(t, first.Abort())
	require.NoError(t, v.Anchor(ctx))
	for range 2 {
		film, err := readStream(ctx, settingsOf(t, v), "film")
		require.NoError(t, err)
		assert.Equal(t, "the new film", string(film))
		m.Settle()
		v, err = open(ctx, m, token, few())
		require.NoError(t, err)
	}
}

// Repair takes nothing from who writes: a stream that is damaged is left when another is
// about to take its place.
func TestRepairedWhileWritten(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, record(ctx, c, "film", []byte("the old film"), 100))
	m.Settle()
	for name := range m.Files() {
		if strings.HasSuffix(name, "+file") {
			damageFile(t, m, name)
		}
	}
	_, err := readStream(ctx, c, "film")
	require.Error(t, err)
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write([]byte("the new film"))
	require.NoError(t, err)
	_, err = c.Repair(ctx)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	m.Settle()
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	film, err := readStream(ctx, settingsOf(t, v), "film")
	require.NoError(t, err)
	assert.Equal(t, "the new film", string(film))
}
