package erase_test

import (
	"context"
	"crypto/ed25519"
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
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

var (
	someTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	key      = ed25519.NewKeyFromSeed([]byte("a key of a device, 32 bytes long"))
)

const good = "correct horse battery"

// device is what a vendor composes, with an eraser over all of it.
type device struct {
	dir     *durable.Dir
	vault   *protect.Vault
	floor   durable.Store
	guard   atNoon
	users   *password.Store
	notices *notify.Center
	photos  *erase.Files
	lock    *baseline.Interlock
	log     *strings.Builder
	label   string
	inv     erase.Inventory
	opts    erase.Options
	*erase.Coordinator
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
		Roles: []access.Role{{Name: "user"}, {Name: "owner", Inherits: []string{"user"}}, {Name: "service"}, {Name: access.RolePresence}},
		Grants: []access.Grant{
			{Role: "user", Permission: access.EraseSubject, Resources: []string{"{self}"}},
			{Role: "owner", Permission: "erase.*", Resources: all},
			{Role: "owner", Permission: "access.*", Resources: all},
			{Role: "owner", Permission: access.ResetRequest, Resources: all},
			{Role: "owner", Permission: access.NotifyRead, Resources: all},
			{Role: "service", Permission: access.NotifyRaise, Resources: all},
			{Role: "service", Permission: access.EraseSubject, Resources: all},
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	return p
}

// parts opens everything that erases, on a machine or on a directory.
func parts(ctx context.Context, dir *durable.Dir, first bool) (d *device, err error) {
	d = &device{dir: dir, log: &strings.Builder{}}
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	open := protect.Open
	if first {
		open = protect.Provision
	}
	if d.vault, err = open(ctx, dir, keys, &protect.Options{MaxCompartments: 10}); err != nil {
		return nil, err
	}
	store := func(class protect.Class) durable.Store {
		c, cerr := d.vault.Compartment(ctx, class)
		err = errors.Join(err, cerr)
		return c
	}
	d.floor = store(protect.ClassFloor)
	settings, security := store(protect.ClassSettings), store(protect.ClassSecurity)
	if err != nil {
		return nil, err
	}
	if first {
		secret, err := access.Provision(ctx, d.floor, nil)
		if err != nil {
			return nil, err
		}
		d.label = secret.Reveal()
		if err := d.floor.Put(ctx, "label", []byte(d.label)); err != nil { // a label, as far as the tests go
			return nil, err
		}
	}
	err = errors.Join(durable.Reserve(ctx, d.floor, "guard", 4<<10), durable.Reserve(ctx, d.floor, "interlock", 256))
	if err != nil && !errors.Is(err, durable.ErrFull) {
		return nil, err
	}
	d.guard.Guard, err = access.OpenGuard(ctx, d.floor, policy(), &access.GuardOptions{
		Parts: []string{}, Local: []string{"usb"}, Services: map[string][]string{"device": {"service"}}, OwnerRoles: []string{"owner"},
	})
	if err != nil {
		return nil, err
	}
	d.vault.Guard(d.guard)
	hasher, err := password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		return nil, err
	}
	if d.users, err = password.NewStore(security, d.guard.Guard, hasher, nil); err != nil {
		return nil, err
	}
	if d.photos, err = erase.NewFiles("photos", dir, "photos", d.guard); err != nil {
		return nil, err
	}
	if d.lock, err = baseline.OpenInterlock(ctx, d.floor); err != nil {
		return nil, err
	}
	d.notices, err = notify.Open(ctx, durable.Sub(settings, "notices"), d.guard, &notify.Options{Now: func() time.Time { return someTime }})
	d.inventory(settings)
	return d, err
}

func (d *device) inventory(settings durable.Store) {
	d.inv = erase.Inventory{
		Root: d.dir,
		Compartments: func(ctx context.Context) ([]string, error) {
			var names []string
			for _, c := range d.vault.Compartments() {
				if c.Class != protect.ClassSettings {
					names = append(names, c.Class.String())
				}
			}
			within, err := erase.Within(ctx, "settings", settings)
			return append(names, within...), err
		},
		Places: []erase.Place{
			{Store: d.vault.Subjects(), Entries: []string{"vault"}, Compartments: []string{"userdata"}},
			{Store: d.users.Subjects(), Compartments: []string{"security"}},
			{Store: d.guard, Retained: []erase.Retained{{What: "actor in the event log", Until: "90 days", Reason: "who did what must stay known"}}},
			{Store: d.notices, Compartments: []string{"settings/notices"}},
			{Store: d.photos, Entries: []string{"photos"}},
		},
		Free: []erase.Free{
			{Entries: []string{"softkeys"}, Reason: "keys of the vault"},
			{Compartments: []string{"floor"}, Reason: "floors, mandates and roles; the guard erases its part"},
			{Compartments: []string{"settings/settings", "identity", "logs", "application"}, Reason: "about the device only"},
		},
	}
	d.opts = erase.Options{
		Signer: key, Device: "gateway-7", Interlock: d.lock, Log: slog.New(slog.NewTextHandler(d.log, nil)),
		Now: func() time.Time { return someTime },
	}
}

// open adds the eraser.
func open(ctx context.Context, dir *durable.Dir) (*device, error) {
	d, err := parts(ctx, dir, false)
	if err != nil {
		return nil, err
	}
	return d, d.reopen(ctx)
}

func (d *device) reopen(ctx context.Context) (err error) {
	d.Coordinator, err = erase.Open(ctx, d.inv, d.floor, d.guard, &d.opts)
	return err
}

// build makes a device with the owner ann, and the users alice and bob, of whom
// something is in each place.
func build(ctx context.Context, dir *durable.Dir) error {
	d, err := parts(ctx, dir, true)
	if err == nil {
		err = d.commission(ctx)
	}
	if err != nil {
		return err
	}
	ann := d.as(ctx, "ann")
	for _, who := range []string{"alice", "bob"} {
		err := errors.Join(
			d.guard.Assign(ann, access.Assignment{ID: who, Kind: access.KindPerson, Roles: []string{"user"}}),
			d.users.Set(ann, who, password.New("the password of "+who)),
			d.data(ctx, who),
		)
		if err != nil {
			return err
		}
	}
	return errors.Join(d.reopen(ctx), d.close())
}

// data plants something of who in the vault, the notices and the files.
func (d *device) data(ctx context.Context, who string) error {
	c, err := d.vault.Subject(ctx, who)
	if err != nil {
		return err
	}
	photos, err := d.photos.Of(who)
	if err != nil {
		return err
	}
	service, err := access.AsService(ctx, d.guard.Issuer("service"), "device")
	if err != nil {
		return err
	}
	_, err = d.notices.Raise(service, notify.Notice{
		Type: "home.arrived", Key: who, Subject: who, Severity: notify.Info, Audience: notify.Owner, Title: canary(who) + " came home",
	})
	return errors.Join(err, c.Put(ctx, "letter", []byte(canary(who))), photos.Put(ctx, "face", []byte(canary(who))))
}

func canary(who string) string { return "canary-of-" + who }

// commission makes ann the owner.
func (d *device) commission(ctx context.Context) error {
	first, err := d.guard.Initial(ctx, d.label, "usb")
	if err != nil {
		return err
	}
	return d.guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(ctx context.Context) error {
		return d.users.Set(ctx, "ann", password.New(good))
	})
}

