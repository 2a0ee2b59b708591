package powercut

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// sector is the size in bytes of what reaches a medium as a whole.
const sector = 512

// maxProduct is the number of combinations up to which all are tried.
const maxProduct = 64

// Survivor is a machine as it may start again after a power cut.
type Survivor struct {
	Machine *Machine
	Desc    string // what became of each thing that was pending
	hash    [sha256.Size]byte
}

// Survivors returns the distinct states in which the media may be found if the
// power fails now. m itself does not change. The package documentation says which
// states these are.
func (m *Machine) Survivors() []Survivor {
	m.mu.Lock()
	defer m.mu.Unlock()
	root := m.root.clone(map[*inode]*inode{})
	dirs := dirty(root, func(n *inode) bool { return len(n.moves) > 0 }, nil)
	sizes := make([]int, len(dirs))
	for i, d := range dirs {
		sizes[i] = len(d.n.moves) + 1
	}
	var out []Survivor
	seen := map[[sha256.Size]byte]bool{}
	for _, prefix := range combine(sizes) {
		ch := choice{prefix: map[*inode]int{}, content: map[*inode][]byte{}}
		desc := make([]string, 0, len(dirs))
		for i, d := range dirs {
			ch.prefix[d.n] = prefix[i]
			desc = append(desc, fmt.Sprintf("%s: %d of %d entry operations", d.name, prefix[i], sizes[i]-1))
		}
		out = append(out, m.files(root, ch, desc, seen)...)
	}
	return out
}

// files returns the new survivors for one choice of directory entries.
func (m *Machine) files(root *inode, ch choice, dirDesc []string, seen map[[sha256.Size]byte]bool) []Survivor {
	files := dirty(root, func(n *inode) bool { return len(n.pending) > 0 }, ch.prefix)
	sizes := make([]int, len(files))
	options := make([][]variant, len(files))
	for i, f := range files {
		options[i] = variants(f.n, m.stale(root, f.n))
		sizes[i] = len(options[i])
	}
	var out []Survivor
	for _, pick := range combine(sizes) {
		desc := slices.Clone(dirDesc)
		for i, f := range files {
			v := options[i][pick[i]]
			ch.content[f.n] = v.content
			desc = append(desc, f.name+": "+v.desc)
		}
		rest := atRest(root, ch)
		if h := m.hash(rest); !seen[h] {
			seen[h] = true
			s := m.bare()
			s.restart(rest)
			if len(desc) == 0 {
				desc = []string{"nothing pending"}
			}
			out = append(out, Survivor{Machine: s, Desc: strings.Join(desc, "; "), hash: h})
		}
	}
	return out
}

// choice says what of the pending things has reached the medium: everything, or
// the given prefixes of directories and contents of files; a file or directory
// that is not named has lost what was pending.
type choice struct {
	all     bool
	prefix  map[*inode]int
	content map[*inode][]byte
}

func (c choice) entries(n *inode) map[string]*inode {
	if c.all {
		return n.after(len(n.moves))
	}
	return n.after(c.prefix[n])
}

// atRest returns a copy of the tree below n with ch settled and nothing pending.
func atRest(n *inode, ch choice) *inode {
	if !n.dir {
		content, ok := ch.content[n]
		switch {
		case ch.all:
			content = n.whole()
		case !ok:
			content = n.stable
		}
		var holes []span
		if !n.lost && (ch.all || len(n.pending) == 0) {
			holes = slices.Clone(n.holes)
		}
		return newFile(content, holes)
	}
	entries := ch.entries(n)
	for name, child := range entries {
		entries[name] = atRest(child, ch)
	}
	return &inode{dir: true, kept: entries, names: maps.Clone(entries)}
}

// named is an inode with a name under which it is, was or will be found.
type named struct {
	name string
	n    *inode
}

// dirty lists what is below root and matches. With a nil prefix it looks at
// entries in any state, else at those that the prefixes leave.
func dirty(root *inode, match func(*inode) bool, prefix map[*inode]int) []named {
	var out []named
	seen := map[*inode]bool{}
	var visit func(name string, n *inode)
	visit = func(name string, n *inode) {
		if seen[n] {
			return
		}
		seen[n] = true
		if match(n) {
			out = append(out, named{name, n})
		}
		if !n.dir {
			return
		}
		first := 0
		last := len(n.moves)
		if prefix != nil {
			first, last = prefix[n], prefix[n]
		}
		for k := first; k <= last; k++ {
			entries := n.after(k)
			for _, entry := range sortedKeys(entries) {
				visit(path.Join(name, entry), entries[entry])
			}
		}
	}
	visit(".", root)
	return out
}

// combine returns index tuples below sizes: all of them, or, when they are more
// than maxProduct, each position over all its values while the others are all
// first (nothing reached the medium) or all last (everything did).
func combine(sizes []int) [][]int {
	product := 1
	for _, s := range sizes {
		product = min(product*s, maxProduct+1)
	}
	out := [][]int{make([]int, len(sizes))}
	if product <= maxProduct {
		for i, s := range sizes {
			for _, tuple := range out {
				for v := 1; v < s; v++ {
					next := slices.Clone(tuple)
					next[i] = v
					out = append(out, next)
				}
			}
		}
		return out
	}
	last := make([]int, len(sizes))
	for i, s := range sizes {
		last[i] = s - 1
	}
	for _, base := range [][]int{make([]int, len(sizes)), last} {
		for i, s := range sizes {
			for v := range s {
				next := slices.Clone(base)
				next[i] = v
				out = append(out, next)
			}
		}
	}
	return out
}

// hash identifies the media: files below root, directories, non-file media.
func (m *Machine) hash(root *inode) [sha256.Size]byte {
	h := sha256.New()
	field := func(b []byte) {
		h.Write(binary.AppendUvarint(nil, uint64(len(b))))
		h.Write(b)
	}
	root.walk(".", func(name string, n *inode) {
		field([]byte(name))
		if !n.dir {
			field(n.stable)
		}
	})
	for _, key := range sortedKeys(m.media) {
		field([]byte(key))
		field(m.media[key])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
