package powercut

import (
	"bytes"
	"fmt"
	"slices"
)

// variant is a content in which an unsynced file may be found.
type variant struct {
	content []byte
	desc    string
}

// variants lists the distinct contents of n after a power cut: synced first,
// whole last.
func variants(n *inode, stale [][]byte) []variant {
	out := []variant{{n.stable, "synced"}}
	whole := n.whole()
	add := func(content []byte, desc string, args ...any) {
		for _, v := range out {
			if bytes.Equal(v.content, content) {
				return
			}
		}
		if !bytes.Equal(whole, content) {
			out = append(out, variant{content, fmt.Sprintf(desc, args...)})
		}
	}
	n.lastOperation(add)
	from := n.rewrittenFrom()
	if size := len(whole); size > from {
		grown := slices.Clone(whole[:from])
		add(append(grown, make([]byte, size-from)...), "zeros from %d", from)
		for i, source := range stale {
			add(append(slices.Clone(grown), fill(source, from, size)...), "stale bytes %d from %d", i, from)
		}
	}
	if len(out) > 1 || !bytes.Equal(n.stable, whole) {
		out = append(out, variant{whole, "whole"})
	}
	return out
}

// lastOperation adds what may be left of the last pending operation. The sectors
// of one write may reach the medium in any order: so its beginning may be missing
// while the rest is there. Sectors count from the beginning of the file and, since
// a file may lie anywhere on a medium with larger ones, from that of the write.
func (n *inode) lastOperation(add func(content []byte, desc string, args ...any)) {
	k := len(n.pending) - 1
	if k < 0 {
		return
	}
	before, last := replay(n.stable, n.pending[:k]), n.pending[k]
	add(before, "without the last operation")
	size := len(last.data)
	for _, cut := range []int{1, sector, size - 1} {
		if cut > 0 && cut < size {
			torn := change{off: last.off, data: last.data[:cut]}
			add(replay(before, []change{torn}), "last write cut at %d bytes", cut)
		}
	}
	for _, cut := range []int{sector - int(last.off%sector), sector} {
		if cut < size {
			rest := change{off: last.off + int64(cut), data: last.data[cut:]}
			add(replay(before, []change{rest}), "last write without its first %d bytes", cut)
		}
	}
	if !last.truncate {
		add(replay(n.stable, []change{last}), "last write alone")
	}
}

// rewrittenFrom returns the offset from which the file was given new space: the
// shortest length it had since the last Sync.
func (n *inode) rewrittenFrom() int {
	from := len(n.stable)
	for _, c := range n.pending {
		if c.truncate {
			from = min(from, int(c.off))
		}
	}
	return from
}

// fill returns bytes for the range [from, size) of a file out of a source: those
// at the same offset if it is long enough, else its bytes over and over.
func fill(source []byte, from, size int) []byte {
	if len(source) >= size {
		return source[from:size]
	}
	out := make([]byte, 0, size-from+len(source))
	for len(out) < size-from {
		out = append(out, source...)
	}
	return out[:size-from]
}

// stale returns the contents that new space of n may show: its own synced one,
// that of the file replaced or removed last, and that of the longest other file
// on the medium.
func (m *Machine) stale(root, n *inode) [][]byte {
	var out [][]byte
	add := func(content []byte) {
		if len(content) > 0 && !slices.ContainsFunc(out, func(b []byte) bool { return bytes.Equal(b, content) }) {
			out = append(out, content)
		}
	}
	add(n.stable)
	for _, old := range slices.Backward(m.dead) {
		if !bytes.Equal(old, n.stable) {
			add(old)
			break
		}
	}
	var longest []byte
	root.walk(".", func(_ string, other *inode) {
		if other != n && len(other.stable) > len(longest) {
			longest = other.stable
		}
	})
	add(longest)
	return out
}
