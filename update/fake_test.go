package update_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// environment is what the boot loader of a machine keeps: one variable, so that each
// change is one step.
type environment struct {
	Booted string          // by the last power-on
	Next   string          // to start
	Tries  int             // that Next has left, if it is not good
	Good   map[string]bool // confirmed
}

func other(slot string) string {
	if slot == "a" {
		return "b"
	}
	return "a"
}

// slots is an Installer of two files and a boot variable on a machine. Its steps are
// steps of the machine.
type slots struct {
	m    *powercut.Machine
	name string // of the component
}

func (s slots) load() (e environment) {
	if err := json.Unmarshal(s.m.Load("boot", s.name), &e); err != nil {
		panic(err)
	}
	return e
}

func (s slots) keep(e environment) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if bytes.Equal(text, s.m.Load("boot", s.name)) {
		return nil
	}
	return s.m.Store("boot", s.name, text)
}

func (s slots) file(slot string) string { return s.name + "-" + slot }

func (s slots) Inventory(context.Context) (update.Installed, error) {
	e := s.load()
	o := other(e.Booted)
	return update.Installed{
		Running: e.Booted, Other: o, Trial: !e.Good[e.Booted], Armed: e.Next == o, Good: e.Good[o], Tries: e.Tries,
	}, nil
}

func (s slots) Prepare(_ context.Context, _ update.Component, size, _ int64) (update.Sink, error) {
	e := s.load()
	o := other(e.Booted)
	e.Good[o] = false
	if e.Next == o {
		e.Next, e.Tries = e.Booted, 0
	}
	if err := s.keep(e); err != nil {
		return nil, err
	}
	f, err := s.m.FS().Open(s.file(o), durable.ReadWrite)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = s.m.FS().Open(s.file(o), durable.Create)
	}
	if err != nil {
		return nil, err
	}
	// A file that is there may have been made just before the power failed.
	if err := syncDir(s.m); err != nil {
		return nil, err
	}
	return &place{f, size}, nil
}

func syncDir(m *powercut.Machine) error {
	dir, err := m.FS().Open(".", durable.ReadOnly)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (s slots) Activate(_ context.Context, _ update.Component, tries int) error {
	e := s.load()
	e.Next, e.Tries = other(e.Booted), tries
	return s.keep(e)
}

func (s slots) Confirm(context.Context, update.Component) error {
	e := s.load()
	e.Good[e.Booted], e.Next, e.Tries = true, e.Booted, 0
	return s.keep(e)
}

func (s slots) Rollback(context.Context, update.Component) error {
	e := s.load()
	o := other(e.Booted)
	switch {
	case !e.Good[e.Booted] || e.Good[o]: // on trial, or confirmed with a place to go back to
		e.Good[e.Booted] = false
		e.Next, e.Tries = o, 0
	default:
		e.Good[o] = false
		e.Next, e.Tries = e.Booted, 0
	}
	return s.keep(e)
}

// place is a Sink.
type place struct {
	f    durable.File
	size int64
}

func (p *place) WriteAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > p.size {
		return 0, errors.New("beyond the size")
	}
	return p.f.WriteAt(b, off)
}
func (p *place) Sync(context.Context) error { return p.f.Sync() }
func (p *place) Close() error               { return p.f.Close() }
func (p *place) Readback(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(p.f, 0, p.size)), nil
}

// powerOn is the boot loader. It starts what is next if that is good or has tries
// left, and whole; and else the other place, which must be good and whole.
func powerOn(m *powercut.Machine, v *vendor) error {
	for _, name := range v.components() {
		if err := (slots{m, name}).powerOn(v); err != nil {
			return err
		}
	}
	return nil
}

func (s slots) powerOn(v *vendor) error {
	e := s.load()
	for !e.Good[e.Next] && e.Tries > 0 {
		e.Tries--
		if v.runs(s.image(e.Next)) {
			e.Booted = e.Next
			return s.keep(e)
		}
	}
	if !e.Good[e.Next] {
		e.Next = other(e.Next)
	}
	if !e.Good[e.Next] || !v.runs(s.image(e.Next)) {
		return fmt.Errorf("the device does not start: %+v", e)
	}
	e.Booted = e.Next
	return s.keep(e)
}

func (s slots) image(slot string) []byte { return s.m.Files()[s.file(slot)] }

// factory puts image into place a of a machine.
func (s slots) factory(image []byte) error {
	f, err := s.m.FS().Open(s.file("a"), durable.Create)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(image, 0); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(s.m), s.keep(environment{Booted: "a", Next: "a", Good: map[string]bool{"a": true}}))
}
