package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

const gatewayProgram = "build/gateway"

// leastFaults is how many faults the gateway must be able to have planted.
const leastFaults = 12

// gatewayFaults plants each fault that examples/gateway knows, and wants its life to
// end at the step that shows it.
func gatewayFaults(ctx context.Context) error {
	if err := goCmd("build", "-trimpath", "-ldflags=-s -w", "-o", gatewayProgram, "./examples/gateway").with("CGO_ENABLED=0").run(ctx); err != nil {
		return err
	}
	list, err := exec.CommandContext(ctx, gatewayProgram, "-break", "list").Output()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, 2)
	faults, named := 0, 0
	for line := range strings.Lines(string(list)) {
		faults++
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ok, how := faultShows(ctx, line)
			mu.Lock()
			defer mu.Unlock()
			if fmt.Println("fault:", how); ok {
				named++
			}
		})
	}
	all.Wait()
	fmt.Printf("faults=%d named=%d\n", faults, named)
	if named < faults || faults < leastFaults {
		return errors.New("a fault is not shown where it should be")
	}
	return nil
}

// faultShows plants the fault of a line of the list, and reports whether the life ended
// with status 1 at its step.
func faultShows(ctx context.Context, line string) (bool, string) {
	name := strings.Fields(line)[0]
	_, step, _ := strings.Cut(strings.TrimSpace(line), "shown at: ")
	out, err := exec.CommandContext(ctx, gatewayProgram, "-break", name).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return false, fmt.Sprintf("%s: ended with %v", name, err)
	}
	for said := range strings.Lines(string(out)) {
		if strings.HasPrefix(said, "gateway: step ") {
			return strings.Contains(said, step), name + ": " + strings.TrimSpace(strings.TrimPrefix(said, "gateway: "))
		}
	}
	return false, name + ": no step is named"
}
