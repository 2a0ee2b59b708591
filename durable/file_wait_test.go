package durable_test

import (
	"context"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// blocking is a file system on which the sync of a file that is written takes its time.
type blocking struct {
	durable.FS
	begun, let chan struct{}
}

func (b blocking) Open(name string, flag durable.Flag) (durable.File, error) {
	f, err := b.FS.Open(name, flag)
	if err == nil && name == "film+file~" {
		f = blockingFile{f, b}
	}
	return f, err
}

type blockingFile struct {
	durable.File
	b blocking
}

func (f blockingFile) Sync() error {
	close(f.b.begun)
	<-f.b.let
	return f.File.Sync()
}

// A file that takes long to sync holds up no other change, and one that removes it neither.
func TestLongSyncHoldsUpNobody(t *testing.T) {
	for _, removed := range []bool{false, true} {
		ctx := t.Context()
		b := blocking{powercut.New().FS(), make(chan struct{}), make(chan struct{})}
		d, err := durable.OpenFS(b, nil)
		require.NoError(t, err)
		log, err := d.OpenLog(ctx, "log", nil)
		require.NoError(t, err)
		w, err := d.CreateFile(ctx, "film")
		require.NoError(t, err)
		_, err = io.WriteString(w, "long")
		require.NoError(t, err)
		done := make(chan error)
		go func() { done <- w.Commit(ctx) }()
		<-b.begun
		require.NoError(t, d.Put(ctx, "a", nil))
		_, err = log.Append(ctx, []byte("record"))
		require.NoError(t, err)
		require.NoError(t, log.Sync(ctx))
		if removed {
			require.NoError(t, d.RemoveFile(ctx, "film"))
		}
		h, err := d.Hold(ctx, "reset")
		require.NoError(t, err)
		close(b.let)
		err = <-done
		require.NoError(t, h.Release(ctx))
		if removed {
			require.Error(t, err)
			_, err = read(ctx, d, "film")
			require.ErrorIs(t, err, fs.ErrNotExist)
			continue
		}
		require.ErrorIs(t, err, durable.ErrHeld)
		require.NoError(t, w.Commit(ctx), "the hold is over")
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, w.Commit(ended), fs.ErrClosed, "it is over")
		got, err := read(ctx, d, "film")
		require.NoError(t, err)
		assert.Equal(t, "long", got)
	}
}
