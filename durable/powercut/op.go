package powercut

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// shown is how many failures Run describes.
const shown = 5

// Op is one operation of a device whose power may fail.
//
// Every function gets the machine on which it works and opens there what it
// needs: nothing may be carried over from one call to the next, because each call
// stands for a new start of the process. Once the power is lost every call gives
// [ErrPower]; a function that retries must give up then.
type Op struct {
	// Name says what is tested, in one word, for the output line.
	Name string
	// Methods are the exported methods that Do goes through, as "Type.Method", or
	// plain functions, as "Function"; see [Covered].
	Methods []string
	// Before brings a new machine into the state before the operation; nil leaves it
	// empty. What it did is at rest before Do begins, and its syncs always work.
	Before func(ctx context.Context, m *Machine) error
	// Do is the operation. Giving nil acknowledges it: it has happened and is kept.
	// It must include a Sync of a file and one of a directory without which
	// it could be lost.
	Do func(ctx context.Context, m *Machine) error
	// State recovers as a restarted device does and tells in words what the device
	// then holds. Equal content gives equal words; bytes that are
	// random or tell the time have no place in them.
	State func(ctx context.Context, m *Machine) (string, error)
	// Legal, when not nil, decides about a state that is neither old nor new after a
	// Do that was not acknowledged; nil allows it.
	Legal func(old, new, got string) error
	// Retried, when not nil, decides about a state that is neither new nor what doing it
	// twice gives, after an [Machine.Attempt] that was made again: the
	// first one may have done a part. nil allows none.
	Retried func(old, new, got string) error
}

// Result is what [Explore] found.
type Result struct {
	Name          string
	Methods       []string
	Points        int      // distinct call sites of steps, of Do with and without faults and of State's recovery
	PointsReached int      // those before which the power was really cut
	States        int      // distinct contents of the media after cuts
	Cuts          int      // power cuts played
	Tries         int      // attempts that were made again after a fault; see [Machine.Attempt]
	Bad           int      // failures found
	Failures      []string // one for each
	Missed        []string // the points that were not reached
	Break         string   // the value of POWERCUT_BREAK
}

// String returns the output line of [Run].
func (r Result) String() string {
	return fmt.Sprintf("powercut: %s op=%s points=%d/%d states=%d cuts=%d bad=%d tries=%d",
		r.Name, strings.Join(r.Methods, ","), r.PointsReached, r.Points, r.States, r.Cuts, r.Bad, r.Tries)
}

// Run explores op and fails t when anything is bad or not reached. It logs one line:
//
//	powercut: NAME op=METHODS points=REACHED/ALL states=D cuts=N bad=B tries=T
//
// It seeds the global source of randomness, so t and its parents cannot be
// parallel. The package documentation says what is played and what is checked.
func Run(t *testing.T, op Op) {
	t.Helper()
	r := Explore(t, op)
	t.Logf("%v", r)
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

// Err says why the result is not good, with the first 5 failures and every point
// that was missed, or nil.
func (r Result) Err() error {
	var lines []string
	for i, f := range r.Failures {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(r.Failures)-shown))
			break
		}
		lines = append(lines, f)
	}
	for _, p := range r.Missed {
		lines = append(lines, "power was never cut before "+p)
	}
	switch {
	case r.Bad > 0:
	case r.Points == 0:
		lines = append(lines, "took no step")
	case r.Break != "":
		lines = append(lines, fmt.Sprintf("%s=%s was not noticed: Do needs a Sync of a file and of a directory that matter", breakEnv, r.Break))
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("powercut: %s: %d bad:\n\t%s", r.Name, r.Bad, strings.Join(lines, "\n\t"))
}

// Explore does the work of [Run] and returns what it found. It fails t only when op
// cannot be explored: when Before, Do or State fails on a machine that works. It
// stops early after 100 failures, or after the first when POWERCUT_BREAK is set.
func Explore(t *testing.T, op Op) Result {
	t.Helper()
	if op.Name == "" || op.Do == nil || op.State == nil {
		t.Fatal("powercut: an Op needs Name, Do and State")
	}
	x := &explorer{
		t: t, op: op, nodes: map[[32]byte]*node{},
		points: map[string]point{}, reached: map[string]bool{}, handled: map[string]bool{}, retried: map[string]bool{},
		res: Result{Name: op.Name, Methods: op.Methods, Break: string(breakageFromEnv(t))},
	}
	x.reference(breakage(x.res.Break))
	x.cuts()
	x.faults()
	x.res.States = len(x.nodes)
	x.res.Points = len(x.points)
	for _, id := range sortedKeys(x.points) {
		if x.reached[id] {
			x.res.PointsReached++
		} else {
			x.res.Missed = append(x.res.Missed, x.points[id].String())
		}
	}
	return x.res
}
