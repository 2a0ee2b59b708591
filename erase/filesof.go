package erase

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
)

// subjectFiles is the store of one subject's values, until they are erased.
type subjectFiles struct {
	durable.Store
	files *Files
	gone  *bool // under files.mu
}

var (
	_ durable.Logs      = (*subjectFiles)(nil)
	_ durable.Reserver  = (*subjectFiles)(nil)
	_ durable.Formatter = (*subjectFiles)(nil)
)

// write runs fn, which may make something, unless the subject was erased.
func (s *subjectFiles) write(fn func() error) error {
	s.files.mu.RLock()
	defer s.files.mu.RUnlock()
	if *s.gone {
		return fmt.Errorf("erase: files: %w", ErrErased)
	}
	return fn()
}

// Put implements [durable.Store].
func (s *subjectFiles) Put(ctx context.Context, name string, value []byte) error {
	return s.write(func() error { return s.Store.Put(ctx, name, value) })
}

// OpenLog implements [durable.Logs].
func (s *subjectFiles) OpenLog(ctx context.Context, name string, opts *durable.LogOptions) (log *durable.Log, err error) {
	err = s.write(func() error {
		log, err = durable.OpenLog(ctx, s.Store, name, opts)
		return err
	})
	return log, err
}

// Reserve implements [durable.Reserver].
func (s *subjectFiles) Reserve(ctx context.Context, name string, size int) error {
	return s.write(func() error { return durable.Reserve(ctx, s.Store, name, size) })
}

// Format implements [durable.Formatter].
func (s *subjectFiles) Format() int { return durable.FormatOf(s.Store) }
