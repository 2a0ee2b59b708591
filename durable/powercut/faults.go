package powercut

import "fmt"

// faults injects each failure at each step of Do, with the power staying on. At each
// call site that is reached after a failure the power fails once, too.
func (x *explorer) faults() {
	for i, p := range x.plan {
		for _, f := range p.faults() {
			if x.enough() {
				return
			}
			where := fmt.Sprintf("%v at step %d, %v", f, i, p)
			steps := x.fault(i, f, where)
			x.note(steps)
			for j := i + 1; j < len(steps); j++ {
				if !x.handled[steps[j].id()] {
					x.faultAndCut(i, f, j, where)
				}
			}
			x.retry(i, f, where)
		}
	}
}

// faults lists what can go wrong at the step.
func (p point) faults() []Fault {
	list := []Fault{Fail}
	switch p.kind {
	case "write":
		list = append(list, Torn)
	case "store":
		list = append(list, NoReply)
	}
	if p.allocates {
		list = append(list, Full)
	}
	return list
}

// fault runs Do with f at step i and returns the steps it takes.
func (x *explorer) fault(i int, f Fault, where string) []point {
	m := x.base.Clone()
	m.Fail(i, f)
	var acked bool
	steps := record(m, func() { acked = x.do(m, seedDo) == nil })
	m.Fail(0, NoFault)
	x.powerOn(m, claim{acked: acked}, where)
	return steps
}

// powerOn judges m where it stands, and what is left of it when the power fails now.
func (x *explorer) powerOn(m *Machine, c claim, where string) {
	got, err := x.state(m.Clone())
	if err = x.legal(got, err, c); err == nil {
		err = x.again(m, got, c)
	}
	if err != nil {
		x.bad("%s; power on: %v", where, err)
	}
	x.cut(m, c, where+", then a cut")
}

// faultAndCut runs Do with f at step i and loses power before step j.
func (x *explorer) faultAndCut(i int, f Fault, j int, where string) {
	m := x.base.Clone()
	m.Fail(i, f)
	m.Cut(j)
	acked := x.do(m, seedDo) == nil
	site, off := m.lostPower()
	if !off {
		return // Do took another way: the point stays missed
	}
	x.reached[site.id()], x.handled[site.id()] = true, true
	x.cut(m, claim{acked: acked}, fmt.Sprintf("%s, then a cut before step %d, %v", where, j, site))
}
