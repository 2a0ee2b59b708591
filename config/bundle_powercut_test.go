package config_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// boot starts a device that takes bundles on m, as boot does.
func (o *owned) boot(ctx context.Context, m *powercut.Machine) (*config.Settings, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	schema, err := config.For[Sensor](&config.SchemaOptions{Rules: sensorRules(), Patterns: patterns.Patterns})
	if err != nil {
		return nil, err
	}
	return config.Open(ctx, durable.Sub(dir, "a"), schema, bothAuth{o.Guard}, &config.Options{
		Floor:    durable.Sub(dir, "b"),
		Appliers: []config.NamedApplier{{Name: "one", To: port{m, "one"}}, {Name: "two", To: port{m, "two"}}},
		Bundles:  o.bundles(),
	})
}

// holds describes settings, sequences and receipts after a start. A bundle of which
// the settings are in force is taken, and has a receipt.
func (o *owned) holds(ctx context.Context, m *powercut.Machine) (string, error) {
	s, err := o.boot(ctx, m)
	if err != nil {
		return "", err
	}
	if err := s.Health(ctx); errors.Is(err, config.ErrDamaged) {
		return "", err
	}
	doc, _, err := s.Document(asAdmin())
	if err != nil {
		return "", err
	}
	list, err := s.AppliedBundles(asAdmin())
	if err != nil {
		return "", err
	}
	state := string(doc)
	for _, a := range list {
		state += fmt.Sprintf(" %s:%d:%.8s", a.Entity, a.Sequence, a.Digest)
		if a.Sequence == 0 {
			continue
		}
		r, err := bundle.VerifyReceipt(a.Receipt, deviceID.Public())
		if err != nil || r.Sequence != a.Sequence || r.Digest != a.Digest {
			return "", fmt.Errorf("receipt of %s: %w", a.Entity, err)
		}
	}
	return state, nil
}

// sends applies the bundles in turn. One that was taken already is no error if it was
// the last: that is how a sender who was cut off finishes.
func (o *owned) sends(t testing.TB, p pen, bundles ...config.Bundle) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		s, err := o.boot(ctx, m)
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return send(ctx, t, s, p, bundles) })
	}
}

func send(ctx context.Context, t testing.TB, s *config.Settings, p pen, bundles []config.Bundle) error {
	for _, b := range bundles {
		doc := document(t, b)
		r, err := s.ApplyBundle(ctx, doc, p.sign(doc))
		if err != nil && !(errors.Is(err, config.ErrReplay) && len(r.Receipt) > 0) {
			return err
		}
	}
	return nil
}

func bundleOps(t testing.TB) []powercut.Op {
	o := newOwned(t)
	older := patch(3, oldPatch)
	older.Device = "*"
	newer := patch(4, `{"name":"new","users":{"ann":null}}`)
	floor := patch(4, `{"name":"new","log":{"keep":200},"network":{"key":"fedcba9876543210"}}`)
	bound := newer
	bound.Ownership = o.Ownership()
	methods := []string{"Settings.ApplyBundle"}
	return []powercut.Op{
		{Name: "config.bundle-first", Methods: methods, Do: o.sends(t, operator, newer), State: o.holds},
		{Name: "config.bundle", Methods: methods, Before: o.sends(t, operator, older), Do: o.sends(t, operator, newer), State: o.holds},
		{Name: "config.bundle-floor", Methods: methods, Before: o.sends(t, operator, older), Do: o.sends(t, operator, floor), State: o.holds},
		{Name: "config.bundle-bound", Methods: methods, Before: o.sends(t, operator, older), Do: o.sends(t, operator, bound), State: o.holds},
		{Name: "config.bundle-other", Methods: methods, Before: o.sends(t, vendor, older), Do: o.sends(t, operator, newer), State: o.holds},
		{
			Name: "config.bundle-then-change", Methods: []string{"Settings.Change"}, Before: o.sends(t, operator, newer), State: o.holds,
			Do: func(ctx context.Context, m *powercut.Machine) error {
				s, err := o.boot(ctx, m)
				if err != nil {
					return err
				}
				return m.Attempt(func() error { return change(config.Change{Patch: []byte(`{"name":"mine"}`)})(ctx, s) })
			},
		},
	}
}

// TestPowerCutBundle: power is cut before each step of taking a bundle. The settings,
// the sequence and the receipt are the old ones or the new ones together, so that no
// bundle is taken twice and none is refused as a replay that is not in force.
func TestPowerCutBundle(t *testing.T) {
	for _, op := range bundleOps(t) {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}
