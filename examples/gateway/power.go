package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
)

// Where the gateway's hardware keeps what. The state is the device's own; slots and
// environment are shared with the boot loader.
const (
	slotsDir = "slots" // files a and b: programs
	bootDir  = "boot"  // file env: two copies of the U-Boot environment
	stateDir = "state" // the device's directory
)

// environment is the place of the boot environment, as etc/fw_env.config tells the
// U-Boot tools.
func environment() uboot.Config {
	return uboot.Config{
		Primary: uboot.Location{File: "env"}, Redundant: uboot.Location{File: "env", Offset: envSize},
		Size: envSize,
	}
}

const envSize = 16 << 10

// hardware is the box: boot ROM, power switch, and the service port. It knows nothing
// of what runs on it, and remembers nothing: all it needs lies in dir.
type hardware struct {
	dir   string
	args  []string // of every start, such as a planted fault
	told  func(message)
	tells io.Writer // what the program prints besides
}

// session is the time between two losses of power.
type session struct {
	*port
	Slot string
	cmd  *exec.Cmd
	over chan struct{} // closed when the program has ended
	exit error         // how; after over
}

// exitRestart is the status with which a program asks for a restart of the machine.
const exitRestart = 3

// boot does what a machine does when the power comes on: it asks the boot
// environment for the slot, which takes one of its tries, and starts what is in it.
func (h *hardware) boot(ctx context.Context, switches ...string) (*session, error) {
	raw, err := durable.OpenRaw(filepath.Join(h.dir, bootDir), nil)
	if err != nil {
		return nil, err
	}
	slot, err := uboot.Choose(ctx, raw, environment())
	if err := errors.Join(err, raw.Close()); err != nil {
		return nil, err
	}
	return h.start(slot, switches)
}

// start runs the program in slot, with switches on the box set.
func (h *hardware) start(slot string, switches []string) (*session, error) {
	path, err := filepath.Abs(filepath.Join(h.dir, slotsDir, slot))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, slices.Concat([]string{"-device", h.dir, "-booted", slot}, h.args, switches)...)
	cmd.Stderr = h.tells
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("slot %s does not start: %w", slot, err)
	}
	s := &session{port: newPort(in, h.told), Slot: slot, cmd: cmd, over: make(chan struct{})}
	go func() {
		s.listen(out) // until the program has closed it
		s.exit = cmd.Wait()
		close(s.over)
	}()
	return s, nil
}

// cut takes the power away: SIGKILL, at once.
func (s *session) cut() error {
	err := s.cmd.Process.Kill()
	<-s.over
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

// killed reports whether the power was cut, and not the program's own end.
func (s *session) killed() bool {
	<-s.over
	status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// restarts waits for the end of the program and reports whether it asked for a
// restart of the machine.
func (s *session) restarts() bool {
	<-s.over
	return s.cmd.ProcessState.ExitCode() == exitRestart
}
