package main

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/risk"
	"github.com/iot-device-baseline/baseline/update"
)

// gateway is the device: its parts, open. They come in the order in which they need
// one another.
type gateway struct {
	how start
	img *image

	dir       *durable.Dir
	slots     *durable.Raw
	boot      *durable.Raw
	clock     *durable.Clock
	interlock *baseline.Interlock
	keys      *keyStore
	down      error // why the vault does not open, or nil
	vault     *protect.Vault
	deviceKey crypto.Signer // signs receipts
	events    *eventlog.Log
	notices   *notify.Center
	told      *baseline.Events
	log       *slog.Logger
	guard     *access.Guard
	users     *password.Store
	settings  *config.Settings
	view      *config.View[settings]
	gate      *gate.Gate
	floors    *update.FloorStore
	fetched   *counted
	updater   *update.Updater
	host      *host
	eraser    *erase.Coordinator
	resetter  *reset.Resetter

	composed  baseline.Parts
	statement *risk.Statement
	running   *baseline.Device

	faults // what -break planted; in a real device there is nothing like it
}

// start is what the boot loader and the vendor's build say.
type start struct {
	dir     string // of the hardware
	chip    string // device or socket of a TPM; "": keys in software
	booted  string // slot
	vendor  string // host:port of the vendor's server
	channel string // of releases
	quick   bool   // short trials
	page    bool   // serve the status page
	broken  string // the planted fault
	tell    func(message)
}

// open joins the parts. This is what a vendor writes.
func open(ctx context.Context, how start, img *image) (g *gateway, err error) {
	g = &gateway{how: how, img: img, host: newHost()}
	if g.faults, err = plant(how.broken); err != nil {
		return g, err
	}
	if err := g.openMedia(ctx); err != nil {
		return g, errors.Join(err, g.close())
	}
	if closed := g.openVault(ctx); closed != nil {
		if err := g.openWithout(ctx, closed); err != nil {
			return g, errors.Join(err, g.close())
		}
		return g, nil
	}
	for _, step := range []func(context.Context) error{
		g.finishReset, g.openInterlock, g.openLog, g.openAccess, g.openNotices, g.openSettings, g.openUpdate, g.openErasure, g.openReset,
	} {
		if err := step(ctx); err != nil {
			return g, errors.Join(err, g.close())
		}
	}
	return g, nil
}

func (g *gateway) openMedia(ctx context.Context) (err error) {
	if g.dir, err = durable.OpenDir(filepath.Join(g.how.dir, stateDir), nil); err != nil {
		return err
	}
	if g.slots, err = durable.OpenRaw(filepath.Join(g.how.dir, slotsDir), &durable.RawOptions{Executable: true}); err != nil {
		return err
	}
	if g.boot, err = durable.OpenRaw(filepath.Join(g.how.dir, bootDir), nil); err != nil {
		return err
	}
	return nil
}

// vaultLimit is how long the vault may take at a start.
const vaultLimit = 20 * time.Second

// openVault opens the vault, or says why not: nothing here ever makes a new one.
func (g *gateway) openVault(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, vaultLimit) // a TPM may be mute
	defer cancel()
	if g.keys, err = openKeys(ctx, g.dir, g.how.chip); err != nil {
		return err
	}
	g.vault, err = protect.Open(ctx, g.dir, g.keys, nil)
	return err
}

// openInterlock opens what keeps operations apart. It lies in the floor, since a reset
// needs it while everything else is on hold.
func (g *gateway) openInterlock(ctx context.Context) (err error) {
	floor := compartment(ctx, g.vault, protect.ClassFloor)
	if g.interlock, err = baseline.OpenInterlock(ctx, durable.Sub(floor, "interlock")); err != nil {
		return err
	}
	if g.clock, err = durable.OpenClock(ctx, g.dir, &durable.ClockOptions{HardwareClock: true}); err != nil {
		return err
	}
	g.deviceKey, err = g.keys.openKey(ctx, g.identity(ctx), "device")
	return err
}

// identity, settings and the others are compartments of the vault, one a class.
func (g *gateway) identity(ctx context.Context) durable.Store {
	return compartment(ctx, g.vault, protect.ClassIdentity)
}

func (g *gateway) openLog(ctx context.Context) error {
	key, err := openLogKey(ctx, g.identity(ctx))
	if err != nil {
		return err
	}
	g.events, err = eventlog.Open(ctx, compartment(ctx, g.vault, protect.ClassLogs), key, &eventlog.Options{
		Origin: device, Device: g.deviceKey, Now: g.clock.Now, Anchor: durable.Sub(compartment(ctx, g.vault, protect.ClassFloor), "log"),
	})
	if err != nil {
		return err
	}
	g.told = baseline.NewEvents(watched{g.events.Handler(), g.how.tell})
	g.log = slog.New(g.told)
	return nil
}

