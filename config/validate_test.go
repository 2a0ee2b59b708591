package config_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
)

// Rules has one setting for each rule.
type Rules struct {
	Bool     bool           `json:"bool" setting:"doc=x; default=false"`
	Int8     int8           `json:"int8" setting:"doc=x; default=0; min=-128; max=127"`
	Int      int64          `json:"int" setting:"doc=x; default=0; min=-9007199254740991; max=9007199254740991"`
	Uint     uint64         `json:"uint" setting:"doc=x; default=5; min=5; max=10"`
	IntEnum  int            `json:"intEnum" setting:"doc=x; default=1; enum=1|5|25"`
	Float    float64        `json:"float" setting:"doc=x; default=0; min=-1.5; max=1e3"`
	Float32  float32        `json:"float32" setting:"doc=x; default=0; min=0; max=1"`
	Text     string         `json:"text" setting:"doc=x; default=ab; charset=text; minlen=2; maxlen=4"`
	Lines    string         `json:"lines" setting:"doc=x; default=; charset=lines; maxlen=9"`
	ID       string         `json:"id" setting:"doc=x; default=; charset=id"`
	Pattern  string         `json:"pattern" setting:"doc=x; default=a1; pattern=letter-digits"`
	Enum     string         `json:"enum" setting:"doc=x; default=on; enum=on|off"`
	Duration time.Duration  `json:"duration" setting:"doc=x; default=1m; min=30s; max=1h30m"`
	List     []string       `json:"list" setting:"doc=x; maxitems=3; minitems=1; default=[\"a\"]; enum=a|b"`
	Structs  []Pair         `json:"structs" setting:"doc=x; maxitems=2"`
	Map      map[string]int `json:"map" setting:"doc=x; maxitems=2; keys=lower; min=0; max=9"`
	Deep     Deep           `json:"deep" setting:"doc=x"`
}

type Deep struct {
	Pairs map[string]Pair `json:"pairs" setting:"doc=x; maxitems=2; keys=id"`
}

type Pair struct {
	A int    `json:"a" setting:"doc=x; required; min=1; max=2"`
	B string `json:"b" setting:"doc=x; default=b; enum=b|c"`
}

