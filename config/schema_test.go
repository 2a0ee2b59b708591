package config_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
)

// one makes a struct with one field V of a type and a setting tag.
func one(typ reflect.Type, tag string) reflect.Type {
	quoted := strings.ReplaceAll(strings.ReplaceAll(tag, `\`, `\\`), `"`, `\"`)
	return reflect.StructOf([]reflect.StructField{{
		Name: "V", Type: typ, Tag: reflect.StructTag(`json:"v" setting:"` + quoted + `"`),
	}})
}

type selfMade struct{ X int }

func (selfMade) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestWrongTags(t *testing.T) {
	integer, text, flag := reflect.TypeFor[int64](), reflect.TypeFor[string](), reflect.TypeFor[bool]()
	list, dict := reflect.TypeFor[[]int](), reflect.TypeFor[map[string]int]()
	secret := reflect.TypeFor[config.Secret]()
	for name, c := range map[string]struct {
		typ       reflect.Type
		tag, rule string
	}{
		"no doc":              {integer, "default=1; min=0; max=9", "doc is missing"},
		"no default":          {integer, "doc=x; min=0; max=9", "default is missing"},
		"no range":            {integer, "doc=x; default=1", "min and max, or enum, are missing"},
		"half a range":        {integer, "doc=x; default=1; min=0", "min and max, or enum, are missing"},
		"no allow-list":       {text, "doc=x; default=a", "charset, pattern or enum is missing"},
		"unknown key":         {integer, "doc=x; dflt=1", `tag has no key "dflt"`},
		"twice":               {integer, "doc=x; doc=y", "doc is given twice"},
		"flag with value":     {flag, "doc=x; default=true; floor=yes", "floor takes no value"},
		"key without value":   {integer, "doc=x; default=1; min; max=3", "min needs a value"},
		"open quote":          {integer, "doc='x", "a quote is not closed"},
		"text after quote":    {integer, "doc='x' y; default=1", "doc has text after the closing quote"},
		"key of another kind": {flag, "doc=x; default=true; min=1", "min is not for a value of kind boolean"},
		"bad default":         {integer, "doc=x; default=ten; min=0; max=9", "default: want a number"},
		"default out":         {integer, "doc=x; default=10; min=0; max=9", "default: want 0 to 9"},
		"insecure default":    {flag, "doc=x; default=true; insecure=true: open", "default: is insecure: open"},
		"insecure, no reason": {flag, "doc=x; default=false; insecure=true", `insecure: want "CONDITION: reason", at most 512 printable characters`},
		"insecure order":      {flag, "doc=x; default=false; insecure=<true: open", "insecure: true and false have no order"},
		"min above max":       {integer, "doc=x; default=1; min=9; max=0", "max: want 9 to 9007199254740991"},
		"minlen above maxlen": {text, "doc=x; default=a; charset=id; minlen=9; maxlen=1", "the least is above the most"},
		"min beyond type":     {reflect.TypeFor[int8](), "doc=x; default=1; min=-200; max=0", "min: want -128 to 127"},
		"max beyond 2^53":     {integer, "doc=x; default=1; min=0; max=9007199254740992", "max: want 0 to 9007199254740991"},
		"charset":             {text, "doc=x; default=a; charset=all", "charset: want one of digits, hex, lower, id, host, base64, ascii, text, lines"},
		"no such pattern":     {text, "doc=x; default=a; pattern=serial", `pattern: SchemaOptions.Patterns has no "serial"`},
		"pattern in the tag":  {text, "doc=x; default=a; pattern=^[a-z]+$", `pattern: SchemaOptions.Patterns has no "^[a-z]+$"`},
		"against the pattern": {text, "doc=x; default=7; pattern=mail", "default: want ^(?:[a-z0-9.]+@[a-z0-9.]+)?$"},
		"pattern of a list":   {reflect.TypeFor[[]string](), "doc=x; maxitems=3; pattern=serial", `pattern: SchemaOptions.Patterns has no "serial"`},
		"enum and range":      {integer, "doc=x; default=1; enum=1|2|99; min=0; max=9", "enum: want 0 to 9"},
		"default not in enum": {text, "doc=x; default=c; enum=a|b", "default: want one of a, b"},
		"required at the top": {integer, "doc=x; required; min=0; max=9", "required is for fields of elements"},
		"required, default":   {integer, "doc=x; required; default=1; min=0; max=9", "required has no default"},
		"list without max":    {list, "doc=x; min=0; max=9", "maxitems is missing"},
		"list default":        {list, "doc=x; min=0; max=9; maxitems=3; default=[10]", "default: invalid: /0: want 0 to 9"},
		"list too short":      {list, "doc=x; min=0; max=9; minitems=1; maxitems=3", "default: invalid: want 1 to 3 entries"},
		"list insecure":       {list, "doc=x; min=0; max=9; maxitems=3; default=[1]; insecure=1: no", "default: insecure: /0: no"},
		"element kind":        {reflect.TypeFor[[]bool](), "doc=x; maxitems=3; min=1", "min: it is not for elements of kind boolean"},
		"list of lists":       {reflect.TypeFor[[][]int](), "doc=x; maxitems=3", "elements are plain values or structs, not []int"},
		"secret in a list":    {reflect.TypeFor[[]config.Secret](), "doc=x; maxitems=3; class=secret; charset=id", "a secret in a list cannot be kept when the list changes: use a map"},
		"map without keys":    {dict, "doc=x; min=0; max=9; maxitems=3", "keys is missing"},
		"map with odd keys":   {dict, "doc=x; min=0; max=9; maxitems=3; keys=text", "keys: want one of digits, hex, lower, id"},
		"map of int keys":     {reflect.TypeFor[map[int]int](), "doc=x; min=0; max=9; maxitems=3; keys=id", "the key of a map is a string"},
		"class":               {flag, "doc=x; default=true; class=top", "class is public, device, person or secret"},
		"secret as string":    {text, "doc=x; default=; charset=id; class=secret", "class secret and type config.Secret go together"},
		"Secret unclassed":    {secret, "doc=x; charset=id; default=", "class secret and type config.Secret go together"},
		"secret with default": {secret, "doc=x; charset=id; class=secret; default=pw", "a secret is empty until it is set: no default, required or enum"},
		"write":               {flag, "doc=x; default=true; write=a//b", "write: want a resource of package access"},
		"needs":               {flag, "doc=x; default=true; needs=fly", `needs: access knows no permission "fly"`},
		"doc":                 {flag, "doc=a\u202eb; default=true", "doc: want at most 512 printable characters"},
		"duration default":    {reflect.TypeFor[time.Duration](), "doc=x; default=10; min=0s; max=1h", `default: want a duration like "10s", "1.5h" or "1h30m"`},
		"pointer":             {reflect.TypeFor[*int](), "doc=x", "type *int is not supported"},
		"interface":           {reflect.TypeFor[any](), "doc=x", "type interface {} is not supported"},
		"time":                {reflect.TypeFor[time.Time](), "doc=x", "type time.Time is not supported"},
		"own text form":       {reflect.TypeFor[selfMade](), "doc=x", "type config_test.selfMade is not supported"},
		"chan":                {reflect.TypeFor[chan int](), "doc=x", "type chan int is not supported"},
		"long tag":            {flag, "doc=" + strings.Repeat("a", 5000), "tag has at most 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.ForType(one(c.typ, c.tag), patterns)
			var wrong *config.SchemaError
			require.ErrorAs(t, err, &wrong)
			require.ErrorIs(t, err, config.ErrSchema)
			assert.Contains(t, wrong.Rule, c.rule)
			assert.Contains(t, strings.ToLower(wrong.Field), ".v")
		})
	}
}

type recursive struct {
	V []recursive `json:"v" setting:"doc=x; maxitems=1"`
}

func TestWrongTypes(t *testing.T) {
	for name, c := range map[string]struct {
		compile func() error
		rule    string
	}{
		"no struct": {func() error { _, err := config.For[int](nil); return err }, "settings are a struct"},
		"empty":     {func() error { _, err := config.For[struct{}](nil); return err }, "has no settings"},
		"recursive": {func() error { _, err := config.For[recursive](nil); return err }, "nested deeper than 8"},
		"unexported": {func() error {
			_, err := config.For[struct{ v int }](nil)
			return err
		}, "not exported"},
		"no name": {func() error {
			_, err := config.For[struct{ V int }](nil)
			return err
		}, "json tag is a name"},
		"omitempty": {func() error {
			_, err := config.For[struct {
				V bool `json:"v,omitempty" setting:"doc=x; default=true"`
			}](nil)
			return err
		}, "without options"},
		"odd name": {func() error {
			_, err := config.For[struct {
				V bool `json:"v/w" setting:"doc=x; default=true"`
			}](nil)
			return err
		}, "json tag is a name"},
		"one name twice": {func() error {
			tag := reflect.StructTag(`json:"v" setting:"doc=x; default=true"`)
			flag := reflect.TypeFor[bool]()
			_, err := config.ForType(reflect.StructOf([]reflect.StructField{
				{Name: "V", Type: flag, Tag: tag}, {Name: "W", Type: flag, Tag: tag},
			}), nil)
			return err
		}, `another field is called "v" too`},
		"floor in an element": {func() error {
			_, err := config.For[struct {
				V []struct {
					W bool `json:"w" setting:"doc=x; default=true; floor"`
				} `json:"v" setting:"doc=x; maxitems=2"`
			}](nil)
			return err
		}, "restart and floor stand at the list or map"},
		"rule of another type": {func() error {
			_, err := config.For[Log](&config.SchemaOptions{Rules: sensorRules()})
			return err
		}, "is about config_test.Sensor"},
		"rule about nothing": {func() error {
			_, err := config.For[Log](&config.SchemaOptions{Rules: []config.Rule{
				config.NewRule("r", func(*Log) string { return "" }, "/lvl"),
			}})
			return err
		}, "no setting /lvl"},
		"rule that defaults break": {func() error {
			_, err := config.For[Log](&config.SchemaOptions{Rules: []config.Rule{
				config.NewRule("r", func(*Log) string { return "never" }, "/level"),
			}})
			return err
		}, "the defaults break a rule: invalid: /level: r: never"},
		"zero rule": {func() error {
			_, err := config.For[Log](&config.SchemaOptions{Rules: []config.Rule{{}}})
			return err
		}, "make it with NewRule"},
		"limits": {func() error {
			_, err := config.For[Log](&config.SchemaOptions{MaxBytes: 1 << 30})
			return err
		}, "limits are"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.compile()
			require.ErrorIs(t, err, config.ErrSchema)
			assert.ErrorContains(t, err, c.rule)
		})
	}
}

