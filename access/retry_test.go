package access_test

import (
	"context"
	"errors"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func ownedByAnn(t *testing.T, m *powercut.Machine) *started {
	ctx := t.Context()
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sec, err := access.Provision(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir.Close()
	d, err := start(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Initial(ctx, sec.Reveal(), "usb")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commission(access.WithEntity(ctx, e), access.Owner{ID: "ann", Roles: []string{"owner"}}, nothing); err != nil {
		t.Fatal(err)
	}
	if err := d.Assign(d.as(ctx, "ann"), access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}); err != nil {
		t.Fatal(err)
	}
	return d
}

// playAgain fails each step of op in turn, does it again in the same process, and, when
// that is acknowledged, cuts the power: whatever survives must be the new state.
func playAgain(t *testing.T, name string, op func(ctx context.Context, d *started) error, check func(ctx context.Context, d *started) error) {
	ctx := t.Context()
	for i := range 12 {
		m := powercut.New()
		d := ownedByAnn(t, m)
		m.Fail(i, powercut.Fail)
		err1 := op(ctx, d)
		m.Fail(0, powercut.NoFault)
		if err1 == nil {
			continue
		}
		if err := op(ctx, d); err != nil {
			t.Logf("%s step %d: again: %v", name, i, err)
			continue
		}
		for _, s := range m.Survivors() {
			d2, err := start(ctx, s.Machine)
			if err == nil {
				err = check(ctx, d2)
			}
			if err != nil {
				t.Errorf("%s: first call failed at step %d (%v); the second gave nil; after a cut: %v (%s)", name, i, err1, err, s.Desc)
				break
			}
		}
	}
}

func TestChangeAgainAfterAFailedSync(t *testing.T) {
	playAgain(t, "Unassign", func(ctx context.Context, d *started) error { return d.Unassign(d.as(ctx, "ann"), "bob") },
		func(ctx context.Context, d *started) error {
			if _, err := access.Check(d.as(ctx, "bob"), d.Guard, access.StatusRead, "entities"); err == nil {
				return errors.New("bob's revoked role is back")
			}
			return nil
		})
	playAgain(t, "Erase", func(ctx context.Context, d *started) error { _, err := d.Erase(d.as(ctx, "ann"), "bob"); return err },
		func(ctx context.Context, d *started) error {
			if _, err := access.Check(d.as(ctx, "bob"), d.Guard, access.StatusRead, "entities"); err == nil {
				return errors.New("bob's erased assignment is back")
			}
			return nil
		})
	playAgain(t, "Assign", func(ctx context.Context, d *started) error {
		return d.Assign(d.as(ctx, "ann"), access.Assignment{ID: "eve", Kind: access.KindPerson, Roles: []string{"viewer"}})
	},
		func(ctx context.Context, d *started) error {
			if _, err := access.Check(d.as(ctx, "eve"), d.Guard, access.StatusRead, "entities"); err != nil {
				return errors.New("eve's role is gone")
			}
			return nil
		})
}

func TestEndOwnershipAgainAfterAFailedSync(t *testing.T) {
	mandates := map[*started]access.Mandate{}
	playAgain(t, "EndOwnership", func(ctx context.Context, d *started) error {
		// as a reset does: under a mandate of the owner, which outlives the ownership
		m, ok := mandates[d]
		if !ok {
			var err error
			m, err = d.NewMandate(d.as(ctx, "ann"), access.MandateRequest{Acts: []access.Act{{Permission: access.AccessDisown, Resource: "ownership"}}, Reason: "sold"})
			if err != nil {
				t.Fatal(err)
			}
			mandates[d] = m
		}
		rctx, err := d.Resume(ctx, m)
		if err != nil {
			return err
		}
		return d.EndOwnership(rctx)
	}, func(ctx context.Context, d *started) error {
		if _, err := access.Check(d.as(ctx, "ann"), d.Guard, access.AccessRead, "entities"); err == nil {
			return errors.New("the ended ownership is back: ann is owner again")
		}
		return nil
	})
}
