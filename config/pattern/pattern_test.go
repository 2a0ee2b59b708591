package pattern_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/pattern"
)

var _ config.Pattern = (*pattern.Pattern)(nil)

func TestCompile(t *testing.T) {
	const (
		ends     = "it begins with ^ and ends with $, around all alternatives"
		lists    = "it lists what is allowed: no dot, no negated class, no (?i)"
		portable = "it uses only classes"
		re2      = "it is not RE2: "
	)
	for text, rule := range map[string]string{
		`[a-z]+`: ends, `^a|b$`: ends, `a$`: ends, `^a`: ends, ``: ends, `^`: ends, `$`: ends, `^a$|^b$`: ends, `^a\$`: ends,
		`^.*$`: lists, `^[^ab]*$`: lists, `^(?:a|.)$`: lists, `^[a-\x{10FFFF}]$`: portable, "^[a-\U0010FFFF]$": lists,
		`^\D*$`: portable, `^\s$`: portable, `^\pL$`: portable, `^\Qa\E$`: portable, `^\x41$`: portable, `^a\b$`: portable,
		`^[[:alpha:]]$`: portable, `^[a[:alpha:]]$`: portable, `^[]a]$`: portable, `^(?P<n>a)$`: portable,
		`^(?i)a$`: portable, `^(?i:a)$`: portable, `(?i)^a$`: ends, `(?m)^a$`: ends, `^(?s:a)$`: portable,
		`^(a$`: re2, `^a**$`: re2, `^(?=a)$`: re2, `^(a)\1$`: re2, `^[b-a]$`: re2, "^\xff$": re2,
		"^" + strings.Repeat("a", 511) + "$": "it has more than 512 bytes",
		`^(?:(?:(?:a{10}){10}){10}){10}$`:    re2,
		// What is allowed.
		`^$`: "", `^[a-z]+$`: "", `^(?:a|b)$`: "", `^(a|b)$`: "", `^\d{1,3}\.\w\/\-$`: "", `^[0-9A-F]{2}(?::[0-9A-F]{2}){5}$`: "",
		`^[äöü]*$`: "", `^[\[\]\\]$`: "", "^" + strings.Repeat("a", 510) + "$": "",
	} {
		p, err := pattern.Compile(text)
		if rule == "" {
			require.NoError(t, err, text)
			assert.Equal(t, text, p.String())
			continue
		}
		var wrong *pattern.Error
		require.ErrorAs(t, err, &wrong, text)
		assert.Contains(t, wrong.Rule, rule, text)
		assert.Equal(t, "pattern: compile: "+wrong.Rule, err.Error())
		assert.Nil(t, p)
	}
}

func TestMatchesWholeStrings(t *testing.T) {
	p := pattern.MustCompile(`^(?:[a-z]{2}|[0-9])$`)
	for s, want := range map[string]bool{
		"ab": true, "7": true, "": false, "a": false, "77": false, "ab7": false, "7ab": false,
		"ab\n": false, "\nab": false, "7\n7": false, "7\x00": false, "Ab": false, "\xff": false,
	} {
		assert.Equal(t, want, p.MatchString(s), "%q", s)
	}
}

func TestZeroAllowsNothing(t *testing.T) {
	var p pattern.Pattern
	assert.False(t, p.MatchString(""))
	assert.Empty(t, p.String())
}

func TestMustCompile(t *testing.T) {
	assert.PanicsWithError(t, "pattern: compile: it begins with ^ and ends with $, around all alternatives", func() { pattern.MustCompile("a") })
}

// FuzzCompile: an accepted pattern reads as what it says, allows whole strings
// only, and does not allow what it does not name.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		`^[a-z]+$`, `^(?:a|b)$`, `^a|b$`, `^.*$`, `^[^a]$`, `^(?i)a$`, `^\d{1,3}$`, `^[[:alpha:]]$`, `^[\w.-]*@[\w.-]*$`, `^a\$`, "^[a-\U0010FFFF]$",
	} {
		f.Add(text, "ab")
	}
	f.Fuzz(func(t *testing.T, text, s string) {
		p, err := pattern.Compile(text)
		if err != nil {
			var wrong *pattern.Error
			require.ErrorAs(t, err, &wrong)
			return
		}
		require.LessOrEqual(t, len(text), pattern.MaxBytes)
		require.Equal(t, text, p.String())
		whole := regexp.MustCompile(`\A(?:` + strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$") + `)\z`)
		require.Equal(t, whole.MatchString(s), p.MatchString(s))
		if !strings.ContainsRune(text, 0x10FFFF) {
			require.False(t, p.MatchString(s+"\U0010FFFF"))
		}
	})
}
