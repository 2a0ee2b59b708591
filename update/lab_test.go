package update_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// guard is one guard for all tests. Its services: "operator" may everything with
// updates, "nobody" nothing, the others what they are called.
var guard = sync.OnceValue(func() *access.Guard {
	roles := map[string]access.Permission{
		"operator": "update.*", "checker": access.UpdateCheck, "installer": access.UpdateInstall,
		"policymaker": access.UpdatePolicy,
		"confirmer":   access.UpdateConfirm, "returner": access.UpdateRollback, "nobody": access.StatusRead,
	}
	spec, services := access.PolicySpec{}, map[string][]string{}
	for name, p := range roles {
		spec.Roles = append(spec.Roles, access.Role{Name: name})
		spec.Grants = append(spec.Grants, access.Grant{Role: name, Permission: p, Resources: []string{"**"}})
		services[name] = []string{name}
	}
	policy, err := access.NewPolicy(spec, nil)
	if err != nil {
		panic(err)
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	g, err := access.OpenGuard(context.Background(), dir, policy, &access.GuardOptions{Services: services})
	if err != nil {
		panic(err)
	}
	return g
})

// as is ctx in which name asks.
func as(ctx context.Context, name string) context.Context {
	ctx, err := access.AsService(ctx, guard().Issuer("service"), name)
	if err != nil {
		panic(err)
	}
	return ctx
}

// host counts what it is asked for.
type host struct {
	restarts int
	watchdog time.Duration
	down     bool // the link
	ended    func()
}

func (h *host) Restart(context.Context, string) error { h.restarts++; return nil }
func (h *host) LinkUp() bool                          { return !h.down }
func (h *host) Watchdog(d time.Duration) error {
	h.watchdog = d
	if d == 0 && h.ended != nil {
		h.ended()
	}
	return nil
}

type healthFunc func(ctx context.Context) error

func (f healthFunc) Healthy(ctx context.Context) error { return f(ctx) }

type gateFunc func(p update.Phase) string

func (f gateFunc) Check(_ context.Context, p update.Phase, _ *update.Release) update.Verdict {
	reason := f(p)
	return update.Verdict{Held: reason != "", Reason: reason}
}

// device is one run of the program of a device.
type device struct {
	*update.Updater
	m      *powercut.Machine
	dir    *durable.Dir
	floors *update.FloorStore
	host   *host
	log    *bytes.Buffer
}

// setup changes how a device is composed.
type setup func(*update.Parts, *update.Options)

// factory makes a machine that runs release number.
func factory(m *powercut.Machine, v *vendor, number uint64) error {
	d, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return err
	}
	if err := update.NewFloors(d).Reserve(context.Background()); err != nil {
		return err
	}
	for _, name := range v.components() {
		if err := (slots{m, name}).factory(v.image(name, number, imageSize)); err != nil {
			return err
		}
	}
	return d.Close()
}

// start starts the program that the boot loader chose.
func start(ctx context.Context, m *powercut.Machine, v *vendor, change setup) (*device, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	d := &device{m: m, dir: dir, floors: update.NewFloors(dir), host: &host{}, log: &bytes.Buffer{}}
	installers := map[string]update.Installer{}
	for _, name := range v.components() {
		installers[name] = slots{m, name}
	}
	boot := v.components()[len(v.components())-1]
	s := slots{m, boot}
	parts := update.Parts{
		Product: product, Channel: channel, Running: v.known[string(s.image(s.load().Booted))],
		Trust: v, Source: v, Installers: installers, Boot: boot, Floors: d.floors, Guard: guard(), Host: d.host,
		Health: healthFunc(func(context.Context) error { return nil }),
	}
	opts := update.Options{
		Checkpoint: 600, Tries: 15, Tick: time.Second,
		Log: slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	}
	if change != nil {
		change(&parts, &opts)
	}
	d.Updater, err = update.Open(ctx, dir, parts, &opts)
	return d, err
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// boot is a power-on, and the start of the program up to Recover.
func boot(ctx context.Context, m *powercut.Machine, v *vendor, change setup) (*device, error) {
	if err := powerOn(m, v); err != nil {
		return nil, err
	}
	d, err := start(ctx, m, v, change)
	if err != nil {
		return nil, err
	}
	return d, d.Recover(ctx)
}

// journal is what the record says, by a reader of its own.
func (d *device) journal(ctx context.Context) (j struct {
	State, Reason string
	Document      update.Digest
	Offset        int64
	Link          bool
	Failed        []struct{ Count int }
}) {
	raw, err := d.dir.Get(ctx, "update/journal")
	if err == nil {
		_, text, _ := bytes.Cut(raw, []byte{' '})
		err = json.Unmarshal(text, &j)
	}
	if err != nil {
		j.State = "none"
	}
	return j
}

// tell says what a device is: what runs, what may not run, what failed.
func (d *device) tell(ctx context.Context) (string, error) {
	version, trial, err := d.Status(ctx)
	if err != nil {
		return "", err
	}
	floor, err := d.floors.Get(ctx, "release")
	j := d.journal(ctx)
	return fmt.Sprintf("%s trial=%t floor=%d failed=%d", version, trial, floor, len(j.Failed)), err
}

// lab is a machine for tests without power cuts.
func lab(t testing.TB, v *vendor, number uint64) *powercut.Machine {
	t.Helper()
	m := powercut.New()
	require.NoError(t, factory(m, v, number))
	return m
}

func booted(t testing.TB, m *powercut.Machine, v *vendor, change setup) *device {
	t.Helper()
	d, err := boot(t.Context(), m, v, change)
	require.NoError(t, err)
	return d
}

func (d *device) state(t testing.TB) string {
	t.Helper()
	s, err := d.tell(t.Context())
	require.NoError(t, err)
	return s
}

func (d *device) events(name string) int { return strings.Count(d.log.String(), "msg="+name) }

var errSick = errors.New("the pump does not answer")
