package main

import (
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/config"
)

// settings of the temperature sensor. One declaration gives default, limits,
// documentation and security grade.
type settings struct {
	Name     string        `json:"name" setting:"doc=Name on the display; default=sensor; minlen=1; maxlen=32; charset=host"`
	Interval time.Duration `json:"interval" setting:"doc=Time between two measurements; default=10s; min=1s; max=1h"`
	Alarm    alarm         `json:"alarm" setting:"doc=When the alarm contact closes"`
	Console  console       `json:"console" setting:"doc=Sessions at the service port"`
}

type alarm struct {
	Low  float64 `json:"low" setting:"doc=Alarm below; unit=°C; default=-25; min=-60; max=60"`
	High float64 `json:"high" setting:"doc=Alarm above; unit=°C; default=-18; min=-60; max=60"`
}

type console struct {
	Timeout time.Duration `json:"timeout" setting:"doc=Idle time after which a session ends; default=5m; min=30s; max=24h; insecure=>1h: an open console is anybody's; floor"`
}

var (
	schema = must(config.For[settings](&config.SchemaOptions{Rules: []config.Rule{
		config.NewRule("alarm limits", func(s *settings) string {
			if s.Alarm.Low >= s.Alarm.High {
				return "low is not below high"
			}
			return ""
		}, "/alarm/low", "/alarm/high"),
	}}))

	// policy: what is not granted is denied.
	policy = must(access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{
			{Name: "viewer", Description: "reads settings and notices"},
			{Name: "owner", Inherits: []string{"viewer"}, Description: "runs the cold store"},
			{Name: access.RoleCommissioner, Description: "holds the secret on the label, for the first hour"},
			{Name: "service", Description: "parts of the device"},
		},
		Grants: []access.Grant{
			{Role: "viewer", Permission: access.ConfigRead, Resources: []string{"**"}},
			{Role: "viewer", Permission: access.NotifyRead, Resources: []string{"**"}},
			{Role: "viewer", Permission: access.EraseSubject, Resources: []string{"{self}"}},
			{Role: "owner", Permission: access.ConfigWrite, Resources: []string{"**"}},
			{Role: "owner", Permission: access.NotifyAck, Resources: []string{"**"}},
			{Role: "owner", Permission: access.EraseSubject, Resources: []string{"**"}},
			{Role: "owner", Permission: access.AccessAssign, Resources: []string{"viewer/*"}},
			{Role: "owner", Permission: access.AccessCredentials, Resources: []string{"password/*"}},
			{Role: "service", Permission: access.NotifyRaise, Resources: []string{"**"}},
			{Role: access.RoleCommissioner, Permission: access.AccessCommission, Resources: []string{"**"}},
		},
	}, nil))

	guardOptions = &access.GuardOptions{
		Services: map[string][]string{"config": {"service"}, "program": {"owner"}, baseline.ServiceName: {"service"}},
		Parts:    []string{"password", "softkeys"},
		Local:    []string{"service-port"},
		// The owner may hold what the program holds.
		OwnerRoles: []string{"owner"},
	}

	// hasher: one login at a time takes 7 MiB and five passes, fit for a small device.
	hasher = must(password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 7 << 10, Time: 5, Threads: 1}}))
)

// must is for declarations that are wrong for every device or for none.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
