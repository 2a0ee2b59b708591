package reset_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
)

var someTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

const good = "correct horse battery"

// settings have one that marks a floor.
type settings struct {
	Name string `json:"name" setting:"doc=Name; default=device; minlen=1; maxlen=32; charset=host"`
	TLS  int    `json:"tls" setting:"doc=Lowest version of TLS; default=12; min=12; max=13; floor"`
}

// device is what a vendor composes.
type device struct {
	dir      *durable.Dir
	vault    *protect.Vault
	floor    durable.Store
	guard    atNoon
	lock     *baseline.Interlock
	log      *strings.Builder
	opts     reset.Options
	steps    []reset.Step
	resetter *reset.Resetter
	users    *password.Store
	settings *config.Settings
}

// atNoon is a guard whose mandates are all of one time, so that equal runs leave
// equal bytes.
type atNoon struct{ *access.Guard }

func (g atNoon) NewMandate(ctx context.Context, req access.MandateRequest) (access.Mandate, error) {
	m, err := g.Guard.NewMandate(ctx, req)
	m.Time = someTime
	return m, err
}

func policy() *access.Policy {
	all := []string{"**"}
	p, err := access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{{Name: "user"}, {Name: "owner"}, {Name: access.RolePresence}},
		Grants: []access.Grant{
			{Role: "owner", Permission: access.ResetRequest, Resources: all},
			{Role: "owner", Permission: access.AccessDisown, Resources: all},
			{Role: "owner", Permission: access.ConfigWrite, Resources: all},
			{Role: "owner", Permission: access.AccessAssign, Resources: all},
			{Role: "user", Permission: access.ResetRequest, Resources: []string{reset.Settings}},
			{Role: access.RolePresence, Permission: access.ResetRequest, Resources: all},
			{Role: access.RolePresence, Permission: access.AccessDisown, Resources: all},
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	return p
}

// early opens what a reset needs: it opens while the directory is on hold too.
func early(ctx context.Context, dir *durable.Dir, open func(context.Context, *durable.Dir, protect.KeyStore, *protect.Options) (*protect.Vault, error)) (d *device, err error) {
	d = &device{dir: dir, log: &strings.Builder{}}
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	if d.vault, err = open(ctx, dir, keys, &protect.Options{MaxCompartments: 10}); err != nil {
		return nil, err
	}
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return nil, err
	}
	d.floor = floor
	err = errors.Join(durable.Reserve(ctx, floor, "guard", 2<<10), durable.Reserve(ctx, floor, "interlock", 256))
	if err != nil && !errors.Is(err, durable.ErrFull) {
		return nil, err
	}
	d.guard.Guard, err = access.OpenGuard(ctx, floor, policy(), &access.GuardOptions{
		Parts: []string{}, Local: []string{"usb"}, OwnerRoles: []string{"owner"},
	})
	if err != nil {
		return nil, err
	}
	d.vault.Guard(d.guard)
	if d.lock, err = baseline.OpenInterlock(ctx, floor); err != nil {
		return nil, err
	}
	d.steps = []reset.Step{
		{Name: "keys", Scopes: []string{reset.Settings, reset.SettingsAndData, reset.Factory, reset.Transfer}, Run: d.destroyKeys},
		reset.Remove("cache", dir, []string{"cache"}, reset.SettingsAndData, reset.Factory, reset.Transfer),
		reset.EndOwnership(d.guard, reset.Factory, reset.Transfer),
	}
	d.opts = reset.Options{Interlock: d.lock, Log: slog.New(slog.NewTextHandler(d.log, nil))}
	return d, d.reopen(ctx)
}

func (d *device) reopen(ctx context.Context) (err error) {
	d.resetter, err = reset.Open(ctx, d.dir, d.floor, d.guard, d.steps, &d.opts)
	return err
}

func (d *device) destroyKeys(ctx context.Context, scope string) (string, error) {
	classes := []protect.Class{protect.ClassSettings}
	if scope != reset.Settings {
		classes = append(classes, protect.ClassUserData, protect.ClassApplication, protect.ClassLogs)
	}
	if scope == reset.Factory || scope == reset.Transfer {
		classes = append(classes, protect.ClassSecurity)
	}
	m, err := d.vault.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: scope}, classes...)
	return string(m), err
}

// late opens the rest of the device.
func (d *device) late(ctx context.Context) error {
	if err := d.passwords(ctx); err != nil {
		return err
	}
	kept, err := d.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	schema, err := config.For[settings](nil)
	if err != nil {
		return err
	}
	d.settings, err = config.Open(ctx, kept, schema, d.guard, &config.Options{Floor: d.floor, Interlock: d.lock})
	return err
}

