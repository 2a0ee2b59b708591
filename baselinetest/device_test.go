package baselinetest_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// pump is the device under test: real parts on a directory, with one of the faults of
// a vendor planted.
type pump struct {
	path, fault string
	label       string // the initial secret, on paper
	vendor      *vendor

	dir      *durable.Dir
	vault    *protect.Vault
	floor    durable.Store
	guard    *access.Guard
	users    *password.Store
	notices  *notify.Center
	settings *config.Settings
	view     *config.View[garden]
	eraser   *erase.Coordinator
	letters  *erase.Files
	flash    *flash
	updater  baseline.Updater
	resetter *reset.Resetter

	end  context.CancelFunc
	done chan error
}

// garden are the settings.
type garden struct {
	Litres int    `json:"litres" setting:"doc=Water a day; default=10; min=1; max=500; unit=l"`
	Code   string `json:"code" setting:"doc=Least length of a code; default=4; enum=4|6|8; floor"`
}

var (
	schema = must(config.For[garden](nil))
	spec   = access.PolicySpec{
		Roles: []access.Role{
			{Name: "viewer"}, {Name: "owner", Inherits: []string{"viewer"}}, {Name: "service"}, {Name: access.RoleCommissioner},
		},
		Grants: []access.Grant{
			{Role: "viewer", Permission: access.ConfigRead, Resources: []string{"**"}},
			{Role: "viewer", Permission: access.EraseSubject, Resources: []string{"{self}"}},
			{Role: "owner", Permission: "config.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "erase.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "access.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "update.*", Resources: []string{"**"}},
			{Role: "owner", Permission: access.ResetRequest, Resources: []string{"**"}},
			{Role: "owner", Permission: water, Resources: []string{"**"}},
			{Role: "service", Permission: access.NotifyRaise, Resources: []string{"**"}},
			{Role: access.RoleCommissioner, Permission: access.AccessCommission, Resources: []string{"**"}},
		},
	}
	own         = &access.PolicyOptions{Permissions: []access.PermissionInfo{{Name: water, Description: "Pump water now."}}}
	policy      = must(access.NewPolicy(spec, own))
	hastyPolicy = must(access.NewPolicy(access.PolicySpec{Roles: spec.Roles, Grants: spec.Grants, Setup: []string{"**"}}, own))
	hasher      = must(password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 8, Time: 1, Threads: 1}}))
)

const water access.Permission = "pump.water"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// make provisions a device in the factory and starts it.
func (l *lab) make(ctx context.Context) (*pump, error) {
	p := &pump{path: filepath.Join(l.t.TempDir(), "pump"), fault: l.fault}
	p.vendor = newVendor(p.path+"-server", p.fault)
	dir, err := durable.OpenDir(p.path, nil)
	if err != nil {
		return nil, err
	}
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	vault, err := protect.Provision(ctx, dir, keys, nil)
	if err != nil {
		return nil, err
	}
	floor, err := vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return nil, err
	}
	secret, err := access.Provision(ctx, floor, nil)
	if err != nil {
		return nil, err
	}
	p.label = secret.Reveal()
	if err := errors.Join(vault.Close(), dir.Close()); err != nil {
		return nil, err
	}
	if err := makeFlash(ctx, p.path+"-flash", p.vendor.image(factoryNumber)); err != nil {
		return nil, err
	}
	return p, p.start(ctx)
}

// start is a power-on: the boot loader, then the program that it chose.
func (p *pump) start(ctx context.Context) (err error) {
	flash, image, err := powerOn(ctx, p.path+"-flash", p.vendor)
	if err != nil {
		return err
	}
	p.flash = flash
	if p.dir, err = durable.OpenDir(p.path, nil); err != nil {
		return err
	}
	for _, open := range []func(context.Context) error{p.openVault, p.openGuard, p.openResetter, p.openUsers, p.openSettings, p.openEraser} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	return p.openUpdater(ctx, p.vendor.known[string(image)])
}

