package strictjson_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

type inner struct {
	N int `json:"n"`
}

type common struct {
	Format int    `json:"format"`
	Hidden string `json:"name"` // by that of doc
}

// level is a byte that decodes itself, in a list.
type level uint8

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "low" {
		return fmt.Errorf("no level: %s", text)
	}
	*l = 1
	return nil
}

func (level) MarshalText() ([]byte, error) { return []byte("low"), nil }

type doc struct {
	Name string `json:"name"`
	common
	Inner  inner            `json:"inner"`
	List   []inner          `json:"list"`
	Map    map[string]inner `json:"map"`
	Ptr    *inner           `json:"ptr"`
	Any    any              `json:"any"`
	Raw    json.RawMessage  `json:"raw"`
	When   time.Time        `json:"when"`
	Pair   *[2]int          `json:"pair,omitempty"`
	Bytes  []byte           `json:"bytes"`
	Levels []level          `json:"levels"`
	Quoted int              `json:"quoted,string"`
	Plain  string
	Skip   string `json:"-"`
}

func TestDecodeAccepts(t *testing.T) {
	var d doc
	err := strictjson.Decode([]byte(` {"format":2,"name":"a\"\\\u00e9\ud83d\ude00","inner":{"n":1},"list":[{"n":2} , {}],
		"map":{"x/y":{"n":3}},"ptr":null,"any":{"z":[null,1e3,true,"",{}]},"raw":{"q":1},"when":"2026-01-02T03:04:05Z",
		"pair":[1,2],"bytes":"AAE=","levels":["low","low"],"quoted":"5","Plain":"p"} `), &d, strictjson.Limits{})
	require.NoError(t, err)
	assert.Equal(t, 2, d.Format)
	assert.Equal(t, `a"\é😀`, d.Name)
	assert.Equal(t, 3, d.Map["x/y"].N)
	assert.Equal(t, "p", d.Plain)
	assert.Equal(t, &[2]int{1, 2}, d.Pair)
	assert.Equal(t, []byte{0, 1}, d.Bytes)
	assert.Equal(t, []level{1, 1}, d.Levels)
	assert.Equal(t, 5, d.Quoted)
	require.NoError(t, strictjson.Decode([]byte(`{"list":null,"map":null,"bytes":null}`), &d, strictjson.Limits{}))
	for _, text := range []string{"1", " true", `"x" `, "[]", "null"} {
		require.NoError(t, strictjson.Decode([]byte(text), new(any), strictjson.Limits{}), text)
	}
}

