package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

const gatewayProgram = "build/gateway"

// leastFaults is how many faults the gateway must be able to have planted.
const leastFaults = 12

// gatewayFaults plants each fault that examples/gateway knows, and wants its life to
// end at the step that shows it.
func gatewayFaults(ctx context.Context) error {
	if err := goCmd("build", "-o", gatewayProgram, "./examples/gateway").run(ctx); err != nil {
		return err
	}
	list, err := exec.CommandContext(ctx, gatewayProgram, "-break", "list").Output()
	if err != nil {
		return err
	}
	steps := map[string]string{} // of each fault: where it shows
	var lives []command
	for line := range strings.Lines(string(list)) {
		name := strings.Fields(line)[0]
		_, steps[name], _ = strings.Cut(strings.TrimSpace(line), "shown at: ")
		lives = append(lives, command{args: []string{gatewayProgram, "-break", name}})
	}
	named := 0
	parallel(ctx, lives, func(c command, r result) {
		name := c.args[2]
		ok, how := shows(r, steps[name])
		if ok {
			named++
		}
		fmt.Printf("fault: %s: %s\n", name, how)
	})
	fmt.Printf("faults=%d named=%d\n", len(lives), named)
	if named < len(lives) || len(steps) < leastFaults {
		return errors.New("a fault is not shown where it should be")
	}
	return nil
}

// shows reports whether a life ended with status 1 at the step, and how it ended.
func shows(r result, step string) (bool, string) {
	var exit *exec.ExitError
	if !errors.As(r.err, &exit) || exit.ExitCode() != 1 {
		return false, fmt.Sprintf("ended with %v", r.err)
	}
	for said := range strings.Lines(r.out) {
		if strings.HasPrefix(said, "gateway: step ") {
			return step != "" && strings.Contains(said, step), strings.TrimSpace(strings.TrimPrefix(said, "gateway: "))
		}
	}
	return false, "no step is named"
}