func TestValidate(t *testing.T) {
	schema, err := config.For[Rules](patterns)
	require.NoError(t, err)
	for doc, want := range map[string]string{ // wanted: "path: rule", or "" for valid
		`{}`: "", ` { } `: "", `{"bool":true}`: "", `{"bool":"true"}`: "/bool: want true or false", `{"bool":1}`: "/bool: want true or false",
		`{"bool":null}`: "/bool: null, want a value",

		`{"int8":127}`: "", `{"int8":-128}`: "", `{"int8":128}`: "/int8: want -128 to 127", `{"int8":-129}`: "/int8: want -128 to 127",
		`{"int8":1.0}`: "", `{"int8":1e2}`: "", `{"int8":1.5}`: "/int8: want a whole number", `{"int8":"1"}`: "/int8: want a number",
		`{"int8":-0}`: "", `{"int8":01}`: "/int8: not JSON at byte 8", `{"int8":+1}`: "/int8: not JSON at byte 8", `{"int8":1e999}`: "/int8: want a whole number",
		`{"int8":` + strings.Repeat("1", 50) + `}`: "/int8: number has too many digits",
		`{"int":9007199254740991}`:                 "", `{"int":9007199254740992}`: "/int: want -9007199254740991 to 9007199254740991",
		`{"int":99999999999999999999}`: "/int: number is beyond 2^53-1", `{"int":9.007199254740993e15}`: "/int: number is beyond 2^53-1",
		`{"uint":5}`: "", `{"uint":10}`: "", `{"uint":4}`: "/uint: want 5 to 10", `{"uint":11}`: "/uint: want 5 to 10", `{"uint":-7}`: "/uint: want 5 to 10",
		`{"intEnum":25}`: "", `{"intEnum":2}`: "/intEnum: want one of 1, 5, 25",

		`{"float":-1.5}`: "", `{"float":1e3}`: "", `{"float":1000.0001}`: "/float: want -1.5 to 1000", `{"float":-1.50001}`: "/float: want -1.5 to 1000",
		`{"float":1E2}`: "", `{"float":1e400}`: "/float: number is too large", `{"float":0.1}`: "", `{"float":0.10000000000000000001}`: "/float: number has more digits than are kept",
		`{"float":1.}`: "/float: not JSON at byte 9", `{"float":.5}`: "/float: not JSON at byte 9", `{"float":NaN}`: "/float: not JSON at byte 9", `{"float":-}`: "/float: not JSON at byte 9",
		`{"float32":0.1}`: "", `{"float32":0.123456789}`: "/float32: number has more digits than are kept", `{"float32":1e39}`: "/float32: number is too large",

		`{"text":"ab"}`: "", `{"text":"äöüß"}`: "", `{"text":"a"}`: "/text: want 2 to 4 characters", `{"text":"abcde"}`: "/text: want 2 to 4 characters",
		`{"text":"äöüßé"}`: "/text: want 2 to 4 characters", `{"text":"a\tb"}`: `/text: want only characters of text, [\p{L}\p{M}\p{N}\p{P}\p{S} ]`,
		`{"text":"a\u202eb"}`: "/text: want only characters of text", `{"text":"ab\u0000"}`: "/text: want only characters of text", `{"text":"ab\ufffd"}`: "/text: want only characters of text",
		`{"text":"\ud83d\ude00b"}`: "", `{"text":"\ud83d"}`: "/text: half of a surrogate pair", `{"text":"\ude00\ud83d"}`: "/text: half of a surrogate pair", `{"text":"\ud83d\u0041"}`: "/text: half of a surrogate pair",
		`{"text":"\q"}`: "/text: not JSON at byte 9", `{"text":"\u12g4"}`: "/text: not JSON at byte 9", "{\"text\":\"a\nb\"}": "/text: not JSON at byte 10", `{"text":5}`: "/text: want a string",
		`{"lines":"a\n\tb"}`: "", `{"lines":"\u00e9\"\\\/\n\t"}`: "", `{"lines":"\b"}`: "/lines: want only", `{"lines":"\f"}`: "/lines: want only", `{"lines":"\r"}`: "/lines: want only", `{"lines":"a\rb"}`: "/lines: want only characters of lines",
		`{"id":"A-z_0.9"}`: "", `{"id":"a b"}`: "/id: want only characters of id", `{"id":"` + strings.Repeat("a", 256) + `"}`: "", `{"id":"` + strings.Repeat("a", 257) + `"}`: "/id: want 0 to 256 characters",
		`{"pattern":"z99"}`: "", `{"pattern":"z"}`: "/pattern: want ^[a-z][0-9]{1,2}$", `{"pattern":"z1\n"}`: "/pattern: want",
		`{"enum":"off"}`: "", `{"enum":"OFF"}`: "/enum: want one of on, off",
		`{"duration":"30s"}`: "", `{"duration":"1h30m"}`: "", `{"duration":"29.9s"}`: "/duration: want 30s to 1h30m", `{"duration":"1h31m"}`: "/duration: want 30s to 1h30m", `{"duration":60}`: "/duration: want a string with a duration", `{"duration":"1 h"}`: "/duration: want a duration like",

		`{"list":["a","b"]}`: "", `{"list":[]}`: "/list: want 1 to 3 entries", `{"list":["a","a","a","a"]}`: "/list: want 1 to 3 entries", `{"list":["c"]}`: "/list/0: want one of a, b", `{"list":["a",null]}`: "/list/1: null, want a value", `{"list":{}}`: "/list: want an array",
		`{"structs":[{"a":1}]}`: "", `{"structs":[{"a":1},{"b":"c"}]}`: "/structs/1/a: is required", `{"structs":[{"a":3}]}`: "/structs/0/a: want 1 to 2", `{"structs":[5]}`: "/structs/0: want an object", `{"structs":[{"a":1,"a":1}]}`: "/structs/0/a: given twice",
		`{"map":{"a":0,"b":9}}`: "", `{"map":{"a":0,"b":1,"c":2}}`: "/map: want 0 to 2 entries", `{"map":{"a":10}}`: "/map/a: want 0 to 9", `{"map":{"A":1}}`: "/map/A: want a name of 1 to 64 characters of lower", `{"map":{"":1}}`: "/map/: want a name", `{"map":{"a":1,"a":1}}`: "/map/a: given twice",
		`{"map":{"a/b":1}}`: "/map/a~1b: want a name", `{"map":{"` + strings.Repeat("a", 65) + `":1}}`: "/map/" + strings.Repeat("a", 65) + ": want a name", `{"map":[]}`: "/map: want an object", `{"map":{"a":null}}`: "/map/a: null, want a value",
		`{"deep":{"pairs":{"..":{"a":1}}}}`: "/deep/pairs/..: want a name", `{"deep":{"pairs":{"x":{}}}}`: "/deep/pairs/x/a: is required", `{"deep":{"pairs":{"x":{"a":2}}}}`: "",

		`{"bool":true,"bool":true}`: "/bool: given twice", `{"Bool":true}`: "/Bool: unknown setting; upper and lower case count: bool", `{"boool":1}`: "/boool: unknown setting",
		`{"":1}`: "/: unknown setting", `{"a/b~":1}`: "/a~1b~0: unknown setting", `[]`: "want an object", `null`: "want an object", ``: "document ends too early",
		`{`: "document ends too early", `{"bool"`: "document ends too early", `{"bool":`: "/bool: document ends too early", `{"bool":true`: "document ends too early", `{"bool":true,}`: "not JSON at byte 13",
		`{"bool":true}x`: "data after the end of the document", `{} {}`: "data after the end of the document", `{bool:true}`: "not JSON at byte 1", `{"bool":tru}`: "/bool: not JSON at byte 8", `{"bool" true}`: "not JSON at byte 8",
		"{\"id\":\"\xff\"}": "not valid UTF-8", "\ufeff{}": "not JSON at byte 0",
		`{"deep":` + strings.Repeat("[", 40): "/deep" + strings.Repeat("/0", 15) + ": nested deeper than 16",
	} {
		report, err := schema.Validate([]byte(doc))
		if want == "" {
			assert.NoError(t, err, "%.80s", doc)
			continue
		}
		if assert.ErrorIs(t, err, config.ErrInvalid, "%.80s", doc) && assert.Len(t, report, 1, "%.80s", doc) {
			assert.Contains(t, strings.TrimPrefix(report[0].String(), "invalid: "), want, "%.80s", doc)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	report, err := sensorSchema(t).Validate([]byte(
		`{"name":"","interval":"9h","log":{"level":"x","keep":0},"network":{"port":"1","x":1},"users":{"a":{}},"servers":[""]}`))
	require.ErrorIs(t, err, config.ErrInvalid)
	var paths []string
	for _, f := range report {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{"/name", "/interval", "/log/level", "/log/keep", "/network/port", "/network/x", "/users/a/role", "/servers/0"}, paths)
	assert.ErrorContains(t, err, "and 3 more")

	report, err = sensorSchema(t).Validate([]byte(`{"interval":"1s","log":{"keep":365,"level":"debug"}}`))
	require.ErrorIs(t, err, config.ErrInvalid)
	assert.Equal(t, []string{
		"warning: /interval: the battery lasts a week", "insecure: /log/level: the log would hold personal data",
		"invalid: /interval: fast-log: the medium would wear out", "invalid: /log/keep: fast-log: the medium would wear out",
	}, []string{report[0].String(), report[1].String(), report[2].String(), report[3].String()})

	report, err = sensorSchema(t).Validate([]byte(`{"network":{"telnet":true}}`))
	require.NoError(t, err, "whether it is accepted is decided where it is made")
	assert.True(t, report.Has(config.Insecure))
}

func TestValidateIsBounded(t *testing.T) {
	schema, err := config.For[Rules](&config.SchemaOptions{MaxBytes: 4096, MaxItems: 100, Patterns: patterns.Patterns})
	require.NoError(t, err)
	report, err := schema.Validate(make([]byte, 100<<20))
	require.ErrorIs(t, err, config.ErrInvalid)
	assert.Equal(t, "document has more than 4096 bytes", report[0].Rule)
	report, _ = schema.Validate([]byte(`{"list":[` + strings.Repeat("1,", 500) + `1]}`))
	assert.Equal(t, "/list/97", report[0].Path)
	assert.Equal(t, "more than 100 names and values", report[0].Rule)

	schema, err = config.For[Rules](patterns)
	require.NoError(t, err)
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `"x%d":1,`, i)
	}
	report, _ = schema.Validate([]byte("{" + many.String() + `"z":1}`))
	assert.Len(t, report, config.MaxFindings)
	report, _ = schema.Validate([]byte(`{"` + strings.Repeat("ä", 500) + `":1}`))
	assert.Less(t, len(report[0].Path), 150)
}