func (g *gateway) openAccess(ctx context.Context) error {
	var err error
	if g.guard, err = g.newGuard(ctx, g.log); err != nil {
		return err
	}
	g.vault.Guard(g.guard)
	g.events.Guard(g.guard)
	hasher, err := newHasher()
	if err != nil {
		return err
	}
	g.users, err = password.NewStore(compartment(ctx, g.vault, protect.ClassSecurity), g.guard, hasher, &password.Options{Log: g.log})
	if err != nil {
		return err
	}
	return g.declareCredentials()
}

func (g *gateway) newGuard(ctx context.Context, log *slog.Logger) (*access.Guard, error) {
	policy, err := newPolicy()
	if err != nil {
		return nil, err
	}
	opts := guardOptions()
	opts.Log = log
	return access.OpenGuard(ctx, compartment(ctx, g.vault, protect.ClassFloor), policy, opts)
}

// declareCredentials tells the guard of every secret and trust anchor: it stays shut
// while one is common to several devices (27402 5.2.6.1.4).
func (g *gateway) declareCredentials() error {
	list := g.guard.Credentials()
	return errors.Join(
		list.Set("password", g.users.Credentials()),
		list.Set("keys", []access.Credential{
			{Name: "key of the vault", Origin: access.MadeOnDevice}, {Name: "device key", Origin: access.MadeOnDevice},
			{Name: "log key", Origin: access.MadeOnDevice},
		}),
		list.Set("vendor", []access.Credential{
			{Name: "root of releases", Origin: access.DefinedBy, By: "manufacturer"},
			{Name: "key of signed settings", Origin: access.DefinedBy, By: "manufacturer"},
			{Name: "authority of the update server", Origin: access.DefinedBy, By: "manufacturer"},
		}),
	)
}

func (g *gateway) openNotices(ctx context.Context) (err error) {
	g.notices, err = notify.Open(ctx, durable.Sub(compartment(ctx, g.vault, protect.ClassSettings), "notices"), g.guard, nil)
	return err
}

func (g *gateway) openSettings(ctx context.Context) error {
	schema, err := newSchema()
	if err != nil {
		return err
	}
	opts := &config.Options{
		Floor: compartment(ctx, g.vault, protect.ClassFloor), Notice: g.settingsNotice, Interlock: g.interlock, Log: g.log,
	}
	if err := g.bundles(ctx, opts); err != nil {
		return err
	}
	if g.settings, err = config.Open(ctx, compartment(ctx, g.vault, protect.ClassSettings), schema, g.who(), opts); err != nil {
		return err
	}
	g.view, err = config.NewView[settings](g.settings)
	return err
}

func (g *gateway) openUpdate(ctx context.Context) (err error) {
	if g.gate, err = gate.New(ways(g.how.vendor, g.how.page), &gate.Options{Log: g.log}); err != nil {
		return err
	}
	env, err := uboot.New(g.boot, environment(), g.how.booted)
	if err != nil {
		return err
	}
	installer, err := abslot.New(g.slots, env, [2]abslot.Slot{{Name: "a", File: "a"}, {Name: "b", File: "b"}}, nil)
	if err != nil {
		return err
	}
	g.floors = update.NewFloors(compartment(ctx, g.vault, protect.ClassFloor))
	source, trust, err := g.vendor(ctx)
	if err != nil {
		return err
	}
	parts, opts, err := g.breakUpdate(ctx, update.Parts{
		Product: product, Channel: g.how.channel, Running: update.Version{Version: g.img.Version, Number: g.img.Number},
		Trust: trust, Source: source, Installers: map[string]update.Installer{component: installer},
		Floors: g.floors, Guard: g.guard, Host: g.host, Health: g, Interlock: g.interlock,
	}, &update.Options{
		Policy: g.trial(),
		// Small, so that a story of a few seconds shows several.
		Checkpoint: 256 << 10, Tick: trialTick, Log: g.log,
	})
	if err != nil {
		return err
	}
	g.updater, err = update.Open(ctx, g.dir, parts, opts)
	return err
}

// trial says how long a release is on trial: of a real device minutes, of a story less.
func (g *gateway) trial() update.Policy {
	if g.how.quick {
		return update.Policy{TrialHealthy: trialHealthy / 2, TrialLimit: trialLimit / 2}
	}
	return update.Policy{TrialHealthy: trialHealthy, TrialLimit: trialLimit}
}

// Healthy is the check that a release on trial must pass: here the image says what
// it finds; a device would look at its sensors, its hub and its application.
func (g *gateway) Healthy(ctx context.Context) error {
	if !g.img.Healthy {
		return errors.New("the sensors do not answer")
	}
	if g.down != nil {
		return g.down
	}
	return g.vault.Health(ctx)
}