// kept reads the label.
func (d *device) kept(ctx context.Context) string {
	label, err := d.floor.Get(ctx, "label")
	if err != nil {
		panic(err)
	}
	return string(label)
}

// as is ctx in which the person who asks.
func (d *device) as(ctx context.Context, who string) context.Context {
	e, err := d.guard.Issuer("test").Issue(access.Facts{ID: who, Kind: access.KindPerson})
	if err != nil {
		panic(err)
	}
	return access.WithEntity(ctx, e)
}

func (d *device) close() error {
	return errors.Join(d.notices.Close(), d.vault.Close(), d.dir.Close())
}

// left tells where something of who is, as who reads it through the parts.
func (d *device) left(ctx context.Context, who string) (places []string, err error) {
	ann := d.as(ctx, "ann")
	for _, p := range d.inv.Places {
		switch err := p.Store.Verify(ann, who); {
		case err == nil:
		case errors.Is(err, fs.ErrExist), strings.Contains(err.Error(), "still names"):
			places = append(places, p.Store.Name())
		default:
			return nil, fmt.Errorf("%s: %w", p.Store.Name(), err)
		}
	}
	return places, nil
}

var everywhere = []string{"vault", "passwords", "assignments", "notices", "photos"}

func onMachine(t *testing.T) (*powercut.Machine, *device) {
	t.Helper()
	m := powercut.New()
	require.NoError(t, build(t.Context(), fsDir(t, m)))
	d, err := open(t.Context(), fsDir(t, m))
	require.NoError(t, err)
	return m, d
}

func fsDir(t *testing.T, m *powercut.Machine) *durable.Dir {
	t.Helper()
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	return dir
}
