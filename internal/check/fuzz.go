package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// fuzzTime is for each target, on one core: enough to run all seeds and what a few
// thousand mutations of them show. "go test -fuzz" goes on for longer.
const fuzzTime = "1s"

// noise are lines of the fuzzer that say nothing after a good run.
var noise = regexp.MustCompile(`(?m)^(fuzz: elapsed.*|PASS)\n`)

// fuzz compiles the packages that have targets, instrumented, and runs each target.
func fuzz(ctx context.Context) error {
	packages, err := fuzzed(ctx)
	if err != nil {
		return err
	}
	var compiled []binary
	var builds []command
	for _, b := range packages {
		b.exe = strings.TrimSuffix(b.exe, ".test") + ".fuzz"
		compiled = append(compiled, b)
		// The go command compiles no more than one package for fuzzing.
		builds = append(builds, goCmd("test", "-c", "-vet=off", "-ldflags=-s -w", "-fuzz=.", "-o", b.exe, b.pkg))
	}
	// The first one compiles what all have in common.
	if err := each(ctx, builds[0]); err != nil {
		return err
	}
	if err := allPass(ctx, builds[1:], func(string) {}); err != nil {
		return err
	}
	var runs []command
	for _, b := range compiled {
		targets, err := b.list(ctx, "^Fuzz")
		if err != nil {
			return err
		}
		for _, name := range targets {
			runs = append(runs, b.test("^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+fuzzTime,
				"-test.fuzzcachedir="+b.exe+".cache/"+name, "-test.parallel=1"))
		}
	}
	fmt.Printf("fuzz: %d targets\n", len(runs))
	return allPass(ctx, runs, func(out string) { fmt.Print(noise.ReplaceAllString(out, "")) })
}

// fuzzed are the packages that have fuzz targets.
func fuzzed(ctx context.Context) (list []binary, err error) {
	all, err := binaries(ctx, "./...")
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		targets, err := b.list(ctx, "^Fuzz")
		if err != nil {
			return nil, err
		}
		if len(targets) > 0 {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no fuzz target found")
	}
	return list, nil
}
