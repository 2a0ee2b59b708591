package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
)

// generator makes values from the public description of a schema alone, so that
// what Fields says and what Validate does are held against each other.
type generator struct {
	*rand.Rand
	fields []config.Field
}

var alphabet = map[string]string{
	"digits": "0123456789", "hex": "09afAF", "lower": "az09-", "id": "azAZ09._-", "host": "azAZ09.:[]_-",
	"base64": "azAZ09+/=_-", "ascii": " ~\"\\a", "text": "aé漢😀 \"", "lines": "aé漢\n\t",
}

// outside of every charset there is this.
const outsider = "\u202e"

func (g *generator) text(f config.Field, n int) string {
	switch {
	case len(f.Enum) > 0:
		return f.Enum[g.IntN(len(f.Enum))]
	case f.Charset == "":
		return "a1" // the only setting with a pattern of its own
	}
	chars := []rune(alphabet[f.Charset])
	var b strings.Builder
	for range n {
		b.WriteRune(chars[g.IntN(len(chars))])
	}
	return b.String()
}

// good gives a value of f within its rules, at the ends of its range half of the
// time.
func (g *generator) good(f config.Field) string {
	switch f.Type {
	case "boolean":
		return fmt.Sprint(g.IntN(2) == 0)
	case "integer":
		if len(f.Enum) > 0 {
			return f.Enum[g.IntN(len(f.Enum))]
		}
		return g.pick(f.Min, f.Max)
	case "number":
		return g.pick(f.Min, f.Max)
	case "duration":
		return quote(g.pick(f.Min, f.Max))
	case "string":
		n := f.MinLen + g.IntN(f.MaxLen-f.MinLen+1)
		if f.Charset != "" && g.IntN(4) == 0 {
			n = f.MaxLen
		}
		return quote(g.text(f, n))
	}
	return "null"
}

func (g *generator) pick(lo, hi string) string {
	if g.IntN(2) == 0 {
		return lo
	}
	return hi
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// bad gives values of f that break one of its rules.
func (g *generator) bad(f config.Field) []string {
	out := []string{"null", "[[]]"}
	switch f.Type {
	case "boolean":
		return append(out, `"true"`, "0", "{}")
	case "integer", "number":
		out = append(out, `"1"`, "1e400", "{}", "true")
		if f.Min != "" {
			out = append(out, beyond(f.Min, -1), beyond(f.Max, 1))
		} else {
			out = append(out, "77")
		}
		return out
	case "duration":
		lo, _ := time.ParseDuration(f.Min)
		hi, _ := time.ParseDuration(f.Max)
		return append(out, quote((lo - 1).String()), quote((hi + 1).String()), `"x"`, "5")
	default:
		out = append(out, "5", quote(outsider+"ab"))
		if f.Charset != "" {
			out = append(out, quote(g.text(f, f.MaxLen+1)))
			if f.MinLen > 0 {
				out = append(out, quote(g.text(f, f.MinLen-1)))
			}
		}
		return out
	}
}

func beyond(limit string, by int) string {
	var v float64
	fmt.Sscan(limit, &v)
	return fmt.Sprintf("%.0f", v+float64(2*by))
}

// scalars are the plain settings that stand in no list or map.
func (g *generator) scalars() []config.Field {
	var out []config.Field
	for _, f := range g.fields {
		if !strings.Contains(f.Path, "*") && f.Type != "array" && f.Type != "object" {
			out = append(out, f)
		}
	}
	return out
}

// nest puts a value at a path.
func nest(path, value string) string {
	names := strings.Split(path[1:], "/")
	for _, name := range slices.Backward(names) {
		value = "{" + quote(name) + ":" + value + "}"
	}
	return value
}

func TestSchemaAgreesWithItsFields(t *testing.T) {
	rules, err := config.For[Rules](patterns)
	require.NoError(t, err)
	sensor, err := config.For[Sensor](patterns)
	require.NoError(t, err)
	for _, schema := range []*config.Schema{rules, sensor} {
		g := &generator{rand.New(rand.NewPCG(1, 2)), schema.Fields()}
		for range 200 {
			for _, f := range g.scalars() {
				doc := nest(f.Path, g.good(f))
				_, err := schema.Validate([]byte(doc))
				require.NoError(t, err, doc)
				for _, bad := range g.bad(f) {
					doc = nest(f.Path, bad)
					report, err := schema.Validate([]byte(doc))
					require.ErrorIs(t, err, config.ErrInvalid, doc)
					require.Equal(t, f.Path, strings.TrimSuffix(report[0].Path, "/0"), doc)
				}
			}
		}
	}
}

// Whatever changes come: the document is valid, comes back from the medium as it
// was, and a refused change changes nothing.
func TestRandomChanges(t *testing.T) {
	d := newDevice(t, nil)
	g := &generator{rand.New(rand.NewPCG(3, 4)), d.schema.Fields()}
	stored := 0
	for i := range 400 {
		f := g.scalars()[g.IntN(len(g.scalars()))]
		value := g.good(f)
		if bad := g.bad(f); g.IntN(3) == 0 {
			value = bad[g.IntN(len(bad))]
		}
		before, was := d.document(), d.settings.Revision()
		_, err := d.patch(nest(f.Path, value), f.Path)
		if err != nil {
			require.Equal(t, before, d.document())
			require.Equal(t, was, d.settings.Revision())
			continue
		}
		stored++
		_, err = d.schema.Validate([]byte(d.document()))
		require.NoError(t, err)
		if i%10 == 0 {
			before = d.document()
			require.NoError(t, d.open())
			require.Equal(t, before, d.document())
			require.NoError(t, d.settings.Health(context.Background()))
		}
	}
	assert.Greater(t, stored, 100)
}
