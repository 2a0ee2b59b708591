package reset_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/reset"
)

// A device without a vault, for brevity: its floor lies in plain. One with a vault
// destroys keys in a step of its own, by protect.Vault.EraseClasses under
// {access.ResetRequest, scope}.
func Example() {
	ctx := context.Background()
	m := powercut.New() // durable.OpenDir, in a device
	dir, floor, guard, err := plain(ctx, m)
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := []reset.Step{
		reset.Remove("diary", dir, []string{"diary"}, reset.SettingsAndData, reset.Factory),
		reset.EndOwnership(guard, reset.Factory),
	}
	resetter, err := reset.Open(ctx, dir, floor, guard, steps, &reset.Options{
		Restart: func(_ context.Context, reason string) error {
			fmt.Println("restart:", reason)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := errors.Join(resetter.Resume(ctx), dir.Put(ctx, "diary/today", []byte("rain"))); err != nil {
		fmt.Println(err)
		return
	}
	button, err := guard.ProvePresence(ctx, pressed{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resetter.Reset(access.WithEntity(ctx, button), reset.Factory, "sold"))
	_, err = dir.Get(ctx, "diary/today")
	fmt.Println(errors.Is(err, durable.ErrHeld)) // until the device has started again
	last, err := resetter.Last(ctx)
	fmt.Println(last.Scope, last.Steps[0].Method, err)
	// Output:
	// restart: sold
	// <nil>
	// true
	// factory unlink: copies in flash may remain <nil>
}

func ExampleResetter_Scopes() {
	ctx := context.Background()
	dir, floor, guard, err := plain(ctx, powercut.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	resetter, err := reset.Open(ctx, dir, floor, guard, []reset.Step{reset.EndOwnership(guard, reset.Factory)}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resetter.Scopes())
	// Output:
	// [factory]
}

// pressed is a button that is always pressed.
type pressed struct{}

func (pressed) Prove(context.Context, []byte) error { return nil }

// plain opens what a reset needs.
func plain(ctx context.Context, m *powercut.Machine) (*durable.Dir, durable.Store, *access.Guard, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, nil, nil, err
	}
	floor := onHold{dir}
	if _, err := access.Provision(ctx, floor, nil); err != nil {
		return nil, nil, nil, err
	}
	guard, err := access.OpenGuard(ctx, floor, policy(), nil)
	return dir, floor, guard, err
}

// onHold is a directory that answers while it is on hold too, as the floor compartment
// of a vault does.
type onHold struct{ *durable.Dir }

func (d onHold) store() durable.Store {
	if h := d.Held(); h != nil {
		return h.Store()
	}
	return d.Dir
}

func (d onHold) Get(ctx context.Context, name string) ([]byte, error) {
	return d.store().Get(ctx, name)
}

func (d onHold) Put(ctx context.Context, name string, value []byte) error {
	return d.store().Put(ctx, name, value)
}
