// Command check runs the gates of this module, one step after the other, and
// names the step that fails. Makefile calls it; .ci/run calls "make check".
//
//	go run ./internal/check            all steps
//	go run ./internal/check vet qemu   these steps
//	go run ./internal/check -list      the steps and what they show
//
// It writes nothing but what the go command builds, below build/.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

// A step is one gate.
type step struct {
	name, shows string
	run         func(context.Context) error
}

// steps are all gates in the order of make check: quick and telling ones first.
var steps = []step{
	{"tools", "foreign programs that the tests need are there, or installed by apt-get", tools},
	{"gofmt", "all files are formatted", gofmt},
	{"vet", "go vet is silent", vet},
	{"law", "imports, only durable writes, api/, docs, shape", laws},
	{"staticcheck", "staticcheck is silent", staticcheck},
	{"vuln", "no known vulnerability is reached", vuln},
	{"cross", "builds for amd64 arm64 arm mipsle riscv64 without cgo", cross},
	{"deps", "package baseline reaches no capability and no net/http", deps},
	{"footprint", "quickstart and gateway, stripped, for arm", footprint},
	{"test", "all tests, race detector, shuffled, with coverage", test},
	{"exhaustive", "every byte flipped, forged journals, kills, whole lives", exhausted},
	{"outoftree", "a vendor's own module passes the kits", outoftree},
	{"examples", "the examples run", examples},
	{"faults", "what is broken in the gateway ends its life at the step that shows it", gatewayFaults},
	{"powercut", "every power cut is survived, and every broken medium is noticed", powercuts},
	{"qemu", "durable, access, protect, config on arm and mipsle", qemu},
	{"fuzz", "a few seconds of each fuzz target", fuzz},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) error {
	if slices.Equal(names, []string{"-list"}) {
		for _, s := range steps {
			fmt.Printf("%-12s %s\n", s.name, s.shows)
		}
		return nil
	}
	wanted, err := choose(names)
	if err != nil {
		return err
	}
	// Devices have no cgo; and one setting for all steps means one compilation.
	if err := os.Setenv("CGO_ENABLED", "0"); err != nil {
		return err
	}
	start := time.Now()
	for _, s := range wanted {
		fmt.Printf("=== %s: %s\n", s.name, s.shows)
		begun := time.Now()
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("step %s failed after %s: %w", s.name, since(begun), err)
		}
		fmt.Printf("=== %s: ok, %s\n\n", s.name, since(begun))
	}
	fmt.Printf("check: %d steps ok, %s\n", len(wanted), since(start))
	return nil
}

func choose(names []string) ([]step, error) {
	if len(names) == 0 {
		return steps, nil
	}
	var wanted []step
	for _, name := range names {
		i := slices.IndexFunc(steps, func(s step) bool { return s.name == name })
		if i < 0 {
			return nil, errors.New("no step " + name + "; -list shows them")
		}
		wanted = append(wanted, steps[i])
	}
	return wanted, nil
}

func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }
