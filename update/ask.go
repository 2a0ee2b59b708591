package update

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// gateLimit is how long a gate may take for what it should answer at once.
const gateLimit = 5 * time.Second

// grace is how long one that heeds its context may take for that.
const grace = time.Second

var errSilent = errors.New("it still has not answered what it was asked before")

// inquiry asks a part of the vendor's, which may hang whatever its context says: a
// trial that waits for it would never be given up. It is asked in a goroutine of its
// own; while one hangs it is not asked again, so that at most one is left behind.
type inquiry struct {
	mu     sync.Mutex
	silent int           // questions without an answer in time
	over   chan struct{} // closed when there is none any more; nil while there is none
}

func (q *inquiry) silence(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.silent == 0 {
		q.over = make(chan struct{})
	}
	if q.silent += n; q.silent == 0 {
		close(q.over)
		q.over = nil
	}
}

// silenced is closed once every question is answered; nil if all are.
func (q *inquiry) silenced() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.over
}

// ask returns what question says, or an error when it says nothing in d.
func (q *inquiry) ask(ctx context.Context, d time.Duration, question func(ctx context.Context) error) error {
	if q.silenced() != nil {
		return errSilent
	}
	limit, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	answer, late := make(chan error), make(chan struct{})
	go func() {
		err := question(limit)
		select {
		case answer <- err:
		case <-late:
			q.silence(-1)
		}
	}()
	select {
	case err := <-answer:
		return err
	case <-limit.Done():
	}
	select {
	case err := <-answer: // of one that heeds its context
		return err
	case <-time.After(grace):
		q.silence(1)
		close(late)
		return fmt.Errorf("no answer: %w", context.Cause(limit))
	}
}

// awaitAnswers waits for every part of the vendor's that was asked and still works on it.
func (u *Updater) awaitAnswers() {
	all := []*inquiry{&u.health}
	for i := range u.inquiries {
		all = append(all, &u.inquiries[i])
	}
	for _, q := range all {
		if over := q.silenced(); over != nil {
			<-over
		}
	}
}

// healthy asks the device, with a time limit: no answer is ill health.
func (u *Updater) healthy(ctx context.Context) error {
	err := u.health.ask(ctx, max(u.opts.Tick, 5*time.Second), u.parts.Health.Healthy)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnhealthy, err)
	}
	return nil
}

// gates asks every gate about a phase: no answer holds it back.
func (u *Updater) gates(ctx context.Context, p Phase, r *Release) error {
	for i, g := range u.parts.Gates {
		var v Verdict
		err := u.inquiries[i].ask(ctx, gateLimit, func(ctx context.Context) error {
			v = g.Check(ctx, p, r)
			return nil
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return &HeldError{Phase: p, Reason: "a gate: " + err.Error(), silent: true}
		case v.Held:
			return &HeldError{Phase: p, Reason: v.Reason}
		}
	}
	return nil
}
