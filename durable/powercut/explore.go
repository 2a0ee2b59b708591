package powercut

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"testing/cryptotest"
)

// maxBad ends the exploration of an op that is thoroughly bad; on a medium that is
// broken on purpose one failure says everything.
const maxBad = 100

func (x *explorer) enough() bool {
	return x.res.Bad >= maxBad || x.res.Bad > 0 && x.res.Break != ""
}

// maxSteps ends the exploration of an op that never comes to an end.
const maxSteps = 100_000

// Seeds of the global randomness: one for each kind of run, so that equal runs
// give equal content and a second Do does not draw the numbers of the first.
const (
	seedBefore uint64 = iota + 1
	seedDo
	seedState
	seedAgain
)

// outcome is what a run of Do and then State gave.
type outcome struct {
	state string
	doErr string // of Do, or empty
}

// explorer is one exploration.
type explorer struct {
	t       *testing.T
	op      Op
	base    *Machine // at rest, before the operation
	old     string
	new     outcome // after Do from base
	twice   outcome // after Do and Do again
	plan    []point // the steps of Do from base
	nodes   map[[sha256.Size]byte]*node
	points  map[string]point
	reached map[string]bool
	handled map[string]bool // those reached after a fault
	retried map[string]bool // those reached in an Attempt that was made again
	res     Result
}

// do runs Do on m and returns its error.
func (x *explorer) do(m *Machine, seed uint64) error {
	cryptotest.SetGlobalRandom(x.t, seed)
	return x.op.Do(x.t.Context(), m)
}

// state runs State on m.
func (x *explorer) state(m *Machine) (string, error) {
	cryptotest.SetGlobalRandom(x.t, seedState)
	return x.op.State(x.t.Context(), m)
}

// record runs fn on m and notes the steps it takes.
func record(m *Machine, fn func()) []point {
	var steps []point
	m.setTrace(func(p point) { steps = append(steps, p) })
	fn()
	m.setTrace(nil)
	return steps
}

func (m *Machine) setTrace(fn func(point)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace = fn
}

// lostPower reports whether the power is off, and which step found it so.
func (m *Machine) lostPower() (*point, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cutSite, m.off
}

// reference runs op with the power on, for what is right. The machines of the
// exploration then have syncs that are broken as b says.
func (x *explorer) reference(b breakage) {
	x.t.Helper()
	m := New()
	cryptotest.SetGlobalRandom(x.t, seedBefore)
	if x.op.Before != nil {
		x.must("Before", x.op.Before(x.t.Context(), m))
	}
	m.Settle()
	x.base = m
	var err error
	x.old, err = x.state(m.Clone())
	x.must("State before Do", err)

	done := m.Clone()
	x.plan = record(done, func() { err = x.do(done, seedDo) })
	x.must("Do", err)
	done.Settle()
	x.new.state, err = x.state(done.Clone())
	x.must("State after Do", err)
	x.twice.doErr = text(x.do(done, seedAgain))
	done.Settle()
	x.twice.state, err = x.state(done)
	x.must("State after Do and Do again", err)

	x.note(x.plan)
	x.base.strategy = b
}

func (x *explorer) must(what string, err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatalf("powercut: %s: %s on a machine that works: %v", x.op.Name, what, err)
	}
}

func (x *explorer) note(steps []point) {
	for _, p := range steps {
		x.points[p.id()] = p
	}
}

func (x *explorer) bad(format string, args ...any) {
	x.res.Bad++
	x.res.Failures = append(x.res.Failures, fmt.Sprintf(format, args...))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// cuts loses power before each step of Do, and after the last one.
func (x *explorer) cuts() {
	for i := range maxSteps {
		m := x.base.Clone()
		m.Cut(i)
		acked := x.do(m, seedDo) == nil
		site, off := m.lostPower()
		where := "after Do"
		if off {
			x.reached[site.id()] = true
			where = fmt.Sprintf("before step %d, %v", i, site)
		}
		x.cut(m, claim{acked: acked}, where)
		if !off || x.enough() {
			return
		}
	}
	x.bad("Do takes more than %d steps", maxSteps)
}

// cut judges every state in which the media of m may be found if the power fails now.
func (x *explorer) cut(m *Machine, c claim, where string) {
	x.res.Cuts++
	for _, s := range m.Survivors() {
		if x.enough() {
			return
		}
		x.judge(x.node(s), c, 1, where+"; "+s.Desc)
	}
}

// legal says what is wrong with a state, or nil.
func (x *explorer) legal(got string, err error, c claim) error {
	switch {
	case err != nil:
		return fmt.Errorf("want %s, got error: %w", x.wanted(c), err)
	case got == x.new.state, got == x.old && !c.acked:
		return nil
	case c.retried && got == x.twice.state: // the first attempt may have taken effect, too
		return nil
	}
	err = fmt.Errorf("want %s, got %q", x.wanted(c), got)
	if x.op.Legal != nil && !c.acked {
		err = x.allowed(x.op.Legal, got)
	}
	if err != nil && x.op.Retried != nil && c.retried { // what may be acknowledged may also be found without that
		err = x.allowed(x.op.Retried, got)
	}
	return err
}

func (x *explorer) allowed(legal func(old, new, got string) error, got string) error {
	if err := legal(x.old, x.new.state, got); err != nil {
		return fmt.Errorf("got %q: %w", got, err)
	}
	return nil
}

func (x *explorer) wanted(c claim) string {
	if c.acked {
		return fmt.Sprintf("new %q (acknowledged)", x.new.state)
	}
	return fmt.Sprintf("old %q or new %q", x.old, x.new.state)
}

// again runs Do on a machine whose state was judged to be got, and says what is
// wrong with what follows.
func (x *explorer) again(m *Machine, got string, c claim) error {
	c.acked = false // what was before is known from got
	var want []outcome
	seed := seedAgain
	if got == x.old {
		want, seed = append(want, x.new), seedDo
	}
	if got == x.new.state {
		want = append(want, x.twice)
	}
	r := m.Clone()
	doErr := x.do(r, seed)
	dropped := r.Clone()
	dropped.Drop()
	state, err := x.state(r)
	if err == nil && !x.expected(outcome{state, text(doErr)}, want, c) {
		err = fmt.Errorf("got error %q and state %q, want %+v", text(doErr), state, want)
	}
	if err != nil {
		return fmt.Errorf("from %q, Do again: %w", got, err)
	}
	kept, err := x.state(dropped)
	switch {
	case doErr != nil: // nothing new was acknowledged
		err = x.legal(kept, err, c)
	case err == nil && len(want) == 0 && c.retried && kept != state:
		err = fmt.Errorf("got %q, want %q", kept, state)
	case err == nil && !x.expected(outcome{state: kept}, want, c):
		err = fmt.Errorf("got %q, want %+v", kept, want)
	}
	if err != nil {
		return fmt.Errorf("from %q, Do again and a cut: %w", got, err)
	}
	return nil
}

// expected reports whether o is wanted. From a state that is neither old nor new Do must
// succeed, and give a state that is new or legal; or, where an attempt that was made
// again led there, one that nobody can name.
func (x *explorer) expected(o outcome, want []outcome, c claim) bool {
	if slices.Contains(want, o) {
		return true
	}
	switch {
	case len(want) > 0:
		return false
	case c.retried:
		return o.doErr == "" || o.doErr == x.twice.doErr
	}
	return o.doErr == "" && (o.state == x.twice.state || x.legal(o.state, nil, c) == nil)
}