func (p *pump) openVault(ctx context.Context) error {
	keys, err := softkeys.Open(ctx, p.dir, nil)
	if err != nil {
		return err
	}
	if p.vault, err = protect.Open(ctx, p.dir, keys, nil); err != nil {
		return err
	}
	p.floor, err = p.vault.Compartment(ctx, protect.ClassFloor)
	return err
}

func (p *pump) openGuard(ctx context.Context) (err error) {
	rules := policy
	if p.fault == faultSetup {
		rules = hastyPolicy
	}
	p.guard, err = access.OpenGuard(ctx, p.floor, rules, &access.GuardOptions{
		Services: map[string][]string{baseline.ServiceName: {"service"}, "program": {"owner"}, "operator": {"owner"}},
		Parts:    []string{"password"}, Local: []string{"port"}, OwnerRoles: []string{"owner"},
	})
	if err != nil {
		return err
	}
	p.vault.Guard(p.guard)
	return nil
}

func (p *pump) openUsers(ctx context.Context) error {
	security, err := p.vault.Compartment(ctx, protect.ClassSecurity)
	if err != nil {
		return err
	}
	if p.users, err = password.NewStore(security, p.guard, hasher, nil); err != nil {
		return err
	}
	return p.guard.Credentials().Set("password", p.users.Credentials())
}

func (p *pump) openSettings(ctx context.Context) error {
	kept, err := p.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	if p.notices, err = notify.Open(ctx, durable.Sub(kept, "notices"), p.guard, nil); err != nil {
		return err
	}
	var asked access.Authorizer = p.guard
	if p.fault == faultAnybody {
		asked = anybody{}
	}
	if p.settings, err = config.Open(ctx, kept, schema, asked, &config.Options{Floor: p.floor, Bundles: p.bundleOptions()}); err != nil {
		return err
	}
	p.view, err = config.NewView[garden](p.settings)
	return err
}

// anybody is an authorizer of a vendor who was in a hurry.
type anybody struct{}

func (anybody) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true, Rule: "anybody"}
}

func (p *pump) openEraser(ctx context.Context) (err error) {
	if p.letters, err = erase.NewFiles("letters", p.dir, "letters", p.guard); err != nil {
		return err
	}
	inv := erase.Inventory{
		Root: p.dir,
		Places: []erase.Place{
			{Store: p.vault.Subjects(), Entries: []string{"vault"}}, {Store: p.users.Subjects()}, {Store: p.guard},
			{Store: p.notices}, {Store: p.letters, Entries: []string{"letters"}},
		},
		Free: []erase.Free{
			{Entries: []string{"softkeys"}, Reason: "keys of the vault"}, {Entries: []string{"update"}, Reason: "about the program"},
			{Entries: []string{"cache"}, Reason: "what the vendor believes to be free of user data"},
		},
	}
	p.eraser, err = erase.Open(ctx, inv, p.floor, p.guard, nil)
	return err
}

func (p *pump) openUpdater(ctx context.Context, running update.Version) error {
	u, err := update.Open(ctx, p.dir, update.Parts{
		Product: product, Channel: channel, Running: running, Trust: p.vendor, Source: p.vendor.source(),
		Installers: map[string]update.Installer{"system": p.flash.installer}, Floors: update.NewFloors(p.floor), Guard: p.guard,
		Host: host{}, Health: host{},
	}, nil)
	if err != nil {
		return err
	}
	p.updater = u
	if p.fault == faultDowngrade {
		p.updater = sideloader{u, p}
	}
	return nil
}

// host restarts when the test takes the power.
type host struct{}

func (host) Restart(context.Context, string) error { return nil }
func (host) Healthy(context.Context) error         { return nil }
func (host) LinkUp() bool                          { return true }
func (host) Watchdog(time.Duration) error          { return errors.ErrUnsupported }

var (
	vendorKey   = ed25519.NewKeyFromSeed([]byte("the vendor of pumps, 32 bytes...")[:32])
	strangerKey = ed25519.NewKeyFromSeed([]byte("somebody who makes keys himself.")[:32])
)
