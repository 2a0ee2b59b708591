package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// port is an applier whose effect is one step of a medium of its own: the
// configuration of a radio, say.
type port struct {
	m   *powercut.Machine
	key string
}

func (p port) Apply(_ context.Context, _, new any) error {
	s := new.(*Sensor)
	return p.m.Store("radio", p.key, fmt.Appendf(nil, "%s %d %s", s.Name, s.Log.Keep, s.Network.Key.Reveal()))
}

// boot starts a device on m: settings in one place, the floor in another, and two
// appliers.
func boot(ctx context.Context, m *powercut.Machine) (*config.Settings, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	schema, err := config.For[Sensor](&config.SchemaOptions{Rules: sensorRules(), Patterns: patterns.Patterns})
	if err != nil {
		return nil, err
	}
	return config.Open(ctx, durable.Sub(dir, "a"), schema, allowAdmin, &config.Options{
		Floor:    durable.Sub(dir, "b"),
		Appliers: []config.NamedApplier{{Name: "one", To: port{m, "one"}}, {Name: "two", To: port{m, "two"}}},
	})
}

// holds describes the device after a start: the settings, what each applier has,
// and that the three agree.
func holds(ctx context.Context, m *powercut.Machine) (string, error) {
	s, err := boot(ctx, m)
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
	view, err := config.NewView[Sensor](s)
	if err != nil {
		return "", err
	}
	now := view.Load()
	want := fmt.Sprintf("%s %d %s", now.Name, now.Log.Keep, now.Network.Key.Reveal())
	one, two := string(m.Load("radio", "one")), string(m.Load("radio", "two"))
	if one != want || two != want {
		return "", fmt.Errorf("appliers have %q and %q, settings say %q", one, two, want)
	}
	return string(doc) + " " + now.Network.Key.Reveal(), nil
}

// on starts a device and changes its settings.
func on(do func(ctx context.Context, s *config.Settings) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		s, err := boot(ctx, m)
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return do(ctx, s) })
	}
}

func change(c config.Change) func(context.Context, *config.Settings) error {
	return func(_ context.Context, s *config.Settings) error {
		_, err := s.Change(asAdmin(), c)
		return err
	}
}

func withPatch(patch string) func(context.Context, *powercut.Machine) error {
	return on(change(config.Change{Patch: []byte(patch)}))
}

const (
	oldPatch = `{"name":"old","log":{"keep":100},"network":{"key":"0123456789abcdef"},"users":{"ann":{"role":"reader"}}}`
	newPatch = `{"name":"new","servers":[],"users":{"ann":null,"bob":{"role":"admin"}}}`
)

func ops() []powercut.Op {
	return []powercut.Op{
		{
			Name: "config.first", Methods: []string{"Settings.Change"},
			Do: withPatch(newPatch), State: holds,
		},
		{
			Name: "config.change", Methods: []string{"Settings.Change"},
			Before: withPatch(oldPatch), Do: withPatch(newPatch), State: holds,
		},
		{
			Name: "config.floor", Methods: []string{"Settings.Change"},
			Before: withPatch(oldPatch),
			Do:     withPatch(`{"name":"new","log":{"keep":200},"network":{"key":"fedcba9876543210"}}`), State: holds,
		},
		{
			Name: "config.document", Methods: []string{"Settings.Change"},
			Before: withPatch(oldPatch), State: holds,
			Do: on(change(config.Change{Document: []byte(`{"name":"new"}`), Reason: "test"})),
		},
		{
			Name: "config.apply", Methods: []string{"Settings.Apply"},
			Before: withPatch(oldPatch), State: holds,
			Do: on(func(_ context.Context, s *config.Settings) error {
				_, err := s.Apply(asAdmin(), []byte(newPatch), "", nil)
				return err
			}),
		},
		{
			Name: "config.open", Methods: []string{"Open"},
			Before: withPatch(oldPatch),
			// The copy of the last good settings is written.
			Do:    on(func(ctx context.Context, s *config.Settings) error { return s.Health(ctx) }),
			State: goodCopy,
		},
	}
}

// goodCopy describes the settings and whether the last good ones are kept too.
// Only looking does not write, so that what Open writes is what is seen.
func goodCopy(ctx context.Context, m *powercut.Machine) (string, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return "", err
	}
	raw, err := dir.Get(ctx, "a/settings/good")
	if err != nil {
		return "no copy", nil
	}
	var record struct{ Settings json.RawMessage }
	if err := json.Unmarshal(raw[2:], &record); err != nil {
		return "", err
	}
	return string(record.Settings), nil
}

func TestPowerCutSettings(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
	powercut.Covered(t, append(ops(), bundleOps(t)...), []string{
		"Settings.AppliedBundles", "Settings.Document", "Settings.FloorDocument", "Settings.Features", "Settings.Health", "Settings.Revision",
		"Settings.Schema", "Settings.Stats",
	}, (*config.Settings)(nil))
}
