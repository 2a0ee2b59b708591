package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// early opens what a reset needs.
func (h *house) early(ctx context.Context, open func(context.Context, *durable.Dir, protect.KeyStore, *protect.Options) (*protect.Vault, error)) (err error) {
	if h.dir, err = durable.OpenFS(stateOf(h.m), nil); err != nil {
		return err
	}
	keys, err := softkeys.Open(ctx, h.dir, nil)
	if err != nil {
		return err
	}
	if h.vault, err = open(ctx, h.dir, keys, &protect.Options{MaxCompartments: 10}); err != nil {
		return err
	}
	if h.floor, err = h.vault.Compartment(ctx, protect.ClassFloor); err != nil {
		return err
	}
	if h.interlock, err = baseline.OpenInterlock(ctx, h.floor); err != nil {
		return err
	}
	h.lock = h.interlock
	if h.fault == faultDeaf || h.fault == faultEndless {
		h.lock = wrongLock{h.interlock, h.fault}
	}
	h.guard, err = access.OpenGuard(ctx, h.floor, housePolicy, &access.GuardOptions{
		Parts: []string{}, Local: []string{"door"}, OwnerRoles: []string{"owner"},
		Services: map[string][]string{"inspector": {"inspector"}, "updater": {"updater"}},
	})
	if err != nil {
		return err
	}
	h.vault.Guard(h.guard)
	h.resetter, err = reset.Open(ctx, h.dir, h.floor, h.guard, []reset.Step{
		{Name: "lamps", Scopes: []string{reset.Factory}, Run: func(ctx context.Context, _ string) (string, error) { h.at(ctx, atReset); return "off", nil }},
		{Name: "keys", Scopes: []string{reset.Factory}, Run: h.destroyKeys},
		reset.Remove("photos", h.dir, []string{"photos"}, reset.Factory),
		reset.EndOwnership(h.guard, reset.Factory),
	}, &reset.Options{Interlock: h.lock})
	return err
}

func (h *house) destroyKeys(ctx context.Context, scope string) (string, error) {
	m, err := h.vault.EraseClasses(ctx, protect.Authority{Permission: access.ResetRequest, Resource: scope}, protect.ClassSettings, protect.ClassUserData)
	return string(m), err
}

// late opens the rest.
func (h *house) late(ctx context.Context) error {
	kept, err := h.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return err
	}
	h.settings, err = config.Open(ctx, kept, houseSchema, h.guard, &config.Options{
		Floor: h.floor, Interlock: h.lock,
		Appliers: []config.NamedApplier{{Name: "lamps", To: config.ApplierFunc[houseSettings](func(ctx context.Context, _, _ *houseSettings) error {
			h.at(ctx, atApplier)
			return nil
		})}},
	})
	if err != nil {
		return err
	}
	if h.view, err = config.NewView[houseSettings](h.settings); err != nil {
		return err
	}
	if h.photos, err = erase.NewFiles("photos", h.dir, "photos", h.guard); err != nil {
		return err
	}
	h.eraser, err = erase.Open(ctx, erase.Inventory{
		Root: h.dir,
		Places: []erase.Place{
			{Entries: []string{"vault"}, Store: erase.WithAll(h.vault.Subjects(), h.destroyPersons, h.verifyPersons)},
			{Entries: []string{"photos"}, Store: album{h.photos, h}},
		},
		Free: []erase.Free{
			{Entries: []string{"softkeys"}, Reason: "keys of the vault"}, {Entries: []string{"update"}, Reason: "about the program"},
		},
	}, h.floor, h.guard, &erase.Options{Interlock: h.lock})
	return err
}

func (h *house) destroyPersons(ctx context.Context) (string, error) {
	m, err := h.vault.EraseClasses(ctx, protect.Authority{Permission: access.EraseAll}, protect.ClassUserData)
	return string(m), err
}

func (h *house) verifyPersons(ctx context.Context) error {
	if n := h.vault.Report(ctx).Subjects; n > 0 {
		return fmt.Errorf("%d persons are there", n)
	}
	return nil
}

// album are the photos, which an erasure comes to last.
type album struct {
	*erase.Files
	house *house
}

func (a album) Erase(ctx context.Context, subject string) (string, error) {
	a.house.at(ctx, atErase)
	if a.house.fault == faultHalf {
		return erase.MethodUnlink, nil
	}
	return a.Files.Erase(ctx, subject)
}

func (a album) EraseAll(ctx context.Context) (string, error) {
	a.house.at(ctx, atAll)
	return a.Files.EraseAll(ctx)
}

func (h *house) openUpdater(ctx context.Context, slot string, v *builder) error {
	env, err := uboot.New(bootOf(h.m), houseEnv, slot)
	if err != nil {
		return err
	}
	h.armed = env
	slots, err := abslot.New(slotsOf(h.m), env, [2]abslot.Slot{{Name: "a", File: "a"}, {Name: "b", File: "b"}}, nil)
	if err != nil {
		return err
	}
	h.updater, err = update.Open(ctx, h.dir, update.Parts{
		Product: houseProduct, Channel: houseChannel, Running: houseVersion(h.running), Trust: v, Source: source{update.FS(v.files), h},
		Installers: map[string]update.Installer{"system": slots}, Floors: update.NewFloors(h.floor), Guard: h.guard,
		Host: houseHost{h}, Health: houseHost{h}, Gates: []update.Gate{houseHost{h}}, Interlock: h.lock,
	}, &update.Options{Checkpoint: 1 << 10})
	return err
}

// source stops in the middle of an image.
type source struct {
	update.Source
	house *house
}

func (s source) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	r, at, err := s.Source.Open(ctx, name, offset, length)
	if err != nil || name != "image" {
		return r, at, err
	}
	return &slowly{r, ctx, s.house, at}, at, nil
}

// slowly reads small pieces, and stops once something was kept.
type slowly struct {
	io.ReadCloser
	ctx   context.Context
	house *house
	off   int64
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.house.fault == faultArmedEarly {
		if err := s.house.armed.Try(s.ctx, "b", 3); err != nil {
			return 0, err
		}
	}
	if s.off > 3<<9 {
		s.house.at(s.ctx, atSource)
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), 1<<9)])
	s.off += int64(n)
	return n, err
}

// houseHost is the machine under the program: the test takes its power.
type houseHost struct{ house *house }

func (houseHost) Restart(context.Context, string) error { return nil }
func (houseHost) Healthy(context.Context) error         { return nil }
func (houseHost) Watchdog(time.Duration) error          { return errors.ErrUnsupported }
func (h houseHost) LinkUp() bool                        { h.house.at(context.Background(), atArming); return true }
func (h houseHost) Check(ctx context.Context, p update.Phase, _ *update.Release) update.Verdict {
	h.house.at(ctx, atGate+string(p))
	return update.Verdict{}
}
