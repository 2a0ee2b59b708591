package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// cores are those that the checks make use of: what CI has.
const cores = 2

// A command is a program with the directory it starts in, if not this one, and what
// it adds to the environment.
type command struct {
	dir  string
	env  []string
	args []string
}

func goCmd(args ...string) command { return command{args: append([]string{"go"}, args...)} }

// with adds variables "NAME=value" to the environment.
func (c command) with(env ...string) command {
	c.env = append(slices.Clip(c.env), env...)
	return c
}

// greedy has the command collect garbage less often: for compilers, and for tests that
// measure no memory, it takes a quarter of the time away.
func (c command) greedy() command { return c.with("GOGC=400") }

func (c command) String() string {
	line := strings.Join(append(slices.Clip(c.env), c.args...), " ")
	if c.dir != "" {
		line = "(cd " + c.dir + ") " + line
	}
	return line
}

// run prints the command and lets it print.
func (c command) run(ctx context.Context) error {
	fmt.Printf("$ %s\n", c)
	return c.start(ctx, os.Stdout)
}

// output gives what the command prints, both streams, instead of printing it.
func (c command) output(ctx context.Context) (string, error) {
	fmt.Printf("$ %s\n", c)
	return c.quiet(ctx)
}

// quiet is output that prints not even the command.
func (c command) quiet(ctx context.Context) (string, error) {
	var b bytes.Buffer
	err := c.start(ctx, &b)
	return b.String(), err
}

func (c command) start(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	// Devices have no cgo; and one setting for all steps means one compilation.
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), c.env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", c.args[0], err)
	}
	return nil
}

// each runs commands one after the other.
func each(ctx context.Context, commands ...command) error {
	for _, c := range commands {
		if err := c.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A result is what a command printed and how it ended.
type result struct {
	out string
	err error
}

// parallel runs the commands, as many at a time as there are cores, and gives their
// results in order. It hands each to show when it ends, one at a time.
func parallel(ctx context.Context, commands []command, show func(command, result)) []result {
	results := make([]result, len(commands))
	slots := make(chan struct{}, cores)
	var printing sync.Mutex
	var all sync.WaitGroup
	for i, c := range commands {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			begun := time.Now()
			out, err := c.quiet(ctx)
			results[i] = result{out, err}
			printing.Lock()
			defer printing.Unlock()
			fmt.Printf("$ %s (%s)\n", c, since(begun))
			show(c, results[i])
		})
	}
	all.Wait()
	return results
}

// allPass runs commands in parallel, prints what each prints, and fails with the
// errors of all.
func allPass(ctx context.Context, commands []command, print func(string)) error {
	var failures []error
	parallel(ctx, commands, func(c command, r result) {
		if r.err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", c, r.err))
			fmt.Print(r.out)
			return
		}
		print(r.out)
	})
	return errors.Join(failures...)
}

// inCI reports whether a missing component is a failure.
func inCI() bool { return os.Getenv("CI") == "true" }
