// Command coverage prints docs/coverage.md: for each entry of 27402 5.2 the features
// by which this module answers it. It composes the real parts and asks them, so that
// the list holds nothing that no part claims.
//
//	go run ./internal/coverage -dir build/coverage
//	go test -json ./... | go run ./internal/coverage -dir build/coverage -log -
//
// The parts keep their state in the directory that -dir names, which package durable
// makes. With -log the tests of each package that a run of go test -json named are
// listed as well; the committed document is the one without.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the state of the composed parts")
	log := flag.String("log", "", "`file` with the output of go test -json, - is standard input; lists tests as well")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *dir, *log); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir, log string) error {
	if dir == "" {
		return errors.New("-dir is needed")
	}
	features, err := compose(ctx, dir)
	if err != nil {
		return err
	}
	var tests suites
	if log != "" {
		if tests, err = readLog(log); err != nil {
			return err
		}
	}
	return report(out, features, tests)
}

// readLog reads the output of go test -json from a file or from standard input.
func readLog(name string) (suites, error) {
	if name == "-" {
		return parseLog(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseLog(f)
}
