package pattern_test

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/pattern"
)

// Device is the settings type of the example.
type Device struct {
	Serial string `json:"serial" setting:"doc=Serial number; default=; pattern=serial"`
}

func Example() {
	serial, err := pattern.Compile(`^(?:[A-Z]{2}[0-9]{6})?$`)
	if err != nil {
		panic(err)
	}
	schema, err := config.For[Device](&config.SchemaOptions{Patterns: map[string]config.Pattern{"serial": serial}})
	if err != nil {
		panic(err)
	}
	_, err = schema.Validate([]byte(`{"serial":"AB123456"}`))
	fmt.Println(err)
	_, err = schema.Validate([]byte(`{"serial":"AB123456; reboot"}`))
	fmt.Println(err)
	// Output:
	// <nil>
	// config: not valid: invalid: /serial: want ^(?:[A-Z]{2}[0-9]{6})?$
}

func ExampleCompile() {
	_, err := pattern.Compile(`[a-z]+`)
	fmt.Println(err)
	_, err = pattern.Compile(`^[^;]*$`)
	fmt.Println(err)
	// Output:
	// pattern: compile: it begins with ^ and ends with $, around all alternatives
	// pattern: compile: it lists what is allowed: no dot, no negated class, no (?i)
}
