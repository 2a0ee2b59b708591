// Command foreign is a device whose updater is somebody else's: an external program
// in the place of baseline.Updater, joined by updater.go in 60 lines.
//
//	go run ./examples/foreign
//
// It needs a POSIX shell, openssl, and the usual file commands (sync, mktemp).
//
//   - updater.sh is the external program, with two slots and signed releases.
//   - vendor.sh plays the vendor, who builds releases, and somebody who forges one.
//   - device.go composes the device; story.go tells its life in steps.
//
// What the updater claims of 27402 5.2.7 is what updater.sh does: the statement of
// applicability is checked against it like against any part of this module.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

//go:embed updater.sh
var updaterScript string

//go:embed vendor.sh
var vendorScript string

//go:embed assessment.json
var assessmentJSON []byte

func main() {
	dir := flag.String("dir", "", "empty `directory` for the device and the vendor's bench; default: a temporary one")
	flag.Parse()
	if err := run(context.Background(), *dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "foreign:", err)
		os.Exit(1)
	}
}

// run tells the story in dir. Only package durable writes to a medium, so that a
// temporary directory is made, and removed, by other programs.
func run(ctx context.Context, dir string, out io.Writer) (err error) {
	if dir == "" {
		made, err := exec.CommandContext(ctx, "mktemp", "-d").Output()
		if err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		dir = strings.TrimSuffix(string(made), "\n")
		defer func() { err = errors.Join(err, exec.Command("rm", "-rf", "--", dir).Run()) }()
	}
	s, err := begin(ctx, dir, out)
	if err != nil {
		return err
	}
	return errors.Join(s.live(), s.device.close())
}
