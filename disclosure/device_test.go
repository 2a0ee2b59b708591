package disclosure_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/disclosure"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/risk"
)

// sensor are settings with choices.
type sensor struct {
	Interval time.Duration `json:"interval" setting:"doc=Time between two measurements; default=10s; min=1s; max=1h; warn=<5s: the battery lasts a week"`
	Console  time.Duration `json:"console" setting:"doc=Idle time after which a session ends; default=5m; min=30s; max=24h; insecure=>1h: an open console is anybody's; floor"`
}

// compose opens real parts on a directory, and runs them.
func compose(t *testing.T) (*baseline.Device, *baseline.Parts, *risk.Statement) {
	t.Helper()
	ctx := t.Context()
	dir, err := durable.OpenDir(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	keys, err := softkeys.Open(ctx, dir, nil)
	require.NoError(t, err)
	vault, err := protect.Provision(ctx, dir, keys, nil)
	require.NoError(t, err)
	store := func(class protect.Class) durable.Store {
		c, err := vault.Compartment(ctx, class)
		require.NoError(t, err)
		return c
	}
	policy, err := access.NewPolicy(access.PolicySpec{Roles: []access.Role{{Name: "owner"}, {Name: "service"}}, Grants: []access.Grant{
		{Role: "service", Permission: access.NotifyRaise, Resources: []string{"**"}},
	}}, nil)
	require.NoError(t, err)
	guard, err := access.OpenGuard(ctx, store(protect.ClassFloor), policy, &access.GuardOptions{
		Services: map[string][]string{baseline.ServiceName: {"service"}},
	})
	require.NoError(t, err)
	vault.Guard(guard)
	hasher, err := password.NewHasher(nil)
	require.NoError(t, err)
	users, err := password.NewStore(store(protect.ClassSecurity), guard, hasher, nil)
	require.NoError(t, err)
	schema, err := config.For[sensor](nil)
	require.NoError(t, err)
	settings, err := config.Open(ctx, store(protect.ClassSettings), schema, guard, nil)
	require.NoError(t, err)
	notices, err := notify.Open(ctx, durable.Sub(store(protect.ClassLogs), "notices"), guard, nil)
	require.NoError(t, err)
	parts := &baseline.Parts{
		Accessor: guard, Protector: vault, Eraser: vault.Subjects(), Configurer: settings, Notifier: notices,
		Extra: []baseline.Part{users, part{{ID: "sensor.service-port", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "example.com/sensor",
			Summary: "the only interface is the service port, where every operation asks who is there"}}},
	}
	return run(t, parts, assessment(t))
}

// part is a vendor's own.
type part []clause.Feature

func (p part) Features() []clause.Feature { return p }

func assessment(t testing.TB) *risk.Assessment {
	t.Helper()
	data, err := os.ReadFile("../risk/testdata/temperature-sensor.json")
	require.NoError(t, err)
	a, err := risk.Parse(data)
	require.NoError(t, err)
	return a
}

// run starts the device with a statement for which everything was shown.
func run(t *testing.T, parts *baseline.Parts, a *risk.Assessment) (*baseline.Device, *baseline.Parts, *risk.Statement) {
	t.Helper()
	screen := display{make(chan struct{})}
	parts.Extra = append(parts.Extra, screen)
	evidence := risk.Evidence{ID: "SUITE", Result: risk.Pass, By: "bench", At: "2026-06-01", Composition: clause.Digest(parts.Features())}
	for _, f := range parts.Features() {
		evidence.Clauses = append(evidence.Clauses, f.Clauses...)
	}
	statement := risk.Derive(a, parts.Features(), []risk.Evidence{evidence})
	device, err := baseline.New(*parts, statement, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- device.Run(ctx) }()
	select {
	case <-screen.on:
	case err := <-done:
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, device.Close())
	})
	return device, parts, statement
}

type display struct{ on chan struct{} }

func (display) Features() []clause.Feature { return nil }
func (display) ServesIn(string) bool       { return true }
func (d display) Serve(ctx context.Context) error {
	close(d.on)
	<-ctx.Done()
	return nil
}

// vendor has facts in every field.
func vendor() *disclosure.Vendor {
	return &disclosure.Vendor{
		Product: "Cold-store sensor", Model: "TS-200", Name: "Example Ltd",
		Contact: "mailto:security@example.com", Policy: "https://example.com/vulnerabilities", Encryption: "https://example.com/key.asc",
		SBOM: "https://example.com/ts-200/sbom.json",
		Support: disclosure.Support{
			From: "2026-01-01", Until: "2031-12-31", Changes: "https://example.com/ts-200/support", Text: "Units with a known fault are exchanged.",
		},
		Interfaces: []disclosure.Interface{
			{Name: "service-port", Where: "in the cabinet", Who: "people with a password", Purpose: "settings and notices"},
		},
		Duties: []string{"Keep the cabinet locked and the keys counted"},
		Erase:  "at the service port, erase NAME", Reset: "return it for commissioning",
	}
}
