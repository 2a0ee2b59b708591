package publish_test

import (
	"context"
	"testing"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update/publish"
)

func initing(ctx context.Context, m *powercut.Machine) error {
	return m.Attempt(func() error {
		_, err := publish.Init(ctx, m.FS(), four(), at(start))
		return err
	})
}

func adding(number uint64) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		r, err := publish.Open(ctx, m.FS(), four(), at(start))
		if err != nil {
			return err
		}
		return m.Attempt(func() error {
			_, err := r.AddRelease(ctx, release(number), images(number))
			return err
		})
	}
}

func both(ctx context.Context, m *powercut.Machine) error {
	if err := initing(ctx, m); err != nil {
		return err
	}
	return adding(2)(ctx, m)
}

// reading tells what a new device is offered: a reader in between sees no more.
func reading(ctx context.Context, m *powercut.Machine) (string, error) {
	if _, ok := m.Files()["metadata/timestamp.json"]; !ok {
		return "no repository", nil
	}
	return offered(ctx, m.FS(), start)
}

func TestPowerCut(t *testing.T) {
	ops := []powercut.Op{
		{Name: "publish-init", Methods: []string{"Init"}, Do: initing, State: reading},
		{Name: "publish-release", Methods: []string{"Open", "Repository.AddRelease"}, Before: both, Do: adding(3), State: reading},
		{
			Name: "publish-refresh", Methods: []string{"Repository.Refresh"}, Before: both, State: func(ctx context.Context, m *powercut.Machine) (string, error) {
				now := start.Add(6 * day)
				if _, err := offered(ctx, m.FS(), now.Add(2*day)); err == nil {
					return "fresh", nil
				}
				return offered(ctx, m.FS(), now)
			},
			Do: func(ctx context.Context, m *powercut.Machine) error {
				r, err := publish.Open(ctx, m.FS(), four(), at(start.Add(6*day)))
				if err != nil {
					return err
				}
				return m.Attempt(func() error { return r.Refresh(ctx) })
			},
		},
	}
	for _, op := range ops {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
	powercut.Covered(t, ops, []string{"Repository.Root", "Repository.Status", "Repository.Release"}, (*publish.Repository)(nil))
}