func TestDecodeRefuses(t *testing.T) {
	long := strings.Repeat("k", 257)
	for name, c := range map[string]struct{ in, path, rule string }{
		"duplicate":         {`{"name":"a","name":"b"}`, "/name", "given twice"},
		"escaped duplicate": {`{"name":"a","n\u0061me":"b"}`, "/name", "given twice"},
		"late duplicate":    {`{"any":{` + members(40) + `,"3":0}}`, "/any/3", "given twice"},
		"outer duplicate":   {`{"name":"a","any":{"name":1},"name":"b"}`, "/name", "given twice"},
		"unknown":           {`{"nome":"a"}`, "/nome", "unknown field"},
		"wrong case":        {`{"Name":"a"}`, "/Name", "unknown field"},
		"nested unknown":    {`{"list":[{"n":1},{"m":1}]}`, "/list/1/m", "unknown field"},
		"escaped path":      {`{"map":{"a/b~":{"m":1}}}`, "/map/a~1b~0/m", "unknown field"},
		"skipped":           {`{"Skip":"a"}`, "/Skip", "unknown field"},
		"long name":         {`{"map":{"` + long + `":{}}}`, "/map", "name of 257 bytes, at most 256"},
		"null":              {`{"name":null}`, "/name", "null, want a value"},
		"null struct":       {`{"inner":null}`, "/inner", "null, want a value"},
		"null element":      {`{"list":[null]}`, "/list/0", "null, want a value"},
		"null text":         {`{"when":null}`, "/when", "null, want a value"},
		"null document":     {`null`, "", "null, want a value"},
		"trailing":          {`{} {}`, "", "data after the end of the document"},
		"empty":             {``, "", "document ends too early"},
		"blank":             {` `, "", "document ends too early"},
		"cut":               {`{"name":"a"`, "", "document ends too early"},
		"no JSON":           {"{\x1b}", "", `not JSON: invalid character '\x1b' looking for beginning of object key string`},
		"surrogate":         {`{"name":"\ud800"}`, "/name", "holds an invalid character"},
		"half a pair":       {`{"name":"\ud800\u0041"}`, "/name", "holds an invalid character"},
		"low half":          {`{"name":"\\\udc00"}`, "/name", "holds an invalid character"},
		"replacement":       {`{"name":"\ufffd"}`, "/name", "holds an invalid character"},
		"surrogate name":    {`{"map":{"\udc00":{}}}`, "/map/\ufffd", "holds an invalid character"},
		"type":              {`{"inner":{"n":"x"}}`, "/inner/n", "string, want int"},
		"type in list":      {`{"list":[{"n":1},{"n":true}]}`, "/list/1/n", "bool, want int"},
		"type in map":       {`{"map":{"a":{},"b":{"n":{}}}}`, "/map/b/n", "object, want int"},
		"object for text":   {`{"name":{"a":null}}`, "/name", "object, want string"},
		"array for map":     {`{"map":[null]}`, "/map", "array, want map[string]strictjson_test.inner"},
		"object for list":   {`{"list":{"n":1}}`, "/list", "object, want []strictjson_test.inner"},
		"text for struct":   {`{"inner":"x"}`, "/inner", "string, want strictjson_test.inner"},
		"overflow":          {`{"inner":{"n":1e99}}`, "/inner/n", "number 1e99, want int"},
		"overflow of any":   {`{"any":[{"a":1e999}]}`, "/any/0/a", "number 1e999, want float64"},
		"long number":       {`{"inner":{"n":` + strings.Repeat("1", 500) + `}}`, "/inner/n", "number " + strings.Repeat("1", 57) + "…, want int"},
		"own error":         {`{"levels":["low","\u001b\n"]}`, "/levels/1", `no level: \u001b\u000a`},
		"utf8":              {"{\"name\":\"\xff\"}", "", "not valid UTF-8"},
		"depth":             {`{"any":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "/any" + strings.Repeat("/0", 15), "nested deeper than 16"},
		"array too long":    {`{"pair":[1,2,3]}`, "/pair", "3 elements, want 2"},
		"array too short":   {`{"pair":[]}`, "/pair", "0 elements, want 2"},
		"base64 line end":   {`{"bytes":"AA\r\nE="}`, "/bytes", "not canonical base64"},
		"base64 stray bits": {`{"bytes":"AAF="}`, "/bytes", "not canonical base64"},
		"base64 unpadded":   {`{"bytes":"AAE"}`, "/bytes", "not canonical base64"},
		"base64 for URLs":   {`{"bytes":"_-__"}`, "/bytes", "not canonical base64"},
		"list for bytes":    {`{"bytes":[0,1]}`, "/bytes", "array, want a base64 text"},
		"base64 for list":   {`{"levels":"AAE="}`, "/levels", "string, want an array"},
		"quoted":            {`{"quoted":5}`, "", "json: invalid use of ,string struct tag, trying to unmarshal unquoted value into int"},
	} {
		t.Run(name, func(t *testing.T) {
			err := strictjson.Decode([]byte(c.in), &doc{}, strictjson.Limits{})
			var e *strictjson.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.path, e.Path)
			assert.Equal(t, c.rule, e.Rule)
		})
	}
}

// members returns n members called by their numbers.
func members(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"%d":0`, i)
	}
	return strings.Join(list, ",")
}

