package powercut

import "fmt"

// Attempt does f and returns its error. f is what a Do does with objects that are open
// already: in some runs of [Run], when f gives an error for an injected fault, the fault
// is over and f is done once more, on the same objects. So an object that remembers
// what never reached the medium is found, as one that a caller asks again after a
// failed sync.
//
// A Do that opens objects and works with them has the work in an Attempt. One within
// another is the one that is done again.
func (m *Machine) Attempt(f func() error) error {
	err := f()
	if err == nil || !m.again() {
		return err
	}
	return f()
}

// again reports whether what failed is to be done again: once, after the fault, which is
// then over.
func (m *Machine) again() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.persist || m.faultAt == never || m.steps <= m.faultAt {
		return false
	}
	m.tried = true
	m.faultAt, m.fault = never, NoFault
	return true
}

func (m *Machine) setPersist() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.persist = true
}

func (m *Machine) wasTried() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tried
}

// retry plays f at step i with an Attempt that is made again, and then the power cuts
// in what that reaches.
func (x *explorer) retry(i int, f Fault, where string) {
	m := x.base.Clone()
	m.setPersist()
	m.Fail(i, f)
	var acked bool
	steps := record(m, func() { acked = x.do(m, seedDo) == nil })
	if !m.wasTried() {
		return // no Attempt failed
	}
	m.Fail(0, NoFault)
	where += ", then done again on the same objects"
	x.res.Tries++
	x.powerOn(m, claim{acked: acked, retried: true}, where)
	x.note(steps)
	for j := i + 1; j < len(steps); j++ {
		if !x.retried[steps[j].id()] {
			x.retryAndCut(i, f, j, where)
		}
	}
}

// retryAndCut is retry with the power lost before step j.
func (x *explorer) retryAndCut(i int, f Fault, j int, where string) {
	m := x.base.Clone()
	m.setPersist()
	m.Fail(i, f)
	m.Cut(j)
	acked := x.do(m, seedDo) == nil
	site, off := m.lostPower()
	if !off {
		return // Do took another way: the point stays missed
	}
	x.reached[site.id()], x.retried[site.id()] = true, true
	x.cut(m, claim{acked: acked, retried: true}, fmt.Sprintf("%s, and a cut before step %d, %v", where, j, site))
}
