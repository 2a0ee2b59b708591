package update

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

const (
	maxBuffer = 256 << 10        // the memory that an image takes while it is written or read back
	keepEvery = 30 * time.Second // what a slow source brought is kept, too
)

var (
	errRange   = errors.New("source begins behind what was asked for")
	errShort   = errors.New("source ended early")
	errStalled = errors.New("source is too slow")
)

// writer streams one image into a place: from offset on, with one buffer.
type writer struct {
	u       *Updater
	release *Release
	name    string // of the component
	target  Target
	sink    Sink
	buf     []byte
	hash    hash.Hash // over the first offset bytes
	offset  int64     // written
	synced  int64     // durable and in the journal
	kept    time.Time // when it was last
	retried int64     // offset at which retries were last counted from 0
}

func newWriter(u *Updater, r *Release, name string, t Target, s Sink, resume int64) *writer {
	return &writer{
		u: u, release: r, name: name, target: t, sink: s, hash: sha256.New(), offset: resume, synced: resume, retried: resume,
		kept: time.Now(), buf: make([]byte, min(maxBuffer, t.Length)),
	}
}

// image writes the image and returns its digest, and whether a part of it was there
// before.
func (w *writer) image(ctx context.Context) (resumed bool, d Digest, err error) {
	defer w.sink.Close()
	resumed = w.offset > 0
	err = w.run(ctx)
	w.hash.Sum(d[:0])
	return resumed, d, err
}

// run writes until the image is complete and durable. A source that fails is asked
// again, a few times; a place that fails ends it at once.
func (w *writer) run(ctx context.Context) error {
	w.report()
	if err := w.rehash(ctx); err != nil {
		return err
	}
	for failures := 0; w.offset < w.target.Length; {
		err := w.attempt(ctx)
		if err == nil {
			break
		}
		var broken *mediumError
		if errors.As(err, &broken) || ctx.Err() != nil || errors.Is(err, ErrHeld) {
			return errors.Join(err, context.Cause(ctx))
		}
		if w.offset-w.retried >= int64(len(w.buf)) {
			failures, w.retried = 0, w.offset
		}
		w.u.count(func(s *Stats) { s.Retries++ })
		if failures++; failures > w.u.opts.Retries {
			return fmt.Errorf("at byte %d: %w", w.offset, sourceError(ctx, err))
		}
		asked := askedFor(err)
		if asked > w.u.opts.Stall { // longer than an installation waits: it is resumed then
			return fmt.Errorf("at byte %d: %w", w.offset, sourceError(ctx, err))
		}
		if err := pause(ctx, failures, asked); err != nil {
			return err
		}
	}
	return w.checkpoint(ctx)
}

// pause waits longer after each failure; jitter keeps devices that lost one server
// from coming back in step. It is never shorter than the source asked for.
func pause(ctx context.Context, failures int, asked time.Duration) error {
	d := min(time.Second<<min(failures-1, 6), time.Minute)
	timer := time.NewTimer(asked + d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rehash reads what is there already: what the journal says of it proves nothing.
// What cannot be read is written again.
func (w *writer) rehash(ctx context.Context) error {
	if w.offset == 0 {
		return nil
	}
	r, err := w.sink.Readback(ctx)
	if err == nil {
		_, err = io.CopyBuffer(w.hash, io.LimitReader(reader{ctx, r}, w.offset), w.buf)
		err = errors.Join(err, r.Close())
	}
	if err == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.hash.Reset()
	w.offset, w.synced, w.retried = 0, 0, 0
	return w.u.keep(ctx, w.u.current().next(statePreparing))
}

// attempt asks the source once and writes what it brings.
func (w *writer) attempt(ctx context.Context) error {
	limit, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(w.u.opts.Stall, func() { cancel(errStalled) })
	defer stall.Stop()
	r, at, err := w.u.parts.Source.Open(limit, w.target.Name, w.offset, w.target.Length-w.offset)
	if err != nil {
		return because(limit, err)
	}
	defer r.Close()
	in := reader{limit, r}
	if err := w.skip(in, at); err != nil {
		return because(limit, err)
	}
	for since := w.offset; w.offset < w.target.Length; {
		n, err := w.fill(in)
		if err := w.write(w.buf[:n]); err != nil {
			return err
		}
		if w.due() || err != nil && ctx.Err() == nil {
			if err := w.checkpoint(ctx); err != nil {
				return err
			}
		}
		if err != nil {
			return because(limit, err)
		}
		if w.offset-since >= int64(len(w.buf)) {
			since = w.offset
			stall.Reset(w.u.opts.Stall)
		}
	}
	return nil
}

func (w *writer) due() bool {
	return w.offset-w.synced >= w.u.opts.Checkpoint || time.Since(w.kept) >= keepEvery
}

// fill reads up to the end of the buffer, of the image, or to the next checkpoint.
func (w *writer) fill(r io.Reader) (n int, err error) {
	p := w.buf[:min(int64(len(w.buf)), w.target.Length-w.offset, max(1, w.u.opts.Checkpoint-(w.offset-w.synced)))]
	for n < len(p) && err == nil && (n == 0 || time.Since(w.kept) < keepEvery) {
		var k int
		k, err = r.Read(p[n:])
		n += k
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

// skip drops what a source without ranges brings before offset.
func (w *writer) skip(r io.Reader, at int64) error {
	if at < 0 || at > w.offset {
		return fmt.Errorf("at %d of %d: %w", at, w.offset, errRange)
	}
	for at < w.offset {
		n, err := r.Read(w.buf[:min(int64(len(w.buf)), w.offset-at)])
		if at += int64(n); err != nil && at < w.offset {
			return err
		}
	}
	return nil
}

func (w *writer) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := w.sink.WriteAt(p, w.offset); err != nil {
		return &mediumError{fmt.Errorf("write: %w", err)}
	}
	w.hash.Write(p)
	w.offset += int64(len(p))
	w.report()
	return nil
}

// checkpoint makes what was written durable, then says so in the journal: never the
// other way round.
func (w *writer) checkpoint(ctx context.Context) error {
	j := w.u.current()
	if w.offset == w.synced && j.State == stateWriting {
		return nil
	}
	if err := w.sink.Sync(ctx); err != nil {
		return &mediumError{fmt.Errorf("sync: %w", err)}
	}
	j.State, j.Offset = stateWriting, w.offset
	if err := w.u.keep(ctx, j); err != nil {
		return &mediumError{err}
	}
	w.synced, w.kept = w.offset, time.Now()
	if w.offset == w.target.Length {
		return nil
	}
	return w.u.gates(ctx, PhaseDownload, w.release)
}

func (w *writer) report() {
	w.u.setProgress(Progress{Component: w.name, Done: w.offset, Total: w.target.Length})
}

// mediumError is a failure of this device and not of the source.
type mediumError struct{ error }

func (e *mediumError) Unwrap() error { return e.error }

// because prefers why ctx ended to what that made of a read.
func because(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return cause
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errShort
	}
	return err
}

// sourceError is the failure of a source, which may be over the next time. What
// brings bytes is not trusted: only that it failed counts, and when it wants to be asked
// again; not what it says.
func sourceError(ctx context.Context, err error) error {
	err = because(ctx, err)
	if retry, ok := errors.AsType[*durable.RetryError](err); ok {
		return durable.RetryAfter(fmt.Errorf("%w: %v", ErrUnavailable, retry.Err), askedFor(err))
	}
	return fmt.Errorf("%w: %v", ErrUnavailable, err)
}
