package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

var (
	houseSchema = must(config.For[houseSettings](nil))
	housePolicy = must(access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{{Name: "owner"}, {Name: "inspector"}, {Name: "updater"}, {Name: access.RoleCommissioner}},
		Grants: []access.Grant{
			{Role: "owner", Permission: "config.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "erase.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "update.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "access.*", Resources: []string{"**"}},
			{Role: "owner", Permission: access.ResetRequest, Resources: []string{"**"}},
			{Role: "inspector", Permission: access.EraseSubject, Resources: []string{"**"}},
			{Role: "updater", Permission: access.UpdateConfirm, Resources: []string{"**"}},
			{Role: access.RoleCommissioner, Permission: access.AccessCommission, Resources: []string{"**"}},
		},
	}, nil))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// buildHouse makes a device in the factory and takes it into service: it runs release
// 1.1, is ann's, and has something of alice and bob in two places.
func buildHouse(ctx context.Context, m *powercut.Machine) (label string, err error) {
	for _, dir := range []string{"state", "slots", "boot"} {
		if err := m.FS().Mkdir(dir); err != nil {
			return "", err
		}
	}
	slot, err := slotsOf(m).Open("a", durable.Create)
	if err != nil {
		return "", err
	}
	if _, err := slot.WriteAt(houseImage(1), 0); err != nil {
		return "", err
	}
	if err := errors.Join(slot.Sync(), slot.Close(), uboot.Create(ctx, bootOf(m), houseEnv, "a", nil)); err != nil {
		return "", err
	}
	h := &house{m: m, running: 1, waits: map[string]*wait{}}
	if err := h.early(ctx, protect.Provision); err != nil {
		return "", err
	}
	secret, err := access.Provision(ctx, h.floor, nil)
	if err != nil {
		return "", err
	}
	h.label = secret.Reveal()
	floors := update.NewFloors(h.floor)
	if err := errors.Join(h.guard.Reload(ctx), floors.Reserve(ctx), floors.Raise(ctx, "release", 1), h.late(ctx)); err != nil {
		return "", err
	}
	return h.label, errors.Join(h.moveIn(ctx), h.vault.Close(), h.dir.Close())
}

func (h *house) moveIn(ctx context.Context) error {
	if err := h.commission(ctx); err != nil {
		return err
	}
	if _, err := h.settings.Apply(h.ann(ctx), []byte(`{"name":"old","code":6}`), "", nil); err != nil {
		return err
	}
	for _, who := range []string{"alice", "bob"} {
		c, err := h.vault.Subject(ctx, who)
		if err != nil {
			return err
		}
		photos, err := h.photos.Of(who)
		if err != nil {
			return err
		}
		if err := errors.Join(c.Put(ctx, "letter", []byte("of "+who)), photos.Put(ctx, "face", []byte("of "+who))); err != nil {
			return err
		}
	}
	return nil
}

// commission makes ann the owner, if there is none.
func (h *house) commission(ctx context.Context) error {
	if h.guard.Ownership() != "" {
		return nil
	}
	first, err := h.guard.Initial(ctx, h.label, "door")
	if err != nil {
		return err
	}
	return h.guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(context.Context) error { return nil })
}

// ann is ctx in which the owner asks.
func (h *house) ann(ctx context.Context) context.Context {
	return access.WithEntity(ctx, must(h.guard.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})))
}

// holds is what the house says of itself.
func (h *house) holds(ctx context.Context) (f facts, err error) {
	inspector, err := access.AsService(ctx, h.guard.Issuer("service"), "inspector")
	if err != nil {
		return f, err
	}
	f = facts{Name: h.view.Load().Name, Code: h.view.Load().Code, Running: h.running, Owned: h.guard.Ownership() != ""}
	if f.Alice, err = h.kept(inspector, "alice"); err != nil {
		return f, err
	}
	if f.Bob, err = h.kept(inspector, "bob"); err != nil {
		return f, err
	}
	if _, f.Trial, err = h.updater.Status(ctx); err != nil {
		return f, err
	}
	f.Floor, err = update.NewFloors(h.floor).Get(ctx, "release")
	return f, errors.Join(err, h.well(ctx, f.Trial))
}

// kept says whether something of who is there: in both places or in none.
func (h *house) kept(ctx context.Context, who string) (string, error) {
	var in []string
	if h.vault.Subjects().Verify(ctx, who) != nil {
		in = append(in, "vault")
	}
	if h.photos.Verify(ctx, who) != nil {
		in = append(in, "photos")
	}
	switch len(in) {
	case 0:
		return "gone", nil
	case 2:
		return "there", nil
	}
	return "", fmt.Errorf("%s is only in %s", who, in[0])
}

// well says that nothing is left of what was interrupted: but for a trial nothing is
// pending, in no part and not in the Interlock.
func (h *house) well(ctx context.Context, trial bool) error {
	want := ""
	if trial {
		want = update.OpTrial
	}
	var err error
	if got := strings.Join(h.interlock.Pending(), " "); got != want {
		err = fmt.Errorf("pending is %q, want %q", got, want)
	}
	return errors.Join(
		err, h.interlock.Health(ctx), h.guard.Health(ctx), h.vault.Health(ctx), h.settings.Health(ctx),
		h.eraser.Health(ctx), h.updater.Health(ctx), h.resetter.Health(ctx),
	)
}

// facts are what the house holds.
type facts struct {
	Name       string
	Code       int // a floor of the settings
	Running    uint64
	Trial      bool
	Alice, Bob string
	Owned      bool
	Floor      uint64 // lowest release
}

// lives shows that nothing stands in the way of anything after all: a trial can be
// confirmed, then settings be changed; if it is asked for everything, a person be
// erased, a release be installed and taken back, and the device be reset.
func (h *house) lives(ctx context.Context, v *builder, everything bool) error {
	if err := h.commission(ctx); err != nil {
		return err
	}
	ann := h.ann(ctx)
	if _, trial, err := h.updater.Status(ctx); err != nil || trial {
		if err := errors.Join(err, h.updater.Confirm(ann)); err != nil {
			return err
		}
	}
	if _, err := h.settings.Apply(ann, []byte(`{"name":"again"}`), "", nil); err != nil {
		return err
	}
	if !everything {
		return h.well(ctx, false)
	}
	v.offer(h.running + 1)
	if err := h.updater.Install(ann, ""); err != nil {
		return err
	}
	if err := h.updater.Rollback(ann, "not now"); err != nil {
		return err
	}
	_, err := h.eraser.Erase(ann, "bob")
	return errors.Join(err, h.well(ctx, false), h.resetter.Reset(ann, reset.Factory, "sold"))
}
