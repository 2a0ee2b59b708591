package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A command is a program with what it adds to the environment.
type command struct {
	env  []string
	args []string
}

func goCmd(args ...string) command { return command{args: append([]string{"go"}, args...)} }

// with adds variables "NAME=value" to the environment.
func (c command) with(env ...string) command {
	c.env = append(slices.Clip(c.env), env...)
	return c
}

func (c command) String() string {
	return strings.Join(append(slices.Clip(c.env), c.args...), " ")
}

// run prints the command and lets it print.
func (c command) run(ctx context.Context) error {
	return c.start(ctx, os.Stdout)
}

// output gives what the command prints, both streams, instead of printing it.
func (c command) output(ctx context.Context) (string, error) {
	var b bytes.Buffer
	err := c.start(ctx, &b)
	return b.String(), err
}

func (c command) start(ctx context.Context, out io.Writer) error {
	fmt.Printf("$ %s\n", c)
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
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

// inCI reports whether a missing component is a failure.
func inCI() bool { return os.Getenv("CI") == "true" }
