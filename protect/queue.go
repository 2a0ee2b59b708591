package protect

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// job is an erasure that somebody waits for.
type job struct {
	match func(entry) bool
	whom  []string // the subjects, or nil for all of them
	found bool     // under Vault.mu, like done and err: something matched
	open  bool     // copies of it from before open elsewhere
	done  bool
	err   error
}

// queue holds the jobs that nobody works on yet.
type queue struct {
	mu   sync.Mutex
	jobs []*job
}

func (q *queue) add(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, j)
}

func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// destroy has the compartments that match erased: by this caller, with all that
// wait, or by another one.
func (v *Vault) destroy(ctx context.Context, whom []string, match func(entry) bool) (Method, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("protect: erase: %w", err)
	}
	j := &job{match: match, whom: whom}
	for {
		v.queue.add(j)
		led := v.work(ctx, j)
		ended := errors.Is(j.err, context.Canceled) || errors.Is(j.err, context.DeadlineExceeded)
		if led || !ended || ctx.Err() != nil {
			break
		}
		j.done = false // the context of who led has ended, not this one: try again
	}
	if j.err != nil {
		return "", fmt.Errorf("protect: erase: %w", j.err)
	}
	if !j.found {
		return MethodNothing, nil
	}
	if j.open {
		return MethodClear, nil
	}
	return v.method(), nil
}

// work does all waiting jobs, unless another who led has done j meanwhile.
func (v *Vault) work(ctx context.Context, j *job) (led bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if j.done {
		return false
	}
	jobs := v.queue.take()
	err := v.eraseMatching(ctx, func(e entry) (found bool) {
		for _, j := range jobs {
			if j.match(e) {
				j.found, found = true, true
				j.open = j.open || e.exposed()
			}
		}
		return found
	})
	for _, j := range jobs {
		j.done, j.err = true, err
		v.erased.note(j.whom) // whatever became of it, and also if there was nothing
	}
	return true
}
