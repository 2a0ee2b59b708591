package eventlog

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// TestTree: leaves, nodes and roots are those of tlog, at every size; and a tree that is
// written down and read goes on as the same.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	mine := tree{}
	for n := range int64(300) {
		want, err := tlog.TreeHash(n, reader)
		require.NoError(t, err)
		if n > 0 { // for none tlog has no hash; RFC 6962 has that of nothing
			require.Equal(t, want, mine.root(), "%d leaves", n)
		}
		line := fmt.Appendf(nil, "line %d", n)
		more, err := tlog.StoredHashes(n, line, reader)
		require.NoError(t, err)
		stored = append(stored, more...)
		mine.add(leafOf(line))
		again, ok := parseTree(mine.size, mine.text())
		require.True(t, ok)
		require.Equal(t, mine, again)
		for i := range mine.nodes {
			at := uint64(0)
			for j := range i {
				at += 1 << mine.level(j)
			}
			node, ok := mine.node(mine.level(i), at>>mine.level(i))
			require.True(t, ok)
			require.Equal(t, stored[tlog.StoredHashIndex(mine.level(i), int64(at>>mine.level(i)))], node)
		}
		_, ok = parseTree(2*mine.size+1, mine.text())
		require.False(t, ok, "one node is missing")
	}
}
