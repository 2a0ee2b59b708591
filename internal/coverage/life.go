package main

import (
	"context"
	"crypto"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// folder opens a folder beside the device's directory and makes it the first time.
func (d *device) folder(name string) (*durable.Raw, error) {
	all, err := durable.OpenRaw(d.path, nil)
	if err != nil {
		return nil, err
	}
	err = all.Mkdir(name)
	if err = errors.Join(err, all.Close()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	raw, err := durable.OpenRaw(filepath.Join(d.path, name), nil)
	if err == nil {
		d.raw = append(d.raw, raw)
	}
	return raw, err
}

// openUpdate opens an updater over a boot environment of U-Boot, two slots, and a
// server that is never asked.
func (d *device) openUpdate(ctx context.Context) error {
	slots, err := d.slots(ctx)
	if err != nil {
		return err
	}
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	floors := update.NewFloors(floor)
	dial, err := d.gate.Dialer("updates")
	if err != nil {
		return err
	}
	source, err := httpsource.New("https://"+host+"/", &httpsource.Options{Dial: dial})
	if err != nil {
		return err
	}
	root, err := d.vendor(ctx)
	if err != nil {
		return err
	}
	trust, err := tuf.Open(ctx, durable.Sub(d.dir, "tuf"), source, root, &tuf.Options{Floors: floors})
	if err != nil {
		return err
	}
	d.updater, err = update.Open(ctx, d.dir, update.Parts{
		Product: "device", Channel: "stable", Running: update.Version{Version: "1.0", Number: 1},
		Trust: trust, Source: source, Installers: map[string]update.Installer{"system": slots},
		Floors: floors, Guard: d.guard, Host: still{}, Health: well{d.vault}, Interlock: d.lock,
	}, &update.Options{Log: d.log})
	return err
}

func (d *device) slots(ctx context.Context) (*abslot.Installer, error) {
	boot, err := d.folder("boot")
	if err != nil {
		return nil, err
	}
	images, err := d.folder("slots")
	if err != nil {
		return nil, err
	}
	cfg := uboot.Config{Primary: uboot.Location{File: "env"}, Redundant: uboot.Location{File: "env-redund"}, Size: 4 << 10}
	if err := uboot.Create(ctx, boot, cfg, "a", nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	env, err := uboot.New(boot, cfg, "a")
	if err != nil {
		return nil, err
	}
	return abslot.New(images, env, [2]abslot.Slot{{Name: "a", File: "a"}, {Name: "b", File: "b"}}, nil)
}

// vendor returns the root of a repository, which it makes the first time, and whose
// keys it forgets.
func (d *device) vendor(ctx context.Context) ([]byte, error) {
	store := durable.Sub(d.dir, "vendor")
	root, err := store.Get(ctx, "root")
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	bench, err := d.folder("bench")
	if err != nil {
		return nil, err
	}
	var roles [4]publish.Role
	for i := range roles {
		key, err := publish.GenerateKey()
		if err != nil {
			return nil, err
		}
		roles[i].Signers = []crypto.Signer{key}
	}
	repository, err := publish.Init(ctx, bench, publish.Roles{Root: roles[0], Targets: roles[1], Snapshot: roles[2], Timestamp: roles[3]}, nil)
	if err != nil {
		return nil, err
	}
	if root, err = repository.Root(ctx); err == nil {
		err = store.Put(ctx, "root", root)
	}
	return root, err
}

// well is the health of the vault.
type well struct{ *protect.Vault }

// Healthy implements update.Health.
func (w well) Healthy(ctx context.Context) error { return w.Health(ctx) }

// still is a host that does not restart: nothing asks it.
type still struct{}

// Restart implements update.Host.
func (still) Restart(context.Context, string) error { return errors.ErrUnsupported }

// Watchdog implements update.Host.
func (still) Watchdog(time.Duration) error { return errors.ErrUnsupported }

// LinkUp implements update.Host.
func (still) LinkUp() bool { return false }

func (d *device) openErasure(ctx context.Context) error {
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	d.eraser, err = erase.Open(ctx, erase.Inventory{
		Root: d.dir,
		Places: []erase.Place{
			{Store: d.vault.Subjects(), Entries: []string{"vault"}},
			{Store: d.users.Subjects()}, {Store: d.guard}, {Store: d.notices},
		},
		Free: []erase.Free{{Entries: []string{"softkeys", "tuf", "update", "vendor"}, Reason: "about the device only"}},
	}, floor, d.guard, &erase.Options{
		Signer: d.key, Interlock: d.lock, Log: d.log,
		Notice: func(context.Context, erase.Notice) error { return errors.ErrUnsupported }, // nothing is erased here
	})
	return err
}

func (d *device) openReset(ctx context.Context) error {
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	keys := func(ctx context.Context, scope string) (string, error) {
		m, err := d.vault.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: scope}, protect.ClassSettings, protect.ClassUserData)
		return string(m), err
	}
	d.resetter, err = reset.Open(ctx, d.dir, floor, d.guard, []reset.Step{
		reset.EndOwnership(d.guard, reset.Factory),
		{Name: "keys", Scopes: []string{reset.Factory}, Run: keys},
	}, &reset.Options{Restart: still{}.Restart, Interlock: d.lock, Log: d.log})
	return err
}
