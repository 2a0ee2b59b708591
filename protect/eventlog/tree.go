package eventlog

import (
	"crypto/sha256"
	"encoding/base64"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// hash is one of the tree of RFC 6962, whose leaves are the lines of the records.
type hash = tlog.Hash

// tree is as much of the tree as is needed to go on with it and to tell its root: the
// roots of the complete subtrees that its first size leaves make, the largest first. It
// is a "compact range".
type tree struct {
	size  uint64
	nodes []hash
}

// leafOf is the hash of a line.
func leafOf(line []byte) hash { return tlog.RecordHash(line) }

// nodeOf is tlog.NodeHash without an allocation.
func nodeOf(left, right hash) hash {
	var b [1 + 2*len(left)]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+len(left):], right[:])
	return sha256.Sum256(b[:])
}

// add appends a leaf.
func (t *tree) add(leaf hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.nodes) - 1
		leaf = nodeOf(t.nodes[last], leaf)
		t.nodes = t.nodes[:last]
	}
	t.nodes = append(t.nodes, leaf)
	t.size++
}

// root is the hash of the tree.
func (t *tree) root() hash {
	if len(t.nodes) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.nodes[len(t.nodes)-1]
	for _, left := range slices.Backward(t.nodes[:len(t.nodes)-1]) {
		root = nodeOf(left, root)
	}
	return root
}

func (t *tree) clone() tree { return tree{t.size, slices.Clone(t.nodes)} }

// whole reports whether as many nodes are there as size asks for.
func (t *tree) whole() bool { return len(t.nodes) == bits.OnesCount64(t.size) }

// text is the base64 of the nodes.
func (t *tree) text() string {
	raw := make([]byte, 0, len(t.nodes)*len(hash{}))
	for _, n := range t.nodes {
		raw = append(raw, n[:]...)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// parseTree is the reverse of text, for so many leaves.
func parseTree(size uint64, text string) (tree, bool) {
	t := tree{size: size}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw)%len(hash{}) != 0 {
		return t, false
	}
	for ; len(raw) > 0; raw = raw[len(hash{}):] {
		t.nodes = append(t.nodes, hash(raw))
	}
	return t, t.whole()
}

// level is that of the i-th node: the number of its leaves is 2 to that.
func (t *tree) level(i int) int {
	rest := t.size
	for range i { // the largest come first
		rest &^= 1 << (bits.Len64(rest) - 1)
	}
	return bits.Len64(rest) - 1
}

// node returns the root of the at-th complete subtree of 2^level leaves, if it is one of the nodes.
func (t *tree) node(level int, at uint64) (hash, bool) {
	begin := uint64(0)
	for i, node := range t.nodes {
		size := uint64(1) << t.level(i)
		if begin == at<<level && size == 1<<level {
			return node, true
		}
		begin += size
	}
	return hash{}, false
}
