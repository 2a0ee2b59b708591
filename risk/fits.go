package risk

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/iot-device-baseline/baseline/clause"
)

// fits checks that every value of a document can be decoded into its place of
// typ, and names the place of one that cannot. data was checked by strictjson.
func fits(data []byte, typ reflect.Type) error {
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		return &FieldError{Rule: err.Error()}
	}
	c := &checker{}
	c.fits("", doc, typ)
	return c.err()
}

func (c *checker) fits(path string, v any, typ reflect.Type) {
	if v == nil {
		return // strictjson has refused null where a value must be
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if want, ok := mismatch(v, typ); !ok {
		c.fail(path, "want "+want)
		return
	}
	switch v := v.(type) {
	case string:
		c.fitsText(path, v, typ)
	case []any:
		for i, e := range v {
			c.fits(fmt.Sprintf("%s/%d", path, i), e, typ.Elem())
		}
	case map[string]any:
		c.fitsObject(path, v, typ)
	}
}

func (c *checker) fitsObject(path string, v map[string]any, typ reflect.Type) {
	if typ.Kind() == reflect.Map {
		for key, e := range v {
			c.fits(path+"/"+escape(key), e, typ.Elem())
		}
		return
	}
	for f := range members(typ) {
		if e, ok := v[f.name]; ok {
			c.fits(path+"/"+f.name, e, f.typ)
		}
	}
}

// mismatch says what kind of value a place wants, and whether v is one.
func mismatch(v any, typ reflect.Type) (want string, ok bool) {
	switch typ.Kind() {
	case reflect.String, reflect.Uint8: // entries and kinds are texts
		_, ok = v.(string)
		return "a text", ok
	case reflect.Slice:
		_, ok = v.([]any)
		return "a list", ok
	case reflect.Bool:
		_, ok = v.(bool)
		return "true or false", ok
	case reflect.Int:
		n, isNumber := v.(float64)
		return "a whole number", isNumber && n == float64(int32(n))
	default:
		_, ok = v.(map[string]any)
		return "an object", ok
	}
}

func (c *checker) fitsText(path, text string, typ reflect.Type) {
	var err error
	switch typ {
	case reflect.TypeFor[clause.ID]():
		_, err = clause.Parse(text)
	case reflect.TypeFor[clause.Kind]():
		err = new(clause.Kind).UnmarshalText([]byte(text))
	}
	if err != nil {
		c.fail(path, "not an entry of the standard: "+quote(text))
	}
}
