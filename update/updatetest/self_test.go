package updatetest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told are sentences of the interfaces that bind the caller, or state what cannot be
// seen from outside.
var told = []string{
	"r. ", "The caller closes r.",
}

// bullets returns the rules in the documentation of an interface, one line each.
func bullets(t *testing.T, source, name string) []string {
	doc := regexp.MustCompile(`(?s)((?://[^\n]*\n)+)type ` + name + ` interface`).FindStringSubmatch(source)
	require.NotNil(t, doc, name)
	text := regexp.MustCompile(`(?m)^// ?`).ReplaceAllString(doc[1], "")
	var out []string
	for part := range strings.SplitSeq(text, "\n\n") {
		for _, b := range strings.Split("\n"+part, "\n  - ")[1:] {
			out = append(out, strings.Join(strings.Fields(b), " "))
		}
	}
	return out
}

// sentences are those of the rules, by interface.
func sentences() map[string][]string {
	out := map[string][]string{}
	for _, r := range BootloaderRules() {
		out[r.Interface] = append(out[r.Interface], r.Sentence)
	}
	for _, r := range InstallerRules() {
		out[r.Interface] = append(out[r.Interface], r.Sentence)
	}
	for _, r := range FloorsRules() {
		out[r.Interface] = append(out[r.Interface], r.Sentence)
	}
	for _, r := range SourceRules(true) {
		out[r.Interface] = append(out[r.Interface], r.Sentence)
	}
	return out
}

// TestRulesAreQuoted shows that each rule stands in the documentation, and that
// nothing stands there that has no rule.
func TestRulesAreQuoted(t *testing.T) {
	source, err := os.ReadFile("../interfaces.go")
	require.NoError(t, err)
	all := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "\n//", "\n")), " ")
	n := 0
	for name, rules := range sentences() {
		for _, s := range rules {
			assert.Contains(t, all, s, name)
			n++
		}
		for _, b := range bullets(t, string(source), name) {
			rest := b
			for _, s := range append(rules, told...) {
				rest = strings.TrimSpace(strings.Replace(rest, s, "", 1))
			}
			assert.Empty(t, rest, "%s: a rule of the documentation has no check", name)
		}
	}
	t.Logf("rules=%d", n)
}

// catch shows that each rule catches what breaks it, and not what does not.
func catch[H harness](t *testing.T, rules []Rule[H], healthy H, broken map[string]H) {
	caught := 0
	for _, r := range rules {
		h, ok := broken[r.Name]
		if !assert.True(t, ok, "no broken fake for %s/%s", r.Interface, r.Name) {
			continue
		}
		require.NoError(t, r.Check(t, healthy), "%s: the one without flaw", r.Name)
		if err := r.Check(t, h); assert.Error(t, err, "%s: the broken fake was not caught", r.Name) {
			t.Logf("%s/%s: %v", r.Interface, r.Name, err)
			caught++
		}
	}
	t.Logf("rules=%d caught=%d", len(rules), caught)
	assert.Len(t, broken, len(rules))
}

// TestHarness: a kit that lacks what it needs fails.
func TestHarness(t *testing.T) {
	assert.Error(t, BootloaderRules()[0].Check(t, BootloaderHarness{}))
	assert.Error(t, InstallerRules()[0].Check(t, InstallerHarness{}))
	assert.Error(t, FloorsRules()[0].Check(t, FloorsHarness{}))
	assert.Error(t, SourceRules(false)[0].Check(t, SourceHarness{}))
	h := localSource()
	h.Remote = true
	assert.Error(t, SourceRules(true)[0].Check(t, h))
}
