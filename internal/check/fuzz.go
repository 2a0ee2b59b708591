package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// fuzzTime is for each target, on one core: all seeds, and so many mutations of them. A
// duration would at times end a sound target with "context deadline exceeded", when it
// is over in the middle of a mutation.
const fuzzTime = "1000x"

// noise are lines of the fuzzer that say nothing after a good run. The binaries have no
// coverage instrumentation, which would be compiled into everything that they import:
// in so few it finds nothing. "make fuzz" has it.
var noise = regexp.MustCompile(`(?m)^(fuzz: elapsed.*|PASS|warning: the test binary was not built with coverage instrumentation.*)\n`)

// fuzz runs each target of all packages.
func fuzz(ctx context.Context) error {
	return eachTarget(ctx, func(b binary, name string) command {
		return b.test("^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+fuzzTime,
			"-test.fuzzcachedir="+b.exe+".cache/"+name, "-test.parallel=1")
	})
}

// guided runs each target for a time, with coverage to guide it.
func guided(ctx context.Context, time string) error {
	if err := compile(ctx); err != nil {
		return err
	}
	return eachTarget(ctx, func(b binary, name string) command {
		return goCmd("test", "-vet=off", "-run=^$", "-fuzz=^"+name+"$", "-fuzztime="+time, "-parallel=1", b.pkg)
	})
}

func eachTarget(ctx context.Context, run func(b binary, name string) command) error {
	list, err := binaries(ctx)
	if err != nil {
		return err
	}
	var runs []command
	for _, b := range list {
		targets, err := b.list(ctx, "^Fuzz")
		if err != nil {
			return err
		}
		for _, name := range targets {
			runs = append(runs, run(b, name))
		}
	}
	if len(runs) == 0 {
		return errors.New("no fuzz target found")
	}
	fmt.Printf("fuzz: %d targets\n", len(runs))
	return allPass(ctx, runs, func(out string) { fmt.Print(noise.ReplaceAllString(out, "")) })
}
