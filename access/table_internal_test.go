package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableFindsWhatAMapFinds(t *testing.T) {
	for _, form := range []string{"%d", "field%d", "object%d", "a-rather-long-name-%d-with-a-common-end", "x%06d"} {
		want := map[string]int32{}
		table := newTable(1000)
		for i := range int32(1000) {
			key := fmt.Sprintf(form, i)
			want[key] = i
			table.put(key, i)
		}
		for i := range 3000 {
			key := fmt.Sprintf(form, i)
			val, ok := want[key]
			if !ok {
				val = -1
			}
			require.Equal(t, val, table.find(key), key)
		}
		longest, run := 0, 0
		for i := range 2 * len(table.slots) {
			if run++; table.slots[i%len(table.slots)].key == "" {
				run = 0
			}
			longest = max(longest, run)
		}
		require.Less(t, longest, 64, form) // else a look-up is no longer quick
	}
	require.EqualValues(t, -1, new(table).find("a"))
	full := newTable(1)
	require.EqualValues(t, -1, full.find(""))
}

func FuzzSlash(f *testing.F) {
	f.Add("settings/network/wifi")
	f.Add("")
	f.Add("a23456789\xaf/")
	f.Fuzz(func(t *testing.T, s string) { require.Equal(t, strings.IndexByte(s, '/'), slash(s)) })
}