func TestFields(t *testing.T) {
	fields := map[string]config.Field{}
	for _, f := range sensorSchema(t).Fields() {
		fields[f.Path] = f
		assert.Equal(t, f.Sensitivity.String(), f.Class)
	}
	assert.Equal(t, config.Field{
		Path: "/offset", Type: "number", Default: "0", Min: "-5", Max: "5", Unit: "K", Doc: "Correction",
		Sensitivity: access.ClassDevice, Class: "device", Resource: "offset",
	}, fields["/offset"])
	assert.Equal(t, []config.Grade{{Severity: config.Warning, Condition: "<5s", Reason: "the battery lasts a week"}}, fields["/interval"].Grades)
	assert.Equal(t, "1h", fields["/interval"].Max)
	assert.Equal(t, []string{"debug", "info", "error"}, fields["/log/level"].Enum)
	assert.True(t, fields["/log/keep"].Floor)
	assert.True(t, fields["/network/port"].Restart)
	assert.Equal(t, "security/tls", fields["/network/minTLS"].Resource)
	assert.Equal(t, []access.Permission{access.UpdatePolicy}, fields["/network/updates"].Needs)
	assert.Equal(t, access.ClassSecret, fields["/network/key"].Sensitivity)
	assert.Equal(t, "<16", fields["/network/key"].Grades[0].Condition)
	assert.Equal(t, "object", fields["/users"].Type)
	assert.Equal(t, access.ClassPerson, fields["/users/*/role"].Sensitivity)
	assert.Equal(t, "users/*/role", fields["/users/*/role"].Resource)
	assert.True(t, fields["/users/*/role"].Required)
	assert.Equal(t, "^[0-9A-Za-z.:\\[\\]_-]*$", fields["/servers/*"].Pattern)
	assert.Equal(t, "servers", fields["/servers/*"].Resource)
	assert.Equal(t, `["ntp.local"]`, fields["/servers"].Default)
	_, err := json.Marshal(fields)
	assert.NoError(t, err)
}

