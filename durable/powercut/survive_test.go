package powercut_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// survivors returns the distinct contents of the file f after a cut.
func survivors(m *powercut.Machine) []string {
	var out []string
	for _, s := range m.Survivors() {
		content, ok := s.Machine.Files()["f"]
		if !ok {
			content = []byte("(none)")
		}
		out = append(out, string(content))
	}
	slices.Sort(out)
	return out
}

func TestSurvivorsOfAnAppend(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "f", "old"))
	assert.Equal(t, []string{"old"}, survivors(m))
	f, err := m.FS().Open("f", durable.ReadWrite)
	require.NoError(t, err)
	write(t, f, strings.Repeat("n", 600), 3)
	want := []string{
		"old",                                // synced, or cut at 0
		"old" + strings.Repeat("n", 600),     // whole
		"old" + "n",                          // cut
		"old" + strings.Repeat("n", 512),     // cut at a sector
		"old" + strings.Repeat("n", 599),     // cut before the last byte
		"old" + holed(600, 512),              // without its first 512 bytes
		"old" + holed(600, 509),              // without its part of the file's first sector
		"old" + strings.Repeat("\x00", 600),  // zeros
		"old" + strings.Repeat("old", 600/3), // stale: its own bytes
	}
	slices.Sort(want)
	assert.Equal(t, want, survivors(m))
	require.NoError(t, f.Sync())
	assert.Equal(t, []string{"old" + strings.Repeat("n", 600)}, survivors(m))
}

// holed is a write of size bytes into new space, without its first ones.
func holed(size, missing int) string {
	return strings.Repeat("\x00", missing) + strings.Repeat("n", size-missing)
}

// The missing sector of an overwrite keeps its old bytes, also if the write is
// smaller than a sector but lies in two.
func TestSurvivorsWithoutTheFirstSector(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "f", strings.Repeat("o", 1030)))
	f, err := m.FS().Open("f", durable.ReadWrite)
	require.NoError(t, err)
	write(t, f, "nnn", 1023)
	o := func(n int) string { return strings.Repeat("o", n) }
	assert.ElementsMatch(t, []string{
		o(1030),                // synced
		o(1023) + "n" + o(6),   // cut at 1
		o(1023) + "nn" + o(5),  // cut before the last byte
		o(1024) + "nn" + o(4),  // its first byte missing
		o(1023) + "nnn" + o(4), // whole
	}, survivors(m))
	require.NoError(t, f.Sync())
	write(t, f, "mm", 1022)
	assert.Len(t, survivors(m), 3, "it lies in one sector: nothing, a byte, all")
}

func write(t *testing.T, f durable.File, data string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(data), off)
	require.NoError(t, err)
}

func TestSurvivorsOutOfOrderAndStale(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "g", "dead"))
	require.NoError(t, replace(m.FS(), "g", "other"))
	require.NoError(t, replace(m.FS(), "f", ""))
	f, err := m.FS().Open("f", durable.ReadWrite)
	require.NoError(t, err)
	write(t, f, "a", 0)
	write(t, f, "b", 1)
	assert.ElementsMatch(t, []string{
		"", "ab", "a",
		"\x00b",    // the last write alone
		"\x00\x00", // zeros
		"de",       // of the file replaced last
		"ot",       // of the longest other file
	}, survivors(m))
}

func TestSurvivorsOfNames(t *testing.T) {
	m := powercut.New()
	require.NoError(t, writeFile(m.FS(), "f.tmp", "new"))
	require.NoError(t, m.FS().Rename("f.tmp", "f"))
	list := m.Survivors()
	require.Len(t, list, 3, "nothing, the temporary name, the name")
	assert.Empty(t, list[0].Machine.Files())
	assert.Equal(t, map[string][]byte{"f.tmp": []byte("new")}, list[1].Machine.Files())
	assert.Equal(t, map[string][]byte{"f": []byte("new")}, list[2].Machine.Files())
	assert.Contains(t, list[1].Desc, ".: 1 of 2 entry operations")
	require.NoError(t, syncDir(m.FS(), "."))
	assert.Len(t, m.Survivors(), 1)
}

// Above 64 combinations each file is varied alone, the others being all synced or
// all whole.
func TestSurvivorsAreCapped(t *testing.T) {
	m := powercut.New()
	const files, each = 6, 4 // synced, one byte, zeros, whole
	for i := range files {
		f, err := m.FS().Open(fmt.Sprint(i), durable.Create)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		write(t, f, "xx", 0)
	}
	require.NoError(t, syncDir(m.FS(), "."))
	assert.Len(t, m.Survivors(), 2*(1+files*(each-1)))
}

func TestFailedSyncLosesItsPages(t *testing.T) {
	m := powercut.New()
	require.NoError(t, replace(m.FS(), "f", "old"))
	f, err := m.FS().Open("f", durable.ReadWrite)
	require.NoError(t, err)
	write(t, f, "new", 0)
	m.Fail(0, powercut.Fail)
	require.ErrorIs(t, f.Sync(), powercut.ErrIO)
	require.NoError(t, f.Sync(), "the next one gives nil")
	assert.Equal(t, "new", string(m.Files()["f"]), "the cache has it")
	assert.Equal(t, []string{"old"}, survivors(m), "the medium does not")
	write(t, f, "w", 2)
	require.NoError(t, f.Sync())
	assert.Equal(t, []string{"olw"}, survivors(m))
	m.Settle()
	assert.Equal(t, "olw", string(m.Files()["f"]))
}

func TestFailedDirectorySyncLeavesOperationsPending(t *testing.T) {
	m := powercut.New()
	require.NoError(t, writeFile(m.FS(), "f", "x"))
	m.Fail(0, powercut.Fail)
	require.ErrorIs(t, syncDir(m.FS(), "."), powercut.ErrIO)
	assert.Equal(t, []string{"(none)", "x"}, survivors(m))
	require.NoError(t, syncDir(m.FS(), "."))
	assert.Equal(t, []string{"x"}, survivors(m))
}
