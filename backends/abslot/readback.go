package abslot

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/iot-device-baseline/baseline/durable"
)

// Readback implements [update.Sink]. What was synced comes from the medium; what was
// not, from where the system keeps it.
func (s *sink) Readback(ctx context.Context) (io.ReadCloser, error) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	err := errors.Join(ctx.Err(), s.ready())
	if err != nil {
		return nil, fmt.Errorf("abslot: read back: %w", err)
	}
	f, err := s.in.fsys.Open(s.name, durable.ReadOnly)
	if err != nil {
		return nil, fmt.Errorf("abslot: read back: %w", err)
	}
	if err := durable.DropCache(f); err != nil {
		return nil, fmt.Errorf("abslot: read back: %w", errors.Join(err, f.Close()))
	}
	return &readback{ctx: ctx, f: f, left: s.size}, nil
}

// readback reads a slot from its beginning.
type readback struct {
	ctx  context.Context //nolint:containedctx // of the call that reads back; io.Reader has none
	f    durable.File
	at   int64
	left int64
}

// Read gives [io.ErrUnexpectedEOF] where the medium ends before the image.
func (r *readback) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.left)], r.at)
	r.at, r.left = r.at+int64(n), r.left-int64(n)
	switch {
	case n > 0:
		return n, nil // an error comes again
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		err = fmt.Errorf("abslot: read back: %w", err)
	}
	return 0, err
}

// Close ends reading.
func (r *readback) Close() error { return r.f.Close() }