// Keys that are no plain strings may be equal although their names are not.
func TestMapKeys(t *testing.T) {
	type name string
	require.NoError(t, strictjson.Decode([]byte(`{"a":1}`), &map[name]int{}, strictjson.Limits{}))
	for _, v := range []any{&map[int]int{}, &map[level]int{}} {
		err := strictjson.Decode([]byte(`{"1":1,"01":2,"+1":3}`), v, strictjson.Limits{})
		assert.ErrorContains(t, err, "map with keys of "+reflect.TypeOf(v).Elem().Key().String())
	}
}

func TestPathIsPrintable(t *testing.T) {
	err := strictjson.Decode([]byte(`{"\u001b[2J\nb\u202e\u009b\ud834\udd73\"\\":1}`), &doc{}, strictjson.Limits{})
	require.EqualError(t, err, `/\u001b[2J\u000ab\u202e\u009b\ud834\udd73\"\\: unknown field`)
	var e *strictjson.Error
	require.ErrorAs(t, err, &e)
	var back string
	require.NoError(t, json.Unmarshal([]byte(`"`+e.Path+`"`), &back), "it is the text of a JSON string")
	assert.Equal(t, "/\x1b[2J\nb\u202e\u009b\U0001d173\"\\", back)
}

// Path has the whole names, Error a line that can be read.
func TestErrorIsShort(t *testing.T) {
	long := strings.Repeat("é", 128)
	err := strictjson.Decode([]byte(`{"map":{"`+long+`":{"m":1}}}`), &doc{}, strictjson.Limits{})
	require.EqualError(t, err, "/map/"+strings.Repeat("é", 32)+"…/m: unknown field")
	var e *strictjson.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "/map/"+long+"/m", e.Path)

	err = strictjson.Decode([]byte(`{"when":"`+strings.Repeat("x", 500_000)+`"}`), &doc{}, strictjson.Limits{})
	require.ErrorContains(t, err, "/when: parsing time")
	assert.Less(t, len(err.Error()), 300)
	err = strictjson.Decode([]byte(`{"`+strings.Repeat("k", 500_000)+`":1}`), &doc{}, strictjson.Limits{})
	require.EqualError(t, err, "name of 500000 bytes, at most 256")
}

func TestLimits(t *testing.T) {
	var v any
	assert.EqualError(t, strictjson.Decode([]byte(`[1,2,3]`), &v, strictjson.Limits{Items: 2}), "/2: more than 2 items")
	assert.EqualError(t, strictjson.Decode([]byte(`{"a":[1,2],"b":1}`), &v, strictjson.Limits{Items: 3}), "/b: more than 3 items")
	assert.EqualError(t, strictjson.Decode([]byte(`[1,2,3]`), &v, strictjson.Limits{Bytes: 3}), "7 bytes, at most 3")
	assert.EqualError(t, strictjson.Decode([]byte(`[[]]`), &v, strictjson.Limits{Depth: 1}), "/0: nested deeper than 1")
	require.NoError(t, strictjson.Decode([]byte(`[1,2,3]`), &v, strictjson.Limits{Bytes: 7, Depth: 1, Items: 3}))
}

func TestCheckWithoutType(t *testing.T) {
	require.NoError(t, strictjson.Check([]byte(`{"a":[null,{"b":"c"}]}`), nil, strictjson.Limits{}))
	require.EqualError(t, strictjson.Check([]byte(`{"a":[null,{"b":1,"b":2}]}`), nil, strictjson.Limits{}), "/a/1/b: given twice")
}

func TestDecodeNeedsAPointer(t *testing.T) {
	var e *strictjson.Error
	require.ErrorAs(t, strictjson.Decode([]byte(`{}`), doc{}, strictjson.Limits{}), &e)
	require.ErrorAs(t, strictjson.Decode([]byte(`{}`), nil, strictjson.Limits{}), &e)
}
