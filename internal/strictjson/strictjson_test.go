package strictjson_test

import (
	"encoding/json"
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
	Format int `json:"format"`
}

type doc struct {
	common
	Name  string           `json:"name"`
	Inner inner            `json:"inner"`
	List  []inner          `json:"list"`
	Map   map[string]inner `json:"map"`
	Ptr   *inner           `json:"ptr"`
	Any   any              `json:"any"`
	Raw   json.RawMessage  `json:"raw"`
	When  time.Time        `json:"when"`
	Plain string
	Skip  string `json:"-"`
}

func TestDecodeAccepts(t *testing.T) {
	var d doc
	err := strictjson.Decode([]byte(`{"format":2,"name":"a","inner":{"n":1},"list":[{"n":2}],"map":{"x/y":{"n":3}},
		"ptr":null,"any":{"z":[null]},"raw":{"q":1},"when":"2026-01-02T03:04:05Z","Plain":"p"}`), &d, strictjson.Limits{})
	require.NoError(t, err)
	assert.Equal(t, 2, d.Format)
	assert.Equal(t, 3, d.Map["x/y"].N)
	assert.Equal(t, "p", d.Plain)
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, path, rule string }{
		"duplicate":       {`{"name":"a","name":"b"}`, "/name", "given twice"},
		"unknown":         {`{"nome":"a"}`, "/nome", "unknown field"},
		"wrong case":      {`{"Name":"a"}`, "/Name", "unknown field"},
		"nested unknown":  {`{"list":[{"n":1},{"m":1}]}`, "/list/1/m", "unknown field"},
		"escaped path":    {`{"map":{"a/b~":{"m":1}}}`, "/map/a~1b~0/m", "unknown field"},
		"skipped":         {`{"Skip":"a"}`, "/Skip", "unknown field"},
		"null":            {`{"name":null}`, "/name", "null, want a value"},
		"null struct":     {`{"inner":null}`, "/inner", "null, want a value"},
		"null element":    {`{"list":[null]}`, "/list/0", "null, want a value"},
		"trailing":        {`{} {}`, "", "data after the end of the document"},
		"empty":           {``, "", "document ends too early"},
		"cut":             {`{"name":"a"`, "", "document ends too early"},
		"surrogate":       {`{"name":"\ud800"}`, "/name", "holds an invalid character"},
		"type":            {`{"inner":{"n":"x"}}`, "/inner/n", "string, want int"},
		"object for text": {`{"name":{"a":1}}`, "/name", "object, want string"},
		"overflow":        {`{"inner":{"n":1e99}}`, "/inner/n", "number 1e99, want int"},
		"utf8":            {"{\"name\":\"\xff\"}", "", "not valid UTF-8"},
		"depth":           {strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat("/0", 16), "nested deeper than 16"},
	} {
		t.Run(name, func(t *testing.T) {
			var into any = &doc{}
			if name == "depth" {
				into = new(any)
			}
			err := strictjson.Decode([]byte(c.in), into, strictjson.Limits{})
			var e *strictjson.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.path, e.Path)
			assert.Equal(t, c.rule, e.Rule)
		})
	}
}

func TestLimits(t *testing.T) {
	var v any
	assert.ErrorContains(t, strictjson.Decode([]byte(`[1,2,3]`), &v, strictjson.Limits{Items: 2}), "/2: more than 2 items")
	assert.ErrorContains(t, strictjson.Decode([]byte(`[1,2,3]`), &v, strictjson.Limits{Bytes: 3}), "7 bytes, at most 3")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":1,"name":"a","inner":{"n":1}}`))
	f.Add([]byte(`{"map":{"a":{"n":1}},"raw":[1,{}],"any":null}`))
	f.Add([]byte(`{"name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d doc
		if strictjson.Decode(data, &d, strictjson.Limits{}) != nil {
			return
		}
		again, err := json.Marshal(d)
		require.NoError(t, err)
		var d2 map[string]any
		require.NoError(t, json.Unmarshal(again, &d2))
	})
}
