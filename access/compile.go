package access

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
)

// maxWork bounds the time and the memory of the compiled form of a policy:
// patterns that mix "*" and literals in many ways multiply. Charged are, for each
// state, its nodes once per literal and once for the rest, before they are followed;
// the slots of its table; its grants and what they become. One unit is less than
// 200 bytes that stay and a microsecond on a slow core.
const maxWork = 1 << 17

// A machine reads a resource segment by segment, one look-up each, whatever the
// number of grants. State 0 is dead: nothing below it can match.
type machine struct {
	states []state
	steps  []step
}

type state struct {
	literals table // index into steps
	other    step  // any other segment
	accept   []cell
}

// step is where a segment leads: self if it equals the id of who asks.
type step struct{ plain, self int32 }

// cell is what a resource that ends in a state gives, for one limit.
type cell struct {
	limit int
	roles uint64
	allow []*Decision // one per bit of roles, in order
}

// compile builds the machine of each permission. Those that stand in the same grants,
// as the permissions of an area often do, share one.
func (p *Policy) compile() error {
	work := maxWork
	p.names = newTable(len(p.infos))
	built := map[string]*machine{}
	for i, info := range p.infos {
		b := newBuilder()
		var key []byte
		for j, g := range p.grants {
			if !slices.Contains(g.perms, info.Name) {
				continue
			}
			key = binary.BigEndian.AppendUint16(key, uint16(j))
			for _, segs := range g.patterns {
				b.add(segs, j)
			}
		}
		m := built[string(key)]
		if m == nil {
			var err error
			if m, err = b.build(&work, p.cells); err != nil {
				return err
			}
			built[string(key)] = m
		}
		p.names.put(string(info.Name), int32(i))
		p.perms = append(p.perms, permission{
			shut: info.Shut, machine: *m,
			none: deny(lawGrants, "no role of the entity grants "+string(info.Name)+" on this resource"),
		})
	}
	return nil
}

// cells groups grants by limit. Of grants through one role the first counts.
func (p *Policy) cells(grants []int) []cell {
	var out []cell
	for l := range p.limits {
		c := cell{limit: l}
		var by [MaxRoles]*Decision
		for _, i := range grants {
			g := &p.grants[i]
			if g.limit != l {
				continue
			}
			for rest := g.holders &^ c.roles; rest != 0; rest &= rest - 1 {
				by[bits.TrailingZeros64(rest)] = g.allow
			}
			c.roles |= g.holders
		}
		for _, d := range by {
			if d != nil {
				c.allow = append(c.allow, d)
			}
		}
		if c.roles != 0 {
			out = append(out, c)
		}
	}
	return out
}

// A builder is the tree of the patterns of one permission. It is made
// deterministic by [builder.build]: a state is the set of nodes that a resource
// may have reached.
type builder struct {
	nodes []node
	sets  map[string]int32
	queue [][]int
	m     *machine
	work  *int // what is left of maxWork
}

type node struct {
	literals map[string]int
	star     int // node after any segment; 0 none
	self     int // node after the id of who asks; 0 none
	rest     int // node of "**"; 0 none
	grants   []int
}

func newBuilder() *builder { return &builder{nodes: make([]node, 1)} }

func (b *builder) add(segs []string, grant int) {
	at := 0
	for _, s := range segs {
		at = b.child(at, s)
	}
	if g := &b.nodes[at].grants; len(*g) == 0 || (*g)[len(*g)-1] != grant {
		*g = append(*g, grant)
	}
}

func (b *builder) child(at int, seg string) int {
	n := &b.nodes[at]
	var to *int
	switch seg {
	case "*":
		to = &n.star
	case "**":
		to = &n.rest
	case self:
		to = &n.self
	default:
		if n.literals == nil {
			n.literals = map[string]int{}
		}
		if i, ok := n.literals[seg]; ok {
			return i
		}
		n.literals[seg] = len(b.nodes)
		b.nodes = append(b.nodes, node{})
		return len(b.nodes) - 1
	}
	if *to != 0 {
		return *to
	}
	i := len(b.nodes)
	*to = i
	b.nodes = append(b.nodes, node{})
	if seg == "**" {
		b.nodes[i].star = i // swallows any number of segments
	}
	return i
}

// build makes the machine within *work, which it lowers; cells turns the grants
// of a state into its answer.
func (b *builder) build(work *int, cells func([]int) []cell) (*machine, error) {
	b.m, b.sets, b.queue, b.work = &machine{}, map[string]int32{}, nil, work
	b.state(nil) // dead
	b.state([]int{0})
	for i := 0; i < len(b.queue); i++ {
		if !b.expand(i, cells) {
			return nil, badPolicy("/grants", "has patterns that do not combine in too many ways")
		}
	}
	return b.m, nil
}

// spend charges n units, and reports whether there were as many.
func (b *builder) spend(n int) bool {
	*b.work -= n
	return *b.work >= 0
}

// state returns the number of the state of a set of nodes.
func (b *builder) state(set []int) int32 {
	for _, n := range set {
		if r := b.nodes[n].rest; r != 0 {
			set = append(set, r) // "**" matches no segment too
		}
	}
	slices.Sort(set)
	set = slices.Compact(set)
	key := make([]byte, 0, 4*len(set))
	for _, n := range set {
		key = binary.BigEndian.AppendUint32(key, uint32(n))
	}
	if s, ok := b.sets[string(key)]; ok {
		return s
	}
	s := int32(len(b.queue))
	b.sets[string(key)] = s
	b.queue = append(b.queue, set)
	b.m.states = append(b.m.states, state{})
	return s
}

// expand follows the nodes of state i, and reports whether there was work left.
func (b *builder) expand(i int, cells func([]int) []cell) bool {
	set := b.queue[i]
	var grants []int
	literals := map[string]bool{}
	for _, n := range set {
		grants = append(grants, b.nodes[n].grants...)
		if !b.spend(len(b.nodes[n].grants) + len(b.nodes[n].literals)) {
			return false
		}
		for seg := range b.nodes[n].literals {
			literals[seg] = true
		}
	}
	if !b.spend((len(literals)+1)*(len(set)+1) + tableSize(len(literals))) {
		return false
	}
	var found table
	if len(literals) > 0 {
		found = newTable(len(literals))
	}
	for _, seg := range slices.Sorted(maps.Keys(literals)) {
		found.put(seg, int32(len(b.m.steps)))
		b.m.steps = append(b.m.steps, b.step(set, seg))
	}
	other := b.step(set, "")
	s := &b.m.states[i]
	s.literals, s.other = found, other
	if len(grants) > 0 {
		slices.Sort(grants)
		s.accept = cells(slices.Compact(grants))
	}
	for _, c := range s.accept {
		b.spend(1 + len(c.allow)/8)
	}
	return *b.work >= 0
}

// step is where segment seg leads from set; "" is one that is no literal.
func (b *builder) step(set []int, seg string) step {
	var plain, own []int
	for _, n := range set {
		if i, ok := b.nodes[n].literals[seg]; ok {
			plain = append(plain, i)
		}
		if i := b.nodes[n].star; i != 0 {
			plain = append(plain, i)
		}
		if i := b.nodes[n].self; i != 0 {
			own = append(own, i)
		}
	}
	own = append(own, plain...)
	return step{plain: b.state(plain), self: b.state(own)}
}
