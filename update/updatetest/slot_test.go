package updatetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// slotFlaw changes what an installer does; nil is what abslot does.
type slotFlaw struct {
	boot      bootFlaw
	inventory func(f *fakeSlots, ctx context.Context) (update.Installed, error)
	prepare   func(f *fakeSlots, ctx context.Context, size, resume int64) (update.Sink, error)
	activate  func(f *fakeSlots, ctx context.Context, tries int) error
	confirm   func(f *fakeSlots, ctx context.Context) error
	rollback  func(f *fakeSlots, ctx context.Context) error
}

// fakeSlots is an installer with a flaw.
type fakeSlots struct {
	*abslot.Installer
	boot *fakeBoot
	flaw slotFlaw
}

func (f *fakeSlots) Inventory(ctx context.Context) (update.Installed, error) {
	if f.flaw.inventory != nil {
		return f.flaw.inventory(f, ctx)
	}
	return f.Installer.Inventory(ctx)
}

func (f *fakeSlots) Prepare(ctx context.Context, c update.Component, size, resume int64) (update.Sink, error) {
	if f.flaw.prepare != nil {
		return f.flaw.prepare(f, ctx, size, resume)
	}
	return f.Installer.Prepare(ctx, c, size, resume)
}

func (f *fakeSlots) Activate(ctx context.Context, c update.Component, tries int) error {
	if f.flaw.activate != nil {
		return f.flaw.activate(f, ctx, tries)
	}
	return f.Installer.Activate(ctx, c, tries)
}

func (f *fakeSlots) Confirm(ctx context.Context, c update.Component) error {
	if f.flaw.confirm != nil {
		return f.flaw.confirm(f, ctx)
	}
	return f.Installer.Confirm(ctx, c)
}

func (f *fakeSlots) Rollback(ctx context.Context, c update.Component) error {
	if f.flaw.rollback != nil {
		return f.flaw.rollback(f, ctx)
	}
	return f.Installer.Rollback(ctx, c)
}

func file(place string) string { return "slot-" + place }

func other(place string) string {
	if place == "a" {
		return "b"
	}
	return "a"
}

func onBoot(t testing.TB, boot *fakeBoot, flaw slotFlaw) *fakeSlots {
	in, err := abslot.New(boot.m.FS(), boot, [2]abslot.Slot{{Name: "a", File: file("a")}, {Name: "b", File: file("b")}}, nil)
	require.NoError(t, err)
	return &fakeSlots{in, boot, flaw}
}

func newSlots(t testing.TB, flaw slotFlaw) *fakeSlots {
	boot := newBoot(t, flaw.boot)
	f, err := boot.m.FS().Open(file("a"), durable.Create)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("the image of the factory"), 0)
	require.NoError(t, errors.Join(err, f.Sync(), f.Close()))
	dir, err := boot.m.FS().Open(".", durable.ReadOnly)
	require.NoError(t, err)
	require.NoError(t, errors.Join(dir.Sync(), dir.Close()))
	return onBoot(t, boot, flaw)
}

func content(t testing.TB, m *powercut.Machine, place string) []byte {
	f, err := m.FS().Open(file(place), durable.ReadOnly)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	require.NoError(t, errors.Join(err, f.Close()))
	return got
}

// patch writes to a place behind the back of the installer.
func patch(m *powercut.Machine, place string, p []byte, off int64) error {
	f, err := m.FS().Open(file(place), durable.ReadWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(p, off)
	return errors.Join(err, f.Sync(), f.Close())
}

func slotHarness(flaw slotFlaw) InstallerHarness {
	machine := func(in update.Installer) *powercut.Machine { return in.(*fakeSlots).boot.m }
	restart := func(t testing.TB, in update.Installer) update.Installer {
		return onBoot(t, startBoot(t, machine(in), flaw.boot), flaw)
	}
	return InstallerHarness{
		Open:    func(t testing.TB) update.Installer { return newSlots(t, flaw) },
		Restart: restart,
		Interrupt: func(t testing.TB, in update.Installer, n int, act func()) (update.Installer, bool) {
			m := machine(in)
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return restart(t, in), cut
		},
		Content: func(t testing.TB, in update.Installer, place string) []byte { return content(t, machine(in), place) },
		Flip: func(t testing.TB, in update.Installer, place string, offset int64) {
			require.NoError(t, patch(machine(in), place, []byte{^content(t, machine(in), place)[offset]}, offset))
		},
		Component: update.Component{Name: "system", Version: "1.1"},
	}
}

func TestBrokenInstallers(t *testing.T) {
	broken := map[string]InstallerHarness{}
	for name, flaw := range slotFlaws(t) {
		broken[name] = slotHarness(flaw)
	}
	catch(t, InstallerRules(), slotHarness(slotFlaw{}), broken)
}

// fakeSink is a sink with a flaw.
type fakeSink struct {
	update.Sink
	write    func(s update.Sink, p []byte, off int64) (int, error)
	sync     func(update.Sink, context.Context) error
	readback func(update.Sink, context.Context) (io.ReadCloser, error)
	close    func() error
}

func (s fakeSink) WriteAt(p []byte, off int64) (int, error) {
	if s.write != nil {
		return s.write(s.Sink, p, off)
	}
	return s.Sink.WriteAt(p, off)
}

func (s fakeSink) Sync(ctx context.Context) error {
	if s.sync != nil {
		return s.sync(s.Sink, ctx)
	}
	return s.Sink.Sync(ctx)
}

func (s fakeSink) Readback(ctx context.Context) (io.ReadCloser, error) {
	if s.readback != nil {
		return s.readback(s.Sink, ctx)
	}
	return s.Sink.Readback(ctx)
}

func (s fakeSink) Close() error {
	if s.close != nil {
		return s.close()
	}
	return s.Sink.Close()
}

// with gives the sinks of abslot a flaw.
func with(flaw func(f *fakeSlots) fakeSink) slotFlaw {
	return slotFlaw{prepare: func(f *fakeSlots, ctx context.Context, size, resume int64) (update.Sink, error) {
		sink, err := f.Installer.Prepare(ctx, update.Component{}, size, resume)
		if err != nil {
			return nil, err
		}
		s := flaw(f)
		s.Sink = sink
		return s, nil
	}}
}

// inMemory remembers what was written.
func inMemory(*fakeSlots) fakeSink {
	var memory []byte
	return fakeSink{
		write: func(s update.Sink, p []byte, off int64) (int, error) {
			n, err := s.WriteAt(p, off)
			memory = append(memory[:min(int(off), len(memory))], p[:n]...)
			return n, err
		},
		readback: func(update.Sink, context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(memory)), nil
		},
	}
}
