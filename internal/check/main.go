// Command check runs the gates of this module and names the step that fails. Makefile
// calls it; .ci/run calls "make check".
//
//	go run ./internal/check            all steps, two at a time
//	go run ./internal/check vet qemu   these steps, and those that they need
//	go run ./internal/check -list      the steps and what they show
//	go run ./internal/check -fuzz 10s  each fuzz target for a time, with coverage
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
	// needs are the steps that come before: what they compile is not compiled twice.
	needs []string
	run   func(context.Context) error
}

// steps are all gates in the order in which they begin: quick and telling ones first,
// and of the long ones those that leave the processor idle.
var steps = []step{
	{"tools", "foreign programs that the tests need are there, or installed by apt-get", nil, tools},
	{"gofmt", "all files are formatted", nil, gofmt},
	{"deps", "package baseline reaches no capability and no net/http", nil, deps},
	{"vet", "go vet is silent", nil, vet},
	{"cross", "builds for amd64 arm64 arm mipsle riscv64 without cgo", nil, cross},
	{"law", "imports, only durable writes, api/, docs, shape", []string{"vet"}, laws},
	{"binaries", "all tests compile", []string{"vet"}, compile},
	{"exhaustive", "every byte flipped, forged journals, kills, whole lives", []string{"tools", "binaries"}, exhausted},
	{"staticcheck", "staticcheck is silent", []string{"vet"}, staticcheck},
	{"vuln", "no known vulnerability is reached", []string{"vet"}, vuln},
	{"footprint", "quickstart and gateway, stripped, for arm", []string{"cross"}, footprint},
	{"test", "all tests, race detector, shuffled, with coverage", []string{"tools"}, test},
	{"powercut", "every power cut is survived, and every broken medium is noticed", []string{"binaries"}, powercuts},
	{"qemu", "durable, access, protect, config on arm and mipsle", []string{"tools", "cross"}, qemu},
	{"outoftree", "a vendor's own module passes the kits", []string{"vet"}, outoftree},
	{"examples", "the examples run", []string{"vet"}, examples},
	{"faults", "what is broken in the gateway ends its life at the step that shows it", []string{"vet"}, gatewayFaults},
	{"fuzz", "the seeds and a thousand mutations for each fuzz target", []string{"binaries"}, fuzz},
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

// only begins the arguments with which check starts itself for one step.
const only = "-only"

func run(ctx context.Context, args []string) error {
	if slices.Equal(args, []string{"-list"}) {
		for _, s := range steps {
			fmt.Printf("%-12s %s\n", s.name, s.shows)
		}
		return nil
	}
	if len(args) == 2 && args[0] == "-fuzz" {
		return guided(ctx, args[1])
	}
	if len(args) == 2 && args[0] == only {
		s, err := named(args[1])
		if err != nil {
			return err
		}
		return s.run(ctx)
	}
	wanted, err := choose(args)
	if err != nil {
		return err
	}
	start, how := time.Now(), process
	if len(wanted) == 1 {
		how = here
	}
	if err := schedule(ctx, wanted, how); err != nil {
		return err
	}
	fmt.Printf("check: %d steps ok, %s\n", len(wanted), since(start))
	return nil
}

func named(name string) (step, error) {
	i := slices.IndexFunc(steps, func(s step) bool { return s.name == name })
	if i < 0 {
		return step{}, errors.New("no step " + name + "; -list shows them")
	}
	return steps[i], nil
}

// choose gives the steps of these names and those that they need, in order; no name
// is all.
func choose(names []string) ([]step, error) {
	if len(names) == 0 {
		return steps, nil
	}
	wanted := map[string]bool{}
	for len(names) > 0 {
		s, err := named(names[0])
		if err != nil {
			return nil, err
		}
		names = append(names[1:], s.needs...)
		wanted[s.name] = true
	}
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return !wanted[s.name] }), nil
}

func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }
