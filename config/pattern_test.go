package config_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/pattern"
)

// evenHex is a pattern written by hand.
type evenHex struct{ text string }

func (evenHex) MatchString(s string) bool {
	return len(s)%2 == 0 && strings.Trim(s, "0123456789abcdef") == ""
}

func (p evenHex) String() string { return p.text }

// Coded has settings with patterns wherever one may stand.
type Coded struct {
	Code  string            `json:"code" setting:"doc=x; default=; pattern=even"`
	Codes []string          `json:"codes" setting:"doc=x; maxitems=2; pattern=even; maxlen=4"`
	Names map[string]string `json:"names" setting:"doc=x; maxitems=2; keys=id; pattern=even"`
}

func TestPatternByHand(t *testing.T) {
	schema, err := config.For[Coded](&config.SchemaOptions{Patterns: map[string]config.Pattern{"even": evenHex{`^(?:[0-9a-f]{2})*$`}}})
	require.NoError(t, err)
	for doc, want := range map[string]string{
		`{"code":"0aff"}`: "", `{"code":"0af"}`: "/code: want ^(?:[0-9a-f]{2})*$", `{"code":"0A"}`: "/code: want",
		`{"codes":["00","ff"]}`: "", `{"codes":["00","f"]}`: "/codes/1: want ^(?:", `{"codes":["001122"]}`: "/codes/0: want 0 to 4 characters",
		`{"names":{"a":"00"}}`: "", `{"names":{"a":"0"}}`: "/names/a: want ^(?:",
	} {
		_, err := schema.Validate([]byte(doc))
		if want == "" {
			assert.NoError(t, err, doc)
			continue
		}
		assert.ErrorContains(t, err, want, doc)
	}
	for _, f := range schema.Fields() {
		if f.Type == "string" {
			assert.Equal(t, `^(?:[0-9a-f]{2})*$`, f.Pattern, f.Path)
		}
	}
}

func TestWrongPatterns(t *testing.T) {
	good, text := evenHex{"^a*$"}, `pattern "even": its text begins with ^, ends with $ and has at most 512 bytes`
	for name, c := range map[string]struct {
		patterns map[string]config.Pattern
		rule     string
	}{
		"none":         {nil, `pattern: SchemaOptions.Patterns has no "even"`},
		"another":      {map[string]config.Pattern{"odd": good}, `pattern: SchemaOptions.Patterns has no "even"`},
		"nil":          {map[string]config.Pattern{"even": nil}, `pattern "even" is nil`},
		"typed nil":    {map[string]config.Pattern{"even": (*pattern.Pattern)(nil)}, `pattern "even" is nil`},
		"zero":         {map[string]config.Pattern{"even": &pattern.Pattern{}}, text},
		"not anchored": {map[string]config.Pattern{"even": regexp.MustCompile(`[a-z]`)}, text},
		"open end":     {map[string]config.Pattern{"even": regexp.MustCompile(`^[a-z]`)}, text},
		"one byte":     {map[string]config.Pattern{"even": evenHex{"^"}}, text},
		"long":         {map[string]config.Pattern{"even": evenHex{"^" + strings.Repeat("a", 511) + "$"}}, text},
		"empty name":   {map[string]config.Pattern{"even": good, "": good}, `pattern "": its name is of [a-zA-Z]`},
		"bad name":     {map[string]config.Pattern{"even": good, "a b": good}, `pattern "a b": its name is of [a-zA-Z]`},
		"long name":    {map[string]config.Pattern{"even": good, strings.Repeat("a", 33): good}, "at most 32 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.For[Coded](&config.SchemaOptions{Patterns: c.patterns})
			require.ErrorIs(t, err, config.ErrSchema)
			assert.ErrorContains(t, err, c.rule)
		})
	}
}
