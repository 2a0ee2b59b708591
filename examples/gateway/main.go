// Command gateway is a whole device built from this module: a gateway that controls a
// few simulated sensors, from the factory to its second owner.
//
//	go run ./examples/gateway             the whole life, one numbered line a step
//	go run ./examples/gateway -step       the same, with a key between steps
//	go run ./examples/gateway -tpm PATH   the same, with the keys in a TPM 2.0 (/dev/tpmrm0, or the socket of swtpm)
//	go run ./examples/gateway -serve      a device that goes on running, with a status page
//	go run ./examples/gateway -break list what can be broken; -break NAME breaks it
//
// The program that you start is not the device. It plays the boot ROM, the power
// switch and the people: it starts the program that lies in the slot which the U-Boot
// environment names, and kills it with SIGKILL where a step says so. The device's
// program, in the files open.go, ops.go and run.go, is what a vendor writes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errRestart):
		os.Exit(exitRestart)
	case err != nil:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

type options struct {
	dir      string // of the hardware; "": a temporary one
	vendor   string // URL of the manufacturer's server; "": one that is started here
	bench    string // folder of the manufacturer's bench; "": in dir
	serve    bool
	verbose  bool
	pause    bool
	chip     string // of the device
	kills    int
	broken   string
	terminal bool
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	var o options
	var s start
	var make string
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.dir, "dir", "", "empty folder for the device and the papers (default: a temporary one)")
	f.StringVar(&o.vendor, "vendor", "", "`URL` of the manufacturer's server, https://host:port, that examples/vendor serves (default: one is started here)")
	f.StringVar(&o.chip, "tpm", "", "`PATH` of a TPM 2.0, /dev/tpmrm0 or the socket of swtpm (default: keys in software)")
	f.StringVar(&o.bench, "bench", "", "folder of that server's bench (default: bench in -dir)")
	f.BoolVar(&o.serve, "serve", false, "keep running, with a status page over HTTPS")
	f.BoolVar(&o.verbose, "v", false, "show events")
	f.BoolVar(&o.pause, "step", false, "wait for the enter key between steps")
	f.StringVar(&o.broken, "break", "", "plant the fault `NAME`; list shows them")
	f.StringVar(&s.dir, "device", "", "be the device: used by the boot ROM")
	f.StringVar(&s.booted, "booted", "", "slot that the device was started from")
	f.StringVar(&s.vendor, "server", "", "host:port of the manufacturer's server")
	f.StringVar(&s.channel, "channel", channel, "channel of releases")
	f.IntVar(&o.kills, "kills", 0, "kill the device in each state of an update so often, and count what goes wrong")
	f.BoolVar(&s.quick, "quick", false, "short trials, for -kills")
	f.BoolVar(&s.page, "page", false, "serve the status page")
	f.StringVar(&make, "provision", "", "be the device in the factory")
	if err := f.Parse(args); err != nil || f.NArg() > 0 {
		return errors.Join(err, usage(f.Args()))
	}
	switch {
	case make != "":
		return atFactory(ctx, make, o.chip, out)
	case s.dir != "":
		s.broken, s.chip = o.broken, o.chip
		return deviceMain(ctx, s, in, out)
	case o.broken == "list":
		for _, f := range plantable {
			fmt.Fprintf(out, "%-20s %-56s shown at: %s\n", f.name, f.what, f.step)
		}
		return nil
	}
	return worldMain(ctx, o, out, errs)
}

func usage(rest []string) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("%q is not understood: see -help", rest)
}
