// Command quickstart is a temperature sensor that lives its first day: it is
// checked against its risk assessment, provisioned, taken into service, guarded,
// warned, asked to forget somebody, and loses power while it writes.
//
//	go run ./examples/quickstart                        # the whole day
//	go run ./examples/quickstart -assessment yours.json # what would yours need?
//
// compose.go is what a vendor writes, declare.go what he declares.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/risk"
)

//go:embed assessment.json
var builtinAssessment string

//go:embed settings.json
var builtinSettings string

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(context.Background(), o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

type options struct {
	assessment string // file with a risk assessment; "": the sensor's own
	settings   string // file with the settings that the owner applies; "": the sensor's own
	dir        string // empty directory for the device's state; "": a temporary one
	write      string // used by the program itself: write to the device in this directory
}

const usage = "usage: quickstart [-assessment FILE] [-settings FILE] [-dir DIRECTORY]"

// parse does without package flag, which would be a fiftieth of a small device.
func parse(args []string) (o options, err error) {
	names := map[string]*string{
		"-assessment": &o.assessment, "-settings": &o.settings, "-dir": &o.dir, "-write-until-killed": &o.write,
	}
	for ; len(args) >= 2 && names[args[0]] != nil; args = args[2:] {
		*names[args[0]] = args[1]
	}
	if len(args) > 0 {
		return o, errors.New(usage)
	}
	return o, nil
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.write != "" {
		return writeUntilKilled(ctx, o.write, out)
	}
	text, err := input(o.assessment, builtinAssessment)
	if err != nil {
		return err
	}
	assessment, err := risk.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", o.assessment, err)
	}
	document, err := input(o.settings, builtinSettings)
	if err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "quickstart"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	d := &day{ctx: ctx, out: out, assessment: assessment, document: document, path: o.dir}
	return d.live()
}

// input reads a file, or gives what is built in when none is named.
func input(file, builtin string) ([]byte, error) {
	if file == "" {
		return []byte(builtin), nil
	}
	return os.ReadFile(file)
}

// check composes for the assessment and says what is missing. It derives the
// statement each time, to show how: a device in the field gets the approved one with
// its program (risk.ParseStatement), so that a composition which is another one is
// noticed as drift.
func check(a *risk.Assessment, parts baseline.Parts, opts *baseline.Options) (*baseline.Device, *risk.Statement, error) {
	statement := risk.Derive(a, parts.Features(), nil)
	device, err := baseline.New(parts, statement, opts)
	return device, statement, err
}
