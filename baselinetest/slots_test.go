package baselinetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/update"
)

// slots is an installer of two files and a boot record beside them.
type slots struct{ path string }

// boot is what the boot loader keeps.
type boot struct {
	Booted, Try string // Try is the next to start, while there are Tries
	Tries       int
	Good        map[string]bool
}

func (b boot) next() string {
	if b.Try != "" && b.Tries > 0 {
		return b.Try
	}
	return b.good()
}

func (b boot) good() string {
	if b.Good[b.Booted] {
		return b.Booted
	}
	return other(b.Booted)
}

func other(slot string) string { return map[string]string{"a": "b", "b": "a"}[slot] }

func (s *slots) file(slot string) string { return filepath.Join(s.path, slot) }

func (s *slots) load() (b boot, err error) {
	data, err := os.ReadFile(s.file("boot"))
	if err == nil {
		err = json.Unmarshal(data, &b)
	}
	return b, err
}

func (s *slots) keep(b boot) error {
	data, err := json.Marshal(b)
	if err == nil {
		err = os.WriteFile(s.file("new"), data, 0o600)
	}
	if err == nil {
		err = os.Rename(s.file("new"), s.file("boot"))
	}
	return err
}

func (s *slots) change(f func(b *boot)) error {
	b, err := s.load()
	if err != nil {
		return err
	}
	f(&b)
	return s.keep(b)
}

// factory puts an image into slot a.
func (s *slots) factory(image []byte) error {
	return errors.Join(os.MkdirAll(s.path, 0o700), os.WriteFile(s.file("a"), image, 0o600),
		s.keep(boot{Booted: "a", Good: map[string]bool{"a": true}}))
}

// powerOn is the boot loader: it returns the image that it starts.
func (s *slots) powerOn(v *vendor) ([]byte, error) {
	b, err := s.load()
	if err != nil {
		return nil, err
	}
	next := b.next()
	if next == b.Try {
		b.Tries--
	}
	image, err := os.ReadFile(s.file(next))
	if _, runs := v.known[string(image)]; err != nil || !runs {
		return nil, errors.Join(errors.New("what is in the slot does not run"), err)
	}
	b.Booted = next
	return image, s.keep(b)
}

func (s *slots) Inventory(context.Context) (update.Installed, error) {
	b, err := s.load()
	o := other(b.Booted)
	return update.Installed{
		Running: b.Booted, Other: o, Trial: !b.Good[b.Booted], Armed: b.Try == o && b.Tries > 0, Good: b.Good[o], Tries: b.Tries,
	}, err
}

func (s *slots) Prepare(_ context.Context, _ update.Component, size, resume int64) (update.Sink, error) {
	b, err := s.load()
	if err != nil {
		return nil, err
	}
	o := other(b.Booted)
	b.Try, b.Tries, b.Good[o] = "", 0, false
	if err := s.keep(b); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.file(o), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil && resume == 0 {
		err = f.Truncate(0)
	}
	return sink{f, size}, err
}

func (s *slots) Activate(_ context.Context, _ update.Component, tries int) error {
	return s.change(func(b *boot) { b.Try, b.Tries = other(b.Booted), tries })
}

func (s *slots) Confirm(context.Context, update.Component) error {
	return s.change(func(b *boot) { b.Good[b.Booted], b.Try, b.Tries = true, "", 0 })
}

func (s *slots) Rollback(context.Context, update.Component) error {
	return s.change(func(b *boot) {
		if !b.Good[b.Booted] {
			b.Booted = other(b.Booted)
		}
		b.Try, b.Tries, b.Good[other(b.Booted)] = "", 0, false
	})
}

// sink is a file that is being written.
type sink struct {
	*os.File
	size int64
}

func (s sink) Sync(context.Context) error { return s.File.Sync() }
func (s sink) Readback(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.File, 0, s.size)), nil
}