func (d *device) passwords(ctx context.Context) error {
	security, err := d.vault.Compartment(ctx, protect.ClassSecurity)
	if err != nil {
		return err
	}
	hasher, err := password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		return err
	}
	d.users, err = password.NewStore(security, d.guard.Guard, hasher, nil)
	return err
}

// open starts the device: a reset is resumed before anything else opens.
func open(ctx context.Context, dir *durable.Dir) (*device, error) {
	d, err := early(ctx, dir, protect.Open)
	if err != nil {
		return nil, err
	}
	if err := d.resetter.Resume(ctx); err != nil {
		return d, err
	}
	return d, d.late(ctx)
}

// build makes a device of ann with settings, data and a floor.
func build(ctx context.Context, dir *durable.Dir) error {
	d, err := early(ctx, dir, protect.Provision)
	if err != nil {
		return err
	}
	secret, err := access.Provision(ctx, d.floor, nil)
	if err != nil {
		return err
	}
	label := []byte(secret.Reveal())
	err = errors.Join(d.floor.Put(ctx, "label", label), d.floor.Put(ctx, "update/floors", []byte("1.4")), d.guard.Reload(ctx), d.late(ctx))
	if err != nil {
		return err
	}
	alice, err := d.vault.Subject(ctx, "alice")
	if err != nil {
		return err
	}
	err = errors.Join(d.commission(ctx), alice.Put(ctx, "letter", []byte("canary-of-alice")), dir.Put(ctx, "cache/1", []byte("canary-of-cache")))
	if err != nil {
		return err
	}
	_, err = d.settings.Apply(d.as(ctx, "ann"), []byte(`{"name": "canary-of-ann", "tls": 13}`), "", nil)
	return errors.Join(err, d.close())
}

// commission makes ann the owner, by the label.
func (d *device) commission(ctx context.Context) error {
	label, err := d.floor.Get(ctx, "label")
	if err != nil {
		return err
	}
	first, err := d.guard.Initial(ctx, string(label), "usb")
	if err != nil {
		return err
	}
	return d.guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(ctx context.Context) error {
		return d.users.Set(ctx, "ann", password.New(good))
	})
}

// as is ctx in which the person who asks.
func (d *device) as(ctx context.Context, who string) context.Context {
	e, err := d.guard.Issuer("test").Issue(access.Facts{ID: who, Kind: access.KindPerson})
	if err != nil {
		panic(err)
	}
	return access.WithEntity(ctx, e)
}

func (d *device) close() error { return errors.Join(d.vault.Close(), d.dir.Close()) }

// holds says in words what the device holds.
func (d *device) holds(ctx context.Context) (string, error) {
	var b strings.Builder
	if _, err := d.users.Verify(ctx, "ann", password.New(good), "usb", "s"); err == nil {
		b.WriteString("ann logs in; ")
	} else if !errors.Is(err, password.ErrWrong) {
		return "", err
	}
	if _, shut := d.guard.Shut(); shut {
		b.WriteString("waits for its commissioning; ")
	}
	if d.settings != nil {
		view, err := config.NewView[settings](d.settings)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "settings %+v; ", *view.Load())
	}
	fmt.Fprintf(&b, "subjects %d; ", d.vault.Report(ctx).Subjects)
	cache, cerr := d.dir.List(ctx, "cache/")
	floors, ferr := d.floor.Get(ctx, "update/floors")
	fmt.Fprintf(&b, "cache %d; floors %s; ", len(cache), floors)
	switch last, lerr := d.resetter.Last(ctx); {
	case lerr == nil:
		fmt.Fprintf(&b, "last %s %v", last.Scope, last.Steps)
	case !errors.Is(lerr, fs.ErrNotExist):
		return "", lerr
	}
	return b.String(), errors.Join(cerr, ferr)
}

func fsDir(t *testing.T, m *powercut.Machine) *durable.Dir {
	t.Helper()
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	return dir
}

func onMachine(t *testing.T) (*powercut.Machine, *device) {
	t.Helper()
	m := powercut.New()
	require.NoError(t, build(t.Context(), fsDir(t, m)))
	return m, start(t, m)
}

func start(t *testing.T, m *powercut.Machine) *device {
	t.Helper()
	d, err := open(t.Context(), fsDir(t, m))
	require.NoError(t, err)
	return d
}