func TestEveryKindComesBack(t *testing.T) {
	schema, err := config.For[Rules](patterns)
	require.NoError(t, err)
	d := newDevice(t, nil)
	open := func() *config.Settings {
		s, err := config.Open(context.Background(), d.dir, schema, d.auth, nil)
		require.NoError(t, err)
		return s
	}
	doc := `{"bool":true,"int8":-128,"int":9007199254740991,"uint":10,"intEnum":25,"float":-0.1,"float32":0.1,` +
		`"text":"é😀\"","lines":"a\n\t","id":"x","pattern":"b22","enum":"off","duration":"1h30m","list":["b","a"],` +
		`"structs":[{"a":1,"b":"b"},{"a":2,"b":"c"}],"map":{"a":1,"b":2},"deep":{"pairs":{"A.b":{"a":2,"b":"b"}}}}`
	s := open()
	first, err := s.Change(asAdmin(), config.Change{Document: []byte(doc)})
	require.NoError(t, err)
	assert.Len(t, first.Changed, 20)
	for range 2 {
		s = open()
		got, revision, err := s.Document(asAdmin())
		require.NoError(t, err)
		assert.JSONEq(t, doc, string(got))
		assert.Equal(t, first.Revision, revision)
	}
	for path, patch := range map[string]string{
		"/structs": `{"structs":[{"a":1},{"a":2,"b":"b"}]}`, "/map/b": `{"map":{"b":3}}`, "/deep/pairs/A.b/b": `{"deep":{"pairs":{"A.b":{"b":"c"}}}}`,
		"/list": `{"list":["b"]}`, "/float": `{"float":0}`,
	} {
		r, err := s.Change(asAdmin(), config.Change{Patch: []byte(patch)})
		require.NoError(t, err)
		assert.Equal(t, []string{path}, r.Changed)
	}
}

// No finding tells a value.
func TestFindingsHoldNoValue(t *testing.T) {
	for _, doc := range []string{
		`{"network":{"key":"hunter2"}}`, `{"network":{"key":"hunter2\u0000hunter2"}}`, `{"users":{"a":{"role":"hunter2"}}}`,
		`{"interval":"hunter2"}`, `{"servers":["hunter2 "]}`, `{"name":"hunter2 "}`,
	} {
		report, err := sensorSchema(t).Validate([]byte(doc))
		require.Error(t, err, doc)
		assert.NotContains(t, fmt.Sprint(report, err), "hunter2")
	}
}
