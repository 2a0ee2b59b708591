package baselinetest_test

import (
	"context"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
)

// openResetter finishes a reset before anything else is opened.
func (p *pump) openResetter(ctx context.Context) (err error) {
	if p.resetter, err = reset.Open(ctx, p.dir, p.floor, p.guard, p.steps(), nil); err != nil {
		return err
	}
	return p.resetter.Resume(ctx)
}

// steps are the vendor's: whether a reset does what it should rests on them.
func (p *pump) steps() []reset.Step {
	classes := []protect.Class{protect.ClassSettings, protect.ClassUserData, protect.ClassSecurity}
	if p.fault == faultOldOwner {
		classes = classes[:2]
	}
	steps := []reset.Step{
		{Name: "keys", Scopes: []string{reset.Factory}, Run: func(ctx context.Context, scope string) (string, error) {
			under := protect.Authority{Permission: access.ResetRequest, Resource: scope}
			method, err := p.vault.EraseClasses(ctx, under, classes...)
			return string(method), err
		}},
		reset.Remove("letters", p.dir, []string{"letters"}, reset.Factory),
	}
	if p.fault == faultFloor {
		steps = append(steps, reset.Step{Name: "tidy", Scopes: []string{reset.Factory}, Run: func(ctx context.Context, _ string) (string, error) {
			return "", durable.RemoveAll(ctx, p.floor, "settings")
		}})
	}
	if p.fault != faultOldOwner {
		steps = append(steps, reset.EndOwnership(p.guard, reset.Factory))
	}
	return steps
}
