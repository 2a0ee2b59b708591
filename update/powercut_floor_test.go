package update_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func floorOps() []powercut.Op {
	floors := func(do func(ctx context.Context, f *update.FloorStore) error) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error {
			d, err := durable.OpenFS(m.FS(), nil)
			if err != nil {
				return err
			}
			f := update.NewFloors(d)
			return m.Attempt(func() error { return do(ctx, f) })
		}
	}
	state := func(ctx context.Context, m *powercut.Machine) (text string, err error) {
		err = floors(func(ctx context.Context, f *update.FloorStore) error {
			a, err := f.Get(ctx, "release")
			b, err2 := f.Get(ctx, "root")
			text = fmt.Sprintf("release=%d root=%d", a, b)
			return errors.Join(err, err2)
		})(ctx, m)
		return text, err
	}
	raising := func(name string, v uint64) func(ctx context.Context, f *update.FloorStore) error {
		return func(ctx context.Context, f *update.FloorStore) error { return f.Raise(ctx, name, v) }
	}
	return []powercut.Op{
		{Name: "update.floor-first", Methods: []string{"FloorStore.Raise"}, Do: floors(raising("release", 3)), State: state},
		{
			Name: "update.floor", Methods: []string{"FloorStore.Raise", "FloorStore.Reserve"}, State: state,
			Before: floors(raising("root", 7)),
			Do: floors(func(ctx context.Context, f *update.FloorStore) error {
				return errors.Join(f.Reserve(ctx), f.Raise(ctx, "release", 3))
			}),
		},
		{
			Name: "update.floor-forgotten", Methods: []string{"FloorStore.Forget"}, State: state,
			Before: floors(func(ctx context.Context, f *update.FloorStore) error {
				return errors.Join(f.Raise(ctx, "release", 3), f.Raise(ctx, "root", 7))
			}),
			Do: floors(func(ctx context.Context, f *update.FloorStore) error { return f.Forget(ctx, "root") }),
		},
	}
}
