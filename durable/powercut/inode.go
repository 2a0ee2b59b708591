package powercut

import (
	"maps"
	"slices"
)

// inode is a file or a directory: what the medium keeps, and in order what was
// done since.
type inode struct {
	dir bool

	stable  []byte   // content on the medium; never changed in place
	live    []byte   // content that the running machine reads
	owned   bool     // live is shared with nobody
	pending []change // not on the medium
	lost    bool     // a failed Sync dropped changes: live is more than stable and pending
	holes   []span   // of live, sorted: never written, so not allocated

	kept  map[string]*inode // entries on the medium
	names map[string]*inode // entries that the running machine sees
	moves []move            // not on the medium
}

// change is a WriteAt, or a Truncate to off.
type change struct {
	truncate bool
	off      int64
	data     []byte
}

// move is an operation on the entries of one directory.
type move struct {
	from string // removed, unless empty
	to   string // made or replaced, unless empty
	node *inode
}

// span is a range of bytes.
type span struct{ from, to int64 }

func newDir() *inode {
	return &inode{dir: true, kept: map[string]*inode{}, names: map[string]*inode{}}
}

// newFile returns a file at rest.
func newFile(content []byte, holes []span) *inode {
	return &inode{stable: content, live: content, holes: holes}
}

func (n *inode) clone(seen map[*inode]*inode) *inode {
	if c, ok := seen[n]; ok {
		return c
	}
	n.owned = false // from now on both write to copies
	c := *n
	seen[n] = &c
	c.pending, c.holes = slices.Clone(n.pending), slices.Clone(n.holes)
	c.kept, c.names, c.moves = maps.Clone(n.kept), maps.Clone(n.names), slices.Clone(n.moves)
	for name, child := range c.kept {
		c.kept[name] = child.clone(seen)
	}
	for name, child := range c.names {
		c.names[name] = child.clone(seen)
	}
	for i, mv := range c.moves {
		if mv.node != nil {
			c.moves[i].node = mv.node.clone(seen)
		}
	}
	return &c
}

// do applies c to what the running machine reads and notes it as pending.
func (n *inode) do(c change) {
	n.pending = append(n.pending, c)
	if !n.owned {
		n.live, n.owned = slices.Clone(n.live), true
	}
	old := int64(len(n.live))
	n.live = c.apply(n.live)
	switch end := c.off + int64(len(c.data)); {
	case c.truncate && c.off < old:
		n.holes = without(n.holes, span{c.off, old})
	case c.truncate && c.off > old:
		n.holes = append(n.holes, span{old, c.off})
	case !c.truncate:
		if c.off > old {
			n.holes = append(n.holes, span{old, c.off})
		}
		n.holes = without(n.holes, span{c.off, end})
	}
}

// apply returns content as it is after c. It may change content in place.
func (c change) apply(content []byte) []byte {
	size := c.off + int64(len(c.data))
	if have := int64(len(content)); size > have {
		content = append(content, make([]byte, size-have)...)
	}
	if c.truncate {
		return content[:c.off]
	}
	copy(content[c.off:], c.data)
	return content
}

// replay returns a copy of content after changes.
func replay(content []byte, changes []change) []byte {
	if len(changes) == 0 {
		return content
	}
	out := slices.Clone(content)
	for _, c := range changes {
		out = c.apply(out)
	}
	return out
}

// flush brings the first k pending changes to the medium.
func (n *inode) flush(k int) {
	if k == len(n.pending) && !n.lost {
		n.stable, n.owned = n.live, false
	} else {
		n.stable = replay(n.stable, n.pending[:k])
	}
	n.pending = slices.Clone(n.pending[k:])
}

// whole returns the content once everything pending is on the medium.
func (n *inode) whole() []byte { return replay(n.stable, n.pending) }

// allocates reports how many bytes a write of r would allocate.
func (n *inode) allocates(r span) int64 {
	size := int64(len(n.live))
	need := max(0, r.to-max(r.from, size))
	for _, h := range n.holes {
		need += max(0, min(h.to, r.to)-max(h.from, r.from))
	}
	return need
}

// used returns the bytes that are allocated.
func (n *inode) used() int64 {
	size := int64(len(n.live))
	for _, h := range n.holes {
		size -= h.to - h.from
	}
	return size
}

// without returns the spans without what r covers.
func without(spans []span, r span) []span {
	var out []span
	for _, s := range spans {
		if left := (span{s.from, min(s.to, r.from)}); left.from < left.to {
			out = append(out, left)
		}
		if right := (span{max(s.from, r.to), s.to}); right.from < right.to {
			out = append(out, right)
		}
	}
	return out
}

// move applies mv to what the running machine sees and notes it as pending.
func (n *inode) move(mv move) {
	n.moves = append(n.moves, mv)
	mv.apply(n.names)
}

func (mv move) apply(names map[string]*inode) {
	if mv.from != "" {
		delete(names, mv.from)
	}
	if mv.to != "" {
		names[mv.to] = mv.node
	}
}

// flushMoves brings the first k pending operations to the medium.
func (n *inode) flushMoves(k int) {
	n.kept = n.after(k)
	n.moves = slices.Clone(n.moves[k:])
}

// after returns the entries with the first k pending operations done.
func (n *inode) after(k int) map[string]*inode {
	names := maps.Clone(n.kept)
	for _, mv := range n.moves[:k] {
		mv.apply(names)
	}
	return names
}
