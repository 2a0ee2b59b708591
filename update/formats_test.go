package update_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every member that the journal has is in the document of formats.
func TestJournalIsDocumented(t *testing.T) {
	source, err := os.ReadFile("journal.go")
	require.NoError(t, err)
	document, err := os.ReadFile("../docs/formats.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(document), "| member of the journal | is |")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	members := regexp.MustCompile(`json:"([a-z]+)`).FindAllSubmatch(source, -1)
	require.Greater(t, len(members), 15)
	for _, m := range members {
		assert.True(t, strings.Contains(table, "`"+string(m[1])+"`"), "%s", m[1])
	}
}
