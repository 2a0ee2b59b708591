package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

func (d *day) erase() error {
	d.step("5.2.4", "Bob's data is erased by destroying its key; Ann's stays")
	for _, who := range []string{"ann", "bob"} {
		c, err := d.vault.Subject(d.ctx, who)
		if err != nil {
			return err
		}
		if err := c.Put(d.ctx, "phone", []byte("+1 555 01 "+who)); err != nil {
			return err
		}
	}
	// Each place asks for itself, too.
	_, err := d.vault.Subjects().Erase(access.Detach(d.ctx), "bob")
	if err := d.refused(err, access.ErrDenied); err != nil {
		return err
	}
	method, err := d.everywhere().Erase(d.owner, "bob")
	if err != nil {
		return err
	}
	if _, err := d.users.Verify(d.ctx, "bob", password.New(bobsPassword), "service-port", ""); !errors.Is(err, password.ErrWrong) {
		return fmt.Errorf("%w: bob logs in: %v", errUnexpected, err)
	}
	ann, err := d.vault.Subject(d.ctx, "ann")
	if err != nil {
		return err
	}
	phone, err := ann.Get(d.ctx, "phone")
	if err != nil {
		return err
	}
	d.tellf("    bob: %s", method)
	d.tellf("    ann: %s", phone)
	return nil
}

// losePower lets a second process write to the device and kills it in the middle.
func (d *day) losePower() error {
	d.step("5.2.5.1.1", "The device is killed in the middle of writing")
	if err := d.close(); err != nil {
		return err
	}
	acknowledged, err := d.killWriter(100)
	if err != nil {
		return err
	}
	if d.sensor, err = open(d.ctx, d.path); err != nil {
		return fmt.Errorf("after the kill: %w", err)
	}
	found, err := lastReading(d.ctx, d.vault)
	if err != nil {
		return err
	}
	// The kill may have come after the write and before the answer.
	if found < acknowledged || found > acknowledged+1 {
		return fmt.Errorf("%w: acknowledged %d, found %d", errUnexpected, acknowledged, found)
	}
	d.tellf("    it opened again, with every acknowledged reading")
	now := d.view.Load()
	d.tellf("    settings as before: every %v, console time-out %v", now.Interval, now.Console.Timeout)
	return nil
}

// killWriter starts this program again to write readings, kills it when it has
// acknowledged some, and returns the last one it acknowledged.
func (d *day) killWriter(after int) (last int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	lines, output, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer lines.Close()
	writer, err := os.StartProcess(self, []string{self, "-write-until-killed", d.path}, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{nil, output, os.Stderr},
	})
	if err := errors.Join(err, output.Close()); err != nil {
		return 0, err
	}
	last, err = readUntil(lines, after, writer.Kill)
	state, waitErr := writer.Wait()
	if err := errors.Join(err, waitErr); err != nil {
		return 0, err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return 0, fmt.Errorf("%w: the writer was not killed: %v", errUnexpected, state)
	}
	return last, nil
}

// readUntil reads numbers, one a line, calls kill at one of them, and returns the
// last: the writer goes on until the signal arrives.
func readUntil(lines io.Reader, after int, kill func() error) (last int, err error) {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if last, err = strconv.Atoi(scanner.Text()); err != nil {
			return 0, errors.Join(err, kill())
		}
		if last == after {
			if err := kill(); err != nil {
				return 0, err
			}
		}
	}
	return last, scanner.Err()
}

// writeUntilKilled is the second process: it answers with a reading's number once
// the reading is kept.
func writeUntilKilled(ctx context.Context, path string, out io.Writer) (err error) {
	s, err := open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	readings, err := readings(ctx, s.vault)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if err := readings.Store(ctx, reading{n}); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, n); err != nil {
			return err
		}
	}
}

type reading struct {
	Number int `json:"number"`
}

func readings(ctx context.Context, v *protect.Vault) (*durable.Value[reading], error) {
	c, err := v.Compartment(ctx, protect.ClassApplication)
	if err != nil {
		return nil, err
	}
	return durable.NewValue[reading](c, "reading", nil), nil
}

func lastReading(ctx context.Context, v *protect.Vault) (int, error) {
	value, err := readings(ctx, v)
	if err != nil {
		return 0, err
	}
	r, err := value.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return r.Number, err
}

// display is the sensor's own part: what a person sees. It is served last, when
// everything it shows is ready.
type display struct{ on chan struct{} }

func (display) Features() []clause.Feature { return nil }

func (display) ServesIn(string) bool { return true }

func (d display) Serve(ctx context.Context) error {
	close(d.on)
	<-ctx.Done()
	return nil
}

// start runs the composed device until its display is on.
func (d *day) start() error {
	d.step("5.2.5.2.1", "The device starts; what people reach is started last")
	parts, screen := d.parts(), display{make(chan struct{})}
	parts.Extra = append(parts.Extra, screen)
	device, _, err := check(d.assessment, parts, &baseline.Options{Interlock: d.interlock})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- device.Run(ctx) }()
	select {
	case err := <-done:
		return fmt.Errorf("%w: it stopped: %v", errUnexpected, err)
	case <-screen.on:
	}
	state, _ := device.State()
	if err := device.Health(d.ctx); err != nil {
		return err
	}
	d.tellf("    %s, and well", state)
	cancel()
	if err := <-done; err != nil {
		return err
	}
	facts, err := d.vault.Describe(d.ctx)
	if err != nil {
		return err
	}
	for _, f := range facts {
		d.tellf("    %-16s %s", f.Name, f.Value)
	}
	return nil
}

func (d *day) stateApplicability() error {
	d.step("5.1.1.1.5", "Its statement of applicability, without evidence yet")
	_, statement, err := check(d.assessment, d.parts(), nil)
	if err != nil {
		return err
	}
	if err := statement.WriteText(d.out); err != nil {
		return err
	}
	d.tellf("\nquickstart: %d steps, 0 failed", d.steps)
	return nil
}
