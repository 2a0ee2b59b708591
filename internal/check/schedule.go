package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// ended is a step that has run.
type ended struct {
	step
	result
	took time.Duration
}

// schedule runs the steps, two at a time: the next one is the first whose needs have
// ended. After a failure no other one begins. Of several at a time each prints when it
// ends.
func schedule(ctx context.Context, wanted []step, run func(context.Context, step) result) error {
	waiting := slices.Clone(wanted)
	over := make(chan ended)
	running, done := 0, map[string]bool{}
	var failures []error
	ready := func(s step) bool {
		return !slices.ContainsFunc(s.needs, func(need string) bool { return !done[need] })
	}
	for {
		for running < cores && len(failures) == 0 {
			i := slices.IndexFunc(waiting, ready)
			if i < 0 {
				break
			}
			s := waiting[i]
			waiting = slices.Delete(waiting, i, i+1)
			running++
			go func() {
				begun := time.Now()
				over <- ended{s, run(ctx, s), since(begun)}
			}()
		}
		if running == 0 {
			break
		}
		e := <-over
		running--
		done[e.name] = true
		fmt.Printf("=== %s: %s\n%s", e.name, e.shows, e.out)
		if e.err != nil {
			failures = append(failures, fmt.Errorf("step %s failed after %s: %w", e.name, e.took, e.err))
			continue
		}
		fmt.Printf("=== %s: ok, %s\n\n", e.name, e.took)
	}
	if len(failures) == 0 && len(waiting) > 0 {
		failures = append(failures, fmt.Errorf("step %s needs one that is not there", waiting[0].name))
	}
	return errors.Join(failures...)
}

// here runs a step so that what it prints is seen at once.
func here(ctx context.Context, s step) result { return result{err: s.run(ctx)} }

// process runs a step in a process of its own, so that what it prints is together.
func process(ctx context.Context, s step) result {
	self, err := os.Executable()
	if err != nil {
		return result{err: err}
	}
	out, err := command{args: []string{self, only, s.name}}.quiet(ctx)
	return result{out, err}
}
