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
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/risk"
)

//go:embed assessment.json
var builtinAssessment []byte

//go:embed settings.json
var builtinSettings []byte

func main() {
	var o options
	flag.StringVar(&o.assessment, "assessment", "", "`file` with a risk assessment; default: the sensor's own")
	flag.StringVar(&o.settings, "settings", "", "`file` with the settings that the owner applies; default: the sensor's own")
	flag.StringVar(&o.dir, "dir", "", "empty `directory` for the device's state; default: a temporary one")
	flag.StringVar(&o.write, "write-until-killed", "", "used by the program itself: write to the device in `directory`")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

type options struct {
	assessment, settings, dir, write string
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
func input(file string, builtin []byte) ([]byte, error) {
	if file == "" {
		return builtin, nil
	}
	return os.ReadFile(file)
}

// check composes for the assessment and says what is missing.
func check(a *risk.Assessment, parts baseline.Parts) (*baseline.Device, *risk.Statement, error) {
	statement := risk.Derive(a, parts.Features(), nil)
	device, err := baseline.New(parts, statement, nil)
	return device, statement, err
}
