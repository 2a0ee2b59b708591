package main

import (
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/config"
)

// What the gateway is: declarations only.

const (
	product = "gateway"
	channel = "stable"
	device  = "gateway-0001" // in a real device the serial number

	oldChannel = "legacy" // a channel that the manufacturer has given up
)

// settings of the gateway.
type settings struct {
	Name     string            `json:"name" setting:"doc=Name of the gateway; default=gateway; minlen=1; maxlen=32; charset=host"`
	Interval time.Duration     `json:"interval" setting:"doc=Time between two readings of the sensors; default=10s; min=1s; max=1h"`
	Limit    float64           `json:"limit" setting:"doc=Alarm above; unit=°C; default=8; min=-40; max=60"`
	Rooms    map[string]string `json:"rooms" setting:"doc=Which room a sensor is in; default={}; keys=lower; maxitems=16; minlen=1; maxlen=32; charset=host"`
	Console  consoleSettings   `json:"console" setting:"doc=Sessions at the service port"`
}

type consoleSettings struct {
	Timeout time.Duration `json:"timeout" setting:"doc=Idle time after which a session ends; default=5m; min=30s; max=24h; insecure=>1h: an open console is anybody's; floor"`
}

// sensors that the gateway controls: simulated, as the only thing here.
var sensors = []string{"cellar", "kitchen", "porch"}

// reading is what sensor n shows at the time of count readings, in degrees.
func reading(n, count int) float64 { return 4 + float64((n*7+count)%5)/2 }

// ways in and out of the gateway (27402 5.2.6.1.1). The service port is not one that
// listens: it is a plug.
func ways(vendor string, page bool) gate.List {
	list := gate.List{Flows: []gate.Flow{{Name: "vendor", Hosts: []string{vendor}, Reason: "releases of the manufacturer"}}}
	if page {
		list.Interfaces = []gate.Interface{{
			Name: "page", Network: "tcp", Address: "127.0.0.1:0", Authentication: "none: public status only",
			Permission: access.StatusRead, Reason: "a person looks at the gateway", MaxConns: 16,
		}}
	}
	return list
}

const servicePort = "service-port"

// notesKeep is a permission of the gateway's own: to keep notes for oneself.
const notesKeep access.Permission = "notes.keep"

// A trial of a real device takes minutes; that of a story must not.
const (
	trialHealthy = 400 * time.Millisecond
	trialLimit   = 2 * time.Second
	trialTick    = 50 * time.Millisecond
)

func newSchema() (*config.Schema, error) { return config.For[settings](nil) }

// Names of the services of this program, as which it acts when no person asked.
const (
	serviceConfig = "config"
	serviceUpdate = "update"
	serviceVendor = "vendor" // whose signature is under a bundle of settings
	serviceErase  = "erase"
)

// policy: what is not granted is denied.
func newPolicy() (*access.Policy, error) {
	grant := func(role string, permission access.Permission, resources ...string) access.Grant {
		return access.Grant{Role: role, Permission: permission, Resources: resources}
	}
	return access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{
			{Name: "resident", Description: "lives with it: reads, and erases himself"},
			{Name: "owner", Inherits: []string{"resident"}, Description: "decides about the gateway"},
			{Name: access.RoleCommissioner, Description: "holds the secret on the label"},
			{Name: "part", Description: "parts of the gateway that tell and finish"},
			{Name: "updater", Description: "keeps the software current"},
			{Name: "manufacturer", Description: "signs settings"},
		},
		Grants: []access.Grant{
			grant("resident", access.ConfigRead, "**"), grant("resident", access.NotifyRead, "**"),
			grant("resident", access.EraseSubject, "{self}"), grant("resident", notesKeep, "{self}"), grant("resident", access.StatusRead, "**"),
			grant("owner", access.ConfigWrite, "**"), grant("owner", access.NotifyAck, "**"),
			grant("owner", access.EraseSubject, "**"), grant("owner", access.EraseAll, "**"), grant("owner", access.ResetRequest, "**"),
			grant("owner", access.UpdateCheck, "**"), grant("owner", access.UpdateInstall, "**"), grant("owner", access.UpdateConfirm, "**"),
			grant("owner", access.UpdateRollback, "**"), grant("owner", access.UpdatePolicy, "**"), grant("owner", access.LogRead, "**"), grant("owner", access.LogExport, "**"),
			grant("owner", access.AccessAssign, "resident/*"), grant("owner", access.AccessCredentials, "password/*"), grant("owner", access.AccessDisown, "**"),
			grant("part", access.NotifyRaise, "**"), grant("part", access.EraseSubject, "**"), grant("part", access.EraseAll, "**"),
			grant("part", access.ResetRequest, "**"), grant("part", access.AccessDisown, "**"), grant("part", access.StatusRead, "**"),
			grant("updater", access.UpdateCheck, "**"), grant("updater", access.UpdateConfirm, "**"), grant("updater", access.UpdateRollback, "**"),
			grant("updater", access.StatusRead, "**"),
			grant("manufacturer", access.ConfigWrite, "interval", "limit", "rooms/**", "console/**"),
			grant(access.RoleCommissioner, access.AccessCommission, "**"),
		},
	}, &access.PolicyOptions{Permissions: []access.PermissionInfo{
		{Name: notesKeep, Description: "Keep notes; the resource is the person.", Sensitivity: access.ClassPerson, Shut: access.ShutRefused},
	}})
}

func guardOptions() *access.GuardOptions {
	return &access.GuardOptions{
		Services: map[string][]string{
			serviceConfig: {"part"}, serviceErase: {"part"},
			serviceUpdate: {"updater"}, serviceVendor: {"manufacturer"}, baseline.ServiceName: {"part", "updater"},
		},
		Parts:      []string{"password", "keys", "vendor"},
		Local:      []string{servicePort},
		OwnerRoles: []string{"owner"},
	}
}

// newHasher: one login at a time takes 7 MiB.
func newHasher() (*password.Hasher, error) {
	return password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 7 << 10, Time: 5, Threads: 1}})
}

// describe says what a sensor shows, for the status page.
func describe(now settings, n, count int) string {
	room := now.Rooms[sensors[n]]
	if room == "" {
		room = "no room"
	}
	return fmt.Sprintf("%s (%s): %.1f °C", sensors[n], room, reading(n, count))
}
