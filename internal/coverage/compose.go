package main

import (
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
	"github.com/iot-device-baseline/baseline/protect/integrity"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// settings are as small as can be: which features there are does not depend on them.
type settings struct {
	Name string `json:"name" setting:"doc=Name of the device; default=device; minlen=1; maxlen=32; charset=host"`
}

const host = "updates.example.com:443" // is never asked

// device has every part of this module that has features. They come in the order in
// which they need one another.
type device struct {
	path string

	dir      *durable.Dir
	raw      []*durable.Raw
	keys     *softkeys.Keys
	vault    *protect.Vault
	key      crypto.Signer
	lock     *baseline.Interlock
	events   *eventlog.Log
	log      *slog.Logger
	guard    *access.Guard
	users    *password.Store
	notices  *notify.Center
	settings *config.Settings
	gate     *gate.Gate
	page     *page
	updater  *update.Updater
	eraser   *erase.Coordinator
	resetter *reset.Resetter
	monitors []*integrity.Monitor // one for each response; a device has one of them
}

// compose opens the parts in the directory path and returns what features they have,
// sorted by id and checked.
func compose(ctx context.Context, path string) (features []clause.Feature, err error) {
	d := &device{path: path}
	defer func() { err = errors.Join(err, d.close()) }()
	for _, step := range []func(context.Context) error{
		d.openVault, d.openLog, d.openAccess, d.openNotices, d.openSettings, d.openWays, d.openUpdate, d.openErasure, d.openReset, d.openMonitors,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	parts := baseline.Parts{
		Accessor: d.guard, Protector: d.vault, Eraser: d.eraser, Resetter: d.resetter,
		Configurer: d.settings, Notifier: d.notices, Updater: d.updater,
		Extra: []baseline.Part{d.vault.Subjects(), d.users, d.events, d.gate, d.page},
	}
	features = parts.Features()
	for _, m := range d.monitors {
		for _, f := range m.Features() {
			if !slices.ContainsFunc(features, func(other clause.Feature) bool { return other.ID == f.ID }) {
				features = append(features, f)
			}
		}
	}
	slices.SortFunc(features, func(a, b clause.Feature) int { return strings.Compare(a.ID, b.ID) })
	return features, clause.Check(features)
}

func (d *device) close() error {
	var errs []error
	if d.events != nil {
		errs = append(errs, d.events.Close())
	}
	if d.notices != nil {
		errs = append(errs, d.notices.Close())
	}
	if d.gate != nil {
		errs = append(errs, d.gate.Close())
	}
	if d.vault != nil {
		errs = append(errs, d.vault.Close())
	}
	for _, r := range d.raw {
		errs = append(errs, r.Close())
	}
	if d.dir != nil {
		errs = append(errs, d.dir.Close())
	}
	return errors.Join(errs...)
}

// openVault provisions the vault the first time.
func (d *device) openVault(ctx context.Context) (err error) {
	if d.dir, err = durable.OpenDir(filepath.Join(d.path, "state"), nil); err != nil {
		return err
	}
	if d.keys, err = softkeys.Open(ctx, d.dir, nil); err != nil {
		return err
	}
	d.vault, err = protect.Provision(ctx, d.dir, d.keys, nil)
	if errors.Is(err, fs.ErrExist) {
		d.vault, err = protect.Open(ctx, d.dir, d.keys, nil)
	}
	if err != nil {
		return err
	}
	if d.key, err = d.signer(ctx); err != nil {
		return err
	}
	floor, err := d.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	d.lock, err = baseline.OpenInterlock(ctx, floor)
	return err
}

// signer makes the device's key the first time.
func (d *device) signer(ctx context.Context) (crypto.Signer, error) {
	identity, err := d.vault.Compartment(ctx, protect.ClassIdentity)
	if err != nil {
		return nil, err
	}
	blob, err := identity.Get(ctx, "key")
	if errors.Is(err, fs.ErrNotExist) {
		if blob, err = signing.New(d.keys).CreateKey(ctx, protect.Ed25519); err == nil {
			err = identity.Put(ctx, "key", blob)
		}
	}
	if err != nil {
		return nil, err
	}
	return signing.New(d.keys).OpenKey(ctx, blob)
}

func (d *device) openLog(ctx context.Context) error {
	logs, err := d.vault.Compartment(ctx, protect.ClassLogs)
	if err != nil {
		return err
	}
	if d.events, err = eventlog.Open(ctx, logs, d.key, nil); err != nil {
		return err
	}
	d.log = slog.New(d.events.Handler())
	return nil
}

// openMonitors makes a monitor for each response, over software that is nowhere: the
// features do not depend on it.
func (d *device) openMonitors(context.Context) error {
	software := os.DirFS(d.path)
	for _, response := range []integrity.Response{integrity.Notify, integrity.Inoperable, integrity.FailSafe, integrity.Recover} {
		m, err := integrity.New(software, integrity.ManifestFile(software, "manifest"), integrity.Expect{
			Keys: []crypto.PublicKey{d.key.Public()}, Product: "device",
		}, &integrity.MonitorOptions{
			Policy: integrity.Policy{Response: response}, Respond: func(context.Context, integrity.Decision, *integrity.Report) error { return nil },
		})
		if err != nil {
			return err
		}
		d.monitors = append(d.monitors, m)
	}
	return nil
}

func (d *device) openNotices(ctx context.Context) error {
	store, err := d.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	d.notices, err = notify.Open(ctx, durable.Sub(store, "notices"), d.guard, &notify.Options{
		Channels: []notify.Channel{{Name: "console", To: notify.NewWriter(io.Discard, nil)}},
	})
	return err
}