func FuzzTag(f *testing.F) {
	for _, tag := range []string{
		"doc=x; default=1; min=0; max=9", "doc='a;''b'; default=5; enum=5|6", "doc=x; default=; pattern=mail",
		"doc=x; maxitems=3; charset=id; default=[\"a\"]; insecure=a: b", "required;;", "=", "doc=x;min=1e9;max=1e99",
	} {
		for kind := range byte(6) {
			f.Add(kind, tag)
		}
	}
	types := []reflect.Type{
		reflect.TypeFor[int16](), reflect.TypeFor[string](), reflect.TypeFor[[]string](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[float64](), reflect.TypeFor[map[string]bool](),
	}
	f.Fuzz(func(t *testing.T, kind byte, tag string) {
		s, err := config.ForType(one(types[int(kind)%len(types)], tag), patterns)
		if err != nil {
			require.ErrorIs(t, err, config.ErrSchema)
			return
		}
		// What compiles has defaults that are valid and secure.
		report, err := s.Validate(s.Defaults())
		require.NoError(t, err)
		require.False(t, report.Has(config.Insecure))
		require.Len(t, s.Fields(), len(s.Fields()))
	})
}

// The resource of reading is the path, and fits package access, wherever write=
// leads.
func TestPathFitsAccessWhateverWriteSays(t *testing.T) {
	type inner struct {
		Last map[string]bool `json:"last" setting:"doc=x; maxitems=9; keys=id; write=last"`
	}
	type middle struct {
		AndOneMoreWithAVeryLongName map[string]inner `json:"andOneMoreWithAVeryLongName" setting:"doc=x; maxitems=9; keys=id"`
	}
	type outer struct {
		AMapWithAVeryLongNameAsWell map[string]middle `json:"aMapWithAVeryLongNameAsWell" setting:"doc=x; maxitems=9; keys=id"`
	}
	_, err := config.For[outer](nil)
	require.NoError(t, err, "3 names of an entry and what is between them have less than 256 bytes")
	type longer struct {
		AnotherMapWithAVeryLongName map[string]outer `json:"anotherMapWithAVeryLongName" setting:"doc=x; maxitems=9; keys=id; write=w"`
	}
	_, err = config.For[longer](nil)
	require.ErrorIs(t, err, config.ErrSchema)
	require.ErrorContains(t, err, "too long or nested too deep")
}
