package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// FuzzDecode: what is accepted decodes as encoding/json does, and once written is
// accepted again with the same meaning; an error is printable and short.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"format":1,"name":"a","inner":{"n":1}}`, `{"map":{"a":{"n":1}},"raw":[1,{}],"any":null}`, `{"name":"\ud800"}`,
		`{"pair":[1,2],"bytes":"AAE=","levels":["low"],"quoted":"5"}`, `{"any":{"a":1,"\u0061":2}}`, `{"list":[{"n":1},{"n":"x"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d, plain, again doc
		if err := strictjson.Decode(data, &d, strictjson.Limits{}); err != nil {
			printable(t, err)
			return
		}
		require.NoError(t, json.Unmarshal(data, &plain))
		assert.Equal(t, plain, d)
		written, err := json.Marshal(d)
		require.NoError(t, err)
		if d.When.IsZero() && d.Raw == nil { // null, which a RawMessage takes
			require.NoError(t, strictjson.Decode(written, &again, strictjson.Limits{}), "%s", written)
		}
	})
}

func printable(t *testing.T, err error) {
	var e *strictjson.Error
	require.ErrorAs(t, err, &e)
	assert.NotEmpty(t, e.Rule)
	for _, r := range err.Error() {
		require.True(t, unicode.IsPrint(r), "%q in %q", r, err)
	}
	require.Less(t, len(e.Rule), 6*300)
}

// FuzzCheck compares with the tokens of encoding/json: Check accepts the documents
// in which no name is given twice, nothing is too much and no text is invalid.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,{"b":"c"},null],"d":{}}`, `{"a":1,"a":2}`, `[{"a":1},{"a":2}]`, `{"a\u0000":"\ud83d\ude00","\\":"\\u"}`,
		` [ true , -1.5e+3 ] `, `{} {}`, `[1,]`, `"\ud800\ud800\udc00"`, `{"a":{"b":{"c":[[]]}}}`, `{` + members(20) + `}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := strictjson.Check(data, nil, strictjson.Limits{Depth: 5, Items: 30})
		if err != nil {
			printable(t, err)
		}
		o := oracle{dec: json.NewDecoder(bytes.NewReader(data)), items: 30}
		o.dec.UseNumber()
		want := json.Valid(data) && !bytes.Contains(data, []byte("\ufffd")) && bytes.Equal(data, bytes.ToValidUTF8(data, nil)) && o.value(5)
		require.Equal(t, want, err == nil, "%q: %v", data, err)
	})
}

// oracle judges a valid document the slow way.
type oracle struct {
	dec   *json.Decoder
	items int
}

func (o *oracle) value(depth int) bool {
	tok, err := o.dec.Token()
	switch tok := tok.(type) {
	case json.Delim:
		return depth > 0 && o.contents(tok == '{', depth-1)
	case string:
		return !strings.Contains(tok, "\ufffd")
	}
	return err == nil || errors.Is(err, io.EOF)
}

func (o *oracle) contents(object bool, depth int) bool {
	seen := map[string]bool{}
	for o.dec.More() {
		if o.items--; o.items < 0 {
			return false
		}
		if object {
			tok, _ := o.dec.Token()
			name := tok.(string)
			if seen[name] || strings.Contains(name, "\ufffd") || len(name) > strictjson.MaxName {
				return false
			}
			seen[name] = true
		}
		if !o.value(depth) {
			return false
		}
	}
	_, err := o.dec.Token()
	return err == nil
}
