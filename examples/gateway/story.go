package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// life is one device from the factory to its next owner, and the people around it.
// It keeps nothing that the device or a person would not have: what must outlive a
// step lies in dir.
type life struct {
	options
	ctx  context.Context
	out  io.Writer
	box  *hardware
	now  *session // since the power came on
	desk *desk    // papers of the owner and the manufacturer

	server string // host:port of the manufacturer

	steps int
	title string // of the step under way

	mu     sync.Mutex
	seen   message // the newest progress
	events []string
	bar    bool // a progress bar is on the line
	wake   chan struct{}
}

// step begins a numbered step and names the clause of 27402 that it shows.
func (l *life) step(clauses, format string, args ...any) {
	if l.steps > 0 && l.pause {
		fmt.Fprint(l.out, "    (enter)")
		_, _ = fmt.Fscanln(os.Stdin)
	}
	l.steps++
	l.title = fmt.Sprintf(format, args...)
	l.tellf("\n%2d. %s (27402 %s)", l.steps, l.title, clauses)
}

func (l *life) tellf(format string, args ...any) { fmt.Fprintf(l.out, format+"\n", args...) }

var errEnded = errors.New("the device ended")

var errUnexpected = errors.New("this should not have happened")

func unexpected(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnexpected, fmt.Sprintf(format, args...))
}

// refused tells the reason of a refusal, which must have these words in it.
func (l *life) refused(err error, words ...string) error {
	var r *refusedError
	if !errors.As(err, &r) {
		return unexpected("not refused: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(r.why, w) {
			return unexpected("refused, but not for %q: %v", w, r)
		}
	}
	l.tellf("    refused: %s", short(r.why))
	return nil
}

func short(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}

// told takes what the device says without being asked.
func (l *life) told(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.Event != "":
		l.events = append(l.events, m.Event)
		if l.verbose {
			fmt.Fprintln(l.out, "       ", m.Event)
		}
	case m.State != "":
		l.seen = m
		l.progress(m)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// progress draws a bar when the output is a terminal; the caller holds the lock.
func (l *life) progress(m message) {
	if !l.terminal || m.State != "writing" || m.Total == 0 {
		return
	}
	const width = 40
	full := int(width * m.Done / m.Total)
	fmt.Fprintf(l.out, "\r    [%-*s] %3d %%", width, strings.Repeat("=", full), 100*m.Done/m.Total)
	if l.bar = m.Done < m.Total; !l.bar {
		fmt.Fprintln(l.out)
	}
}

// until waits until the device has told something that is enough.
func (l *life) until(what string, enough func(m message) bool) error {
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		l.mu.Lock()
		done := enough(l.seen)
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-l.wake:
		case <-l.now.over:
			return fmt.Errorf("%w before %s: %v", errEnded, what, l.now.exit)
		case <-limit.C:
			return unexpected("not in a minute: %s", what)
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
	}
}

// power switches the device on and waits until it answers.
func (l *life) power(switches ...string) (err error) {
	l.mu.Lock()
	l.seen, l.bar = message{}, false
	l.mu.Unlock()
	for range 3 { // one that finishes something first starts again
		if l.now, err = l.box.boot(l.ctx, switches...); err != nil {
			return err
		}
		err = l.ask("", "", "status", nil, nil)
		if !leaving(err) || !l.now.restarts() {
			return err
		}
	}
	return err
}

// leaving reports whether err is that of a device which ends, or has ended.
func leaving(err error) bool {
	return errors.Is(err, errGone) || err != nil && strings.Contains(err.Error(), context.Canceled.Error())
}

// restarted waits for the restart that the device asked for, and starts it.
func (l *life) restarted() error {
	if !l.now.restarts() {
		return unexpected("the device ended without asking for a restart: %v", l.now.exit)
	}
	return l.power()
}

// ask asks the device at its service port, as user with his secret.
func (l *life) ask(user, secret, op string, args, result any) error {
	return l.now.ask(request{User: user, Secret: secret, Op: op}, args, result)
}

func (l *life) status() (s status, err error) {
	err = l.ask("", "", "status", nil, &s)
	return s, err
}

// live goes through the steps.
func (l *life) live() error {
	for _, step := range []func() error{
		l.provision, l.refuseBeforeCommissioning, l.commission, l.unauthorised,
		l.bundle, l.forgedBundle, l.replay, l.insecure, l.residents,
		l.findRelease, l.killDownload, l.resumeDownload, l.trial, l.confirmed,
		l.downgrade, l.tampered, l.failing, l.blocked,
		l.erase, l.neighbour, l.canary,
		l.logVerified, l.logFlipped,
		l.killReset, l.afterReset, l.secondOwner, l.floorHolds, l.documents,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %s: %w", l.steps, l.title, err)
		}
	}
	return nil
}
