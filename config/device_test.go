package config_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/pattern"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Sensor is the settings type of most tests.
type Sensor struct {
	Name     string          `json:"name" setting:"doc=Name on the network; default=sensor; charset=id; minlen=1; maxlen=32"`
	Interval time.Duration   `json:"interval" setting:"doc=Time between readings; default=10s; min=1s; max=1h; warn=<5s: the battery lasts a week"`
	Offset   float64         `json:"offset" setting:"doc=Correction; default=0; min=-5; max=5; unit=K"`
	Log      Log             `json:"log" setting:"doc=Event log"`
	Network  Network         `json:"network" setting:"doc=Network"`
	Users    map[string]User `json:"users" setting:"doc=Local users; keys=id; maxitems=16; class=person"`
	Servers  []string        `json:"servers" setting:"doc=Time servers; maxitems=4; charset=host; minlen=1; maxlen=64; default=[\"ntp.local\"]"`
	Internal int             `json:"-"`
}

type Log struct {
	Level string `json:"level" setting:"doc=How much is logged; default=info; enum=debug|info|error; insecure=debug: the log would hold personal data"`
	Keep  uint16 `json:"keep" setting:"doc=Days; default=90; min=1; max=365; unit=days; floor"`
}

type Network struct {
	Telnet  bool          `json:"telnet" setting:"doc=Old console; default=false; insecure=true: passwords cross the network in clear"`
	Port    int           `json:"port" setting:"doc=TCP port; default=8443; min=1; max=65535; restart"`
	Key     config.Secret `json:"key" setting:"doc=Pre-shared key; class=secret; charset=ascii; minlen=8; maxlen=64; insecure=<16: a short key can be guessed"`
	MinTLS  string        `json:"minTLS" setting:"doc=Least TLS version; default=1.3; enum=1.2|1.3; floor; write=security/tls; warn=1.2: old"`
	Updates bool          `json:"updates" setting:"doc=Install by itself; default=false; needs=update.policy"`
}

type User struct {
	Role string        `json:"role" setting:"doc=Role; required; enum=reader|admin"`
	Mail string        `json:"mail" setting:"doc=Address; default=; pattern=mail; maxlen=80"`
	Pin  config.Secret `json:"pin" setting:"doc=Local code; class=secret; charset=digits; maxlen=8"`
}

func sensorRules() []config.Rule {
	fast := config.NewRule("fast-log", func(s *Sensor) string {
		if s.Interval < 2*time.Second && s.Log.Keep > 300 {
			return "the medium would wear out"
		}
		return ""
	}, "/interval", "/log/keep")
	open := config.NewRule("open", func(s *Sensor) string {
		if s.Network.Port == 23 && s.Network.Key == "" {
			return "a known port without a key"
		}
		return ""
	}, "/network/port")
	open.Severity = config.Insecure
	return []config.Rule{fast, open}
}

// patterns are those that the tags of the tests name.
var patterns = &config.SchemaOptions{Patterns: map[string]config.Pattern{
	"mail":          pattern.MustCompile(`^(?:[a-z0-9.]+@[a-z0-9.]+)?$`),
	"letter-digits": pattern.MustCompile(`^[a-z][0-9]{1,2}$`),
}}

func sensorSchema(t testing.TB) *config.Schema {
	s, err := config.For[Sensor](&config.SchemaOptions{Rules: sensorRules(), Patterns: patterns.Patterns})
	require.NoError(t, err)
	return s
}

// policy allows by entity, permission and resource; a resource may end in "**".
type policy map[*access.Entity][]string

func (p policy) Decide(_ context.Context, e *access.Entity, perm access.Permission, resource string) access.Decision {
	for _, grant := range p[e] {
		what, on, _ := strings.Cut(grant, " ")
		if what != "*" && what != string(perm) {
			continue
		}
		if prefix, ok := strings.CutSuffix(on, "**"); ok && strings.HasPrefix(resource, prefix) || on == resource {
			return access.Decision{Allowed: true, Rule: grant, Reason: "granted"}
		}
	}
	return access.Decision{}
}

var admin = new(access.Entity)

func asAdmin() context.Context { return access.WithEntity(context.Background(), admin) }

var allowAdmin = policy{admin: {"* **"}}

// applier records what it was asked, and refuses when told.
type applier struct {
	mu     sync.Mutex
	now    Sensor
	log    []string
	refuse func(*Sensor) error
}

func (a *applier) Apply(_ context.Context, old, new any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := "nil"
	if old, ok := old.(*Sensor); ok {
		was = old.Name
	}
	a.log = append(a.log, was+">"+new.(*Sensor).Name)
	if a.refuse != nil {
		if err := a.refuse(new.(*Sensor)); err != nil {
			return err
		}
	}
	a.now = *new.(*Sensor)
	return nil
}

// device is a device in memory.
type device struct {
	t        testing.TB
	dir      *durable.Dir
	schema   *config.Schema
	auth     access.Authorizer
	opts     config.Options
	settings *config.Settings
	view     *config.View[Sensor]
	notices  []config.Notice
	events   bytes.Buffer
	applier  applier
}

func newDevice(t testing.TB, change func(*device)) *device {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	d := &device{t: t, dir: dir, schema: sensorSchema(t), auth: allowAdmin}
	d.opts = config.Options{
		Appliers: []config.NamedApplier{{Name: "main", To: &d.applier}},
		Log:      slog.New(slog.NewJSONHandler(&d.events, nil)),
		Notice:   func(_ context.Context, n config.Notice) { d.notices = append(d.notices, n) },
	}
	if change != nil {
		change(d)
	}
	require.NoError(t, d.open())
	return d
}

func (d *device) open() (err error) {
	d.settings, err = config.Open(context.Background(), d.dir, d.schema, d.auth, &d.opts)
	if err != nil {
		return err
	}
	d.view, err = config.NewView[Sensor](d.settings)
	return err
}

func (d *device) patch(text string, accept ...string) (config.Result, error) {
	return d.settings.Change(asAdmin(), config.Change{Patch: []byte(text), AcceptInsecure: accept})
}

func (d *device) mustPatch(text string, accept ...string) config.Result {
	r, err := d.patch(text, accept...)
	require.NoError(d.t, err)
	return r
}

func (d *device) document() string {
	doc, _, err := d.settings.Document(asAdmin())
	require.NoError(d.t, err)
	return string(doc)
}

var errNo = errors.New("the port is taken")
