package baselinetest_test

import (
	"context"
	"errors"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

const factory = "factory"

// resetter brings the pump back to the state of the factory, under a mandate that it
// takes up again after a power cut.
type resetter struct {
	pump   *pump
	orders *access.Mandates
}

func (p *pump) openResetter(context.Context) error {
	p.resetter = &resetter{p, access.NewMandates(durable.Sub(p.floor, "reset"))}
	return nil
}

func (r *resetter) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "pump.reset", Clauses: []clause.ID{clause.C5_2_3_1_1, clause.C5_2_3_1_2, clause.C5_2_3_2_A}, Package: "example.com/pump",
		Summary: "a reset, for who may, destroys settings, credentials and user data, and keeps the floor",
	}}
}

func (r *resetter) Scopes() []string { return []string{factory} }

func (r *resetter) Reset(ctx context.Context, scope, reason string) error {
	if scope != factory {
		return errors.New("no such scope")
	}
	order, err := r.pump.guard.NewMandate(ctx, access.MandateRequest{
		Acts: []access.Act{
			{Permission: access.ResetRequest, Resource: factory}, {Permission: access.AccessDisown, Resource: "ownership"},
		}, Reason: reason,
	})
	if err == nil {
		err = r.orders.Put(ctx, order)
	}
	if err != nil {
		return err
	}
	return r.carryOut(ctx, order)
}

// Resume implements baseline.Resumer.
func (r *resetter) Resume(ctx context.Context) error {
	orders, err := r.orders.List(ctx)
	for _, order := range orders {
		err = errors.Join(err, r.carryOut(ctx, order))
	}
	return err
}

func (r *resetter) carryOut(ctx context.Context, order access.Mandate) error {
	may, err := r.pump.guard.Resume(ctx, order)
	if err != nil {
		return err
	}
	classes := []protect.Class{protect.ClassSettings, protect.ClassUserData, protect.ClassSecurity}
	if r.pump.fault == faultOldOwner {
		classes = classes[:2]
	}
	if _, err := r.pump.vault.EraseClasses(may, protect.Authority{Permission: access.ResetRequest, Resource: factory}, classes...); err != nil {
		return err
	}
	err = durable.RemoveAll(ctx, r.pump.dir, "letters")
	if r.pump.fault == faultFloor {
		err = errors.Join(err, durable.RemoveAll(ctx, r.pump.floor, "settings"))
	}
	if r.pump.fault != faultOldOwner {
		err = errors.Join(err, r.pump.guard.EndOwnership(may))
	}
	return errors.Join(err, r.orders.Delete(ctx, order.ID))
}
