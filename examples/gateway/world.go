package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/examples/bench"
)

// worldMain is everything but the device.
func worldMain(ctx context.Context, o options, out, errs io.Writer) (err error) {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "gateway")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		o.dir = dir
	}
	if _, err := plant(o.broken); err != nil {
		return err
	}
	l := &life{options: o, ctx: ctx, out: out, wake: make(chan struct{}, 1)}
	l.terminal = isTerminal(out)
	server, err := l.world(errs)
	if err != nil {
		return err
	}
	defer func() {
		if l.now != nil {
			err = errors.Join(err, l.now.cut())
		}
		err = errors.Join(err, server.Close())
	}()
	if o.serve {
		return l.show()
	}
	if o.kills > 0 {
		return l.killMain(o.kills)
	}
	err = l.live()
	failed := 0
	if err != nil {
		failed = 1
	}
	fmt.Fprintf(out, "\ngateway: %d steps, %d failed\n", l.steps, failed)
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&fs.ModeCharDevice != 0
}

// world makes the folders, the manufacturer and the hardware.
func (l *life) world(errs io.Writer) (io.Closer, error) {
	raw, err := durable.OpenRaw(l.dir, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{slotsDir, bootDir, deskDir, benchDir} {
		if err := raw.Mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if err := raw.Close(); err != nil {
		return nil, err
	}
	l.desk = &desk{dir: l.dir}
	if l.desk.raw, err = durable.OpenRaw(filepath.Join(l.dir, deskDir), nil); err != nil {
		return nil, err
	}
	if l.desk.built, err = openProgram(); err != nil {
		return nil, err
	}
	address, server, err := l.manufacturer()
	if err != nil {
		return nil, err
	}
	l.server = address
	l.box = &hardware{dir: l.dir, told: l.told, tells: errs, args: []string{"-server", address, "-tpm", l.chip}}
	if l.broken != "" {
		l.box.args = append(l.box.args, "-break", l.broken)
	}
	_, _, key, err := l.desk.bench.Anchors()
	if err != nil {
		return nil, err
	}
	return server, l.desk.save("settings.asc", key) // for gpg
}

// manufacturer opens the bench, and serves it unless somebody else does.
func (l *life) manufacturer() (address string, server io.Closer, err error) {
	if l.bench == "" {
		l.bench = filepath.Join(l.dir, benchDir)
	}
	l.desk.folder = l.bench
	if l.vendor != "" {
		u, err := url.Parse(l.vendor)
		if err != nil || u.Scheme != "https" || u.Port() == "" {
			return "", nil, fmt.Errorf("-vendor %s: want https://host:port", l.vendor)
		}
		l.desk.bench, err = bench.Open(l.ctx, l.bench, u.Host)
		return u.Host, io.NopCloser(nil), err
	}
	if l.desk.bench, err = bench.Open(l.ctx, l.bench, "127.0.0.1:0"); err != nil {
		return "", nil, err
	}
	s, err := l.desk.bench.Serve(l.ctx, "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return s.Addr, s, nil
}

// component is the name of the one image of a release.
const component = "system"

// factory writes what a new box has: a program in slot a, and the boot environment.
func (l *life) factory() error {
	r, err := l.desk.image(image{Version: "1.0", Number: 10, Healthy: true})
	if err != nil {
		return err
	}
	slots, err := durable.OpenRaw(filepath.Join(l.dir, slotsDir), &durable.RawOptions{Executable: true})
	if err != nil {
		return err
	}
	if err := errors.Join(fill(slots, "a", r), slots.Close()); err != nil {
		return err
	}
	boot, err := durable.OpenRaw(filepath.Join(l.dir, bootDir), nil)
	if err != nil {
		return err
	}
	return errors.Join(uboot.Create(l.ctx, boot, environment(), "a", nil), boot.Close())
}

// fill writes a file in pieces.
func fill(fsys durable.FS, name string, r io.Reader) error {
	f, err := fsys.Open(name, durable.Create)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(f, 0), r)
	return errors.Join(err, f.Sync(), f.Close())
}

// atFactory runs the program in slot a for the first time.
func (l *life) atFactory(m *made) error {
	path, err := filepath.Abs(filepath.Join(l.dir, slotsDir, "a"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(l.ctx, path, "-provision", l.dir, "-tpm", l.chip)
	cmd.Stderr = l.box.tells
	text, err := cmd.Output()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, m)
}

// later asks, and gives the answer when it comes.
func (l *life) later(user, secret, op string, args any) <-chan error {
	answer, now := make(chan error, 1), l.now
	go func() { answer <- now.ask(request{User: user, Secret: secret, Op: op}, args, nil) }()
	return answer
}

// last is the newest progress.
func (l *life) last() message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

// flip changes one byte of a file, behind the device's back.
func (h *hardware) flip(path string, at int64) error {
	raw, err := durable.OpenRaw(filepath.Dir(path), nil)
	if err != nil {
		return err
	}
	defer raw.Close()
	f, err := raw.Open(filepath.Base(path), durable.ReadWrite)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	if _, err = f.ReadAt(b, at); err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b, at)
	}
	return errors.Join(err, f.Sync(), f.Close())
}
