package powercut

import "fmt"

// maxDepth is how often the power is lost in a row: in Do, and once more in the
// recovery from that.
const maxDepth = 2

// node is one distinct content of the media, found after a cut.
type node struct {
	m        *Machine // at rest
	got      string   // what State says
	err      error
	strict   bool   // Do was run from here, as after one attempt
	again    bool   // the same, or as after one that was made again
	children []edge // where a cut during recovery leads
	expanded bool
	judged   map[claim][maxDepth + 1]bool // by depth
}

// claim is what Do said, and how it went, before a content is judged.
type claim struct {
	acked   bool
	retried bool // in an Attempt that was made again
}

// edge is a cut during recovery.
type edge struct {
	to    *node
	where string
}

// node returns the one for the media of s, with State run on it once.
func (x *explorer) node(s Survivor) *node {
	if n := x.nodes[s.hash]; n != nil {
		return n
	}
	n := &node{m: s.Machine, judged: map[claim][maxDepth + 1]bool{}}
	x.nodes[s.hash] = n
	n.got, n.err = x.state(n.m.Clone())
	return n
}

// judge checks n, and what further cuts during recovery from it lead to.
func (x *explorer) judge(n *node, c claim, depth int, where string) {
	seen := n.judged[c]
	if seen[depth] {
		return
	}
	known := seen != [maxDepth + 1]bool{}
	seen[depth] = true
	n.judged[c] = seen
	if err := x.legal(n.got, n.err, c); err != nil {
		if !known {
			x.bad("%s: %v", where, err)
		}
		return
	}
	if !n.strict && (!c.retried || !n.again) {
		n.again, n.strict = true, !c.retried
		if err := x.again(n.m, n.got, c); err != nil {
			x.bad("%s: %v", where, err)
		}
	}
	if depth == maxDepth {
		return
	}
	x.expand(n)
	for _, e := range n.children {
		if x.enough() {
			return
		}
		x.judge(e.to, c, depth+1, where+"; "+e.where)
	}
}

// expand loses power before each step of the recovery from n, and after the last one.
func (x *explorer) expand(n *node) {
	if n.expanded {
		return
	}
	n.expanded = true
	whole := n.m.Clone()
	steps := record(whole, func() { _, _ = x.state(whole) }) // its answer is n.got already
	x.note(steps)
	for j := range steps {
		m := n.m.Clone()
		m.Cut(j)
		_, _ = x.state(m) // the power is off: what it says is not heard
		site, off := m.lostPower()
		if !off {
			continue
		}
		x.reached[site.id()] = true
		x.branch(n, m, fmt.Sprintf("cut in recovery before step %d, %v", j, site))
	}
	if len(steps) > 0 {
		x.branch(n, whole, "cut after recovery")
	}
}

// branch adds where a cut of m, in the recovery from n, leads.
func (x *explorer) branch(n *node, m *Machine, where string) {
	x.res.Cuts++
	for _, s := range m.Survivors() {
		n.children = append(n.children, edge{x.node(s), where + "; " + s.Desc})
	}
}
