package abslot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// errSync says that the system may have dropped what was written.
var errSync = errors.New("a sync failed before: prepare again, from what was synced before that")

// sink is the slot that is being written.
type sink struct {
	in     *Installer
	f      durable.File
	name   string // of the file
	size   int64
	failed bool // a Sync: a later one that succeeds would say nothing of what was written before
	closed bool
}

// Prepare implements [update.Installer]. While the running slot is on trial it gives an
// error that is [update.ErrBusy]: the other slot is the only one that is good. A size
// that does not fit into a device is [durable.ErrFull]; a size or resume that
// cannot be [io/fs.ErrInvalid].
func (in *Installer) Prepare(ctx context.Context, _ update.Component, size, resume int64) (update.Sink, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open = nil
	s, err := in.prepare(ctx, size, resume)
	if err != nil {
		return nil, fmt.Errorf("abslot: prepare: %w", err)
	}
	in.open = s
	return s, nil
}

func (in *Installer) prepare(ctx context.Context, size, resume int64) (*sink, error) {
	if size < 1 || size > update.MaxImage || resume < 0 || resume > size {
		return nil, fmt.Errorf("%d bytes from %d on: %w", size, resume, fs.ErrInvalid)
	}
	p, err := in.places(ctx)
	if err != nil {
		return nil, err
	}
	if !p.running.Good {
		return nil, fmt.Errorf("slot %s is on trial, and %s the way back: %w", p.running.Name, p.other.Name, update.ErrBusy)
	}
	if err := in.boot.SetBad(ctx, p.other.Name); err != nil {
		return nil, err
	}
	f, err := in.file(p.file, size)
	if err != nil {
		return nil, fmt.Errorf("slot %s: %w", p.other.Name, err)
	}
	return &sink{in: in, f: f, name: p.file, size: size}, nil
}

// file opens the slot with room for size bytes.
func (in *Installer) file(name string, size int64) (durable.File, error) {
	f, err := in.fsys.Open(name, durable.ReadWrite)
	if errors.Is(err, fs.ErrNotExist) && !in.devices {
		f, err = in.fsys.Open(name, durable.Create)
	}
	if err != nil {
		return nil, err
	}
	if in.devices {
		err = fits(f, size)
	} else {
		// The name may have been made by an attempt that came no further.
		err = errors.Join(f.Truncate(size), in.syncName(name))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// fits reads the last byte that will be written.
func fits(f durable.File, size int64) error {
	n, err := f.ReadAt(make([]byte, 1), size-1)
	switch {
	case n == 1:
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("shorter than %d bytes: %w", size, durable.ErrFull)
	}
	return err
}

func (in *Installer) syncName(name string) error {
	dir, err := in.fsys.Open(path.Dir(name), durable.ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ready says why the sink cannot be used. It is called under the lock.
func (s *sink) ready() error {
	switch {
	case s.closed || s.in.open != s:
		return fs.ErrClosed
	case s.failed:
		return errSync
	}
	return nil
}

// WriteAt implements [io.WriterAt].
func (s *sink) WriteAt(p []byte, off int64) (int, error) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	err := s.ready()
	if err == nil && (off < 0 || off > s.size || int64(len(p)) > s.size-off) {
		err = fmt.Errorf("%d bytes at %d, the image has %d: %w", len(p), off, s.size, fs.ErrInvalid)
	}
	n := 0
	if err == nil && len(p) > 0 {
		n, err = s.f.WriteAt(p, off)
	}
	if err != nil {
		return n, fmt.Errorf("abslot: write: %w", err)
	}
	return n, nil
}

// Sync implements [update.Sink].
func (s *sink) Sync(ctx context.Context) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	err := errors.Join(ctx.Err(), s.ready())
	if err == nil {
		err = s.f.Sync()
		s.failed = err != nil
	}
	if err != nil {
		return fmt.Errorf("abslot: sync: %w", err)
	}
	return nil
}

// Close implements [update.Sink]; a second one gives nil.
func (s *sink) Close() error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.in.open == s {
		s.in.open = nil
	}
	return s.f.Close()
}
