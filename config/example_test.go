package config_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Probe is the settings type of the examples.
type Probe struct {
	Interval time.Duration `json:"interval" setting:"doc=Time between readings; default=10s; min=1s; max=1h"`
	Telnet   bool          `json:"telnet" setting:"doc=Old console; default=false; insecure=true: passwords cross the network in clear"`
}

func Example() {
	ctx := asAdmin() // in a device: from an authenticator
	store, _ := durable.OpenFS(powercut.New().FS(), nil)
	schema, err := config.For[Probe](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	settings, err := config.Open(ctx, store, schema, allowAdmin, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = settings.Apply(ctx, []byte(`{"interval":"30s"}`), "", nil)
	fmt.Println(err)
	_, err = settings.Apply(context.Background(), []byte(`{"interval":"1s"}`), "", nil)
	fmt.Println(errors.Is(err, access.ErrDenied))
	view, _ := config.NewView[Probe](settings)
	fmt.Println(view.Load().Interval)
	// Output:
	// <nil>
	// true
	// 30s
}

func ExampleSchema_Validate() {
	schema, _ := config.For[Probe](nil)
	report, err := schema.Validate([]byte(`{"interval":"2h","telnet":true,"Telnet":1}`))
	for _, finding := range report {
		fmt.Println(finding)
	}
	fmt.Println(err != nil)
	// Output:
	// invalid: /interval: want 1s to 1h
	// invalid: /Telnet: unknown setting; upper and lower case count: telnet
	// true
}

func ExampleNewRule() {
	quiet := config.NewRule("quiet", func(p *Probe) string {
		if p.Telnet && p.Interval < time.Minute {
			return "the console is too slow for this interval"
		}
		return ""
	}, "/interval", "/telnet")
	schema, _ := config.For[Probe](&config.SchemaOptions{Rules: []config.Rule{quiet}})
	_, err := schema.Validate([]byte(`{"interval":"2s","telnet":true}`))
	fmt.Println(err)
	// Output:
	// config: not valid: invalid: /interval: quiet: the console is too slow for this interval; invalid: /telnet: quiet: the console is too slow for this interval
}

func ExampleSettings_Apply() {
	dir, _ := durable.OpenFS(powercut.New().FS(), nil)
	schema, _ := config.For[Log](nil)
	settings, _ := config.Open(context.Background(), dir, schema, allowAdmin, nil)
	_, err := settings.Apply(asAdmin(), []byte(`{"level":"debug"}`), "", nil)
	fmt.Println(err)
	_, err = settings.Apply(asAdmin(), []byte(`{"level":"debug"}`), "", []string{"/level"})
	document, _, _ := settings.Document(asAdmin())
	fmt.Println(err, string(document))
	// Output:
	// config: insecure choice not accepted: insecure: /level: the log would hold personal data
	// <nil> {"level":"debug","keep":90}
}
