package config_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func TestRefusedByAnApplier(t *testing.T) {
	var second applier
	d := newDevice(t, func(d *device) {
		d.opts.Appliers = append(d.opts.Appliers, config.NamedApplier{Name: "second", To: &second})
	})
	d.mustPatch(`{"name":"old"}`)
	second.refuse = func(s *Sensor) error {
		if s.Name == "new" {
			return errNo
		}
		return nil
	}
	was := d.settings.Revision()
	_, err := d.patch(`{"name":"new"}`)
	require.ErrorIs(t, err, config.ErrRefused)
	require.ErrorIs(t, err, errNo)
	var refused *config.ApplyError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "second", refused.Applier)
	assert.NoError(t, refused.Undo)
	assert.Equal(t, []string{"nil>sensor", "sensor>old", "old>new", "new>old"}, d.applier.log)
	assert.Equal(t, "old", d.applier.now.Name)
	assert.Equal(t, "old", second.now.Name)
	assert.Equal(t, "old", d.view.Load().Name)
	assert.Equal(t, was, d.settings.Revision())
	require.NoError(t, d.open())
	assert.Equal(t, "old", d.view.Load().Name)
}

func TestApplierThatCannotGoBack(t *testing.T) {
	d := newDevice(t, nil)
	d.applier.refuse = func(*Sensor) error { return errNo }
	_, err := d.patch(`{"name":"new"}`)
	require.ErrorIs(t, err, config.ErrRefused)
	assert.ErrorContains(t, err, "going back: main: the port is taken")
	assert.ErrorIs(t, d.settings.Health(context.Background()), errNo)
	d.applier.refuse = nil
	d.mustPatch(`{"name":"sensor"}`) // alters nothing, but makes sure
	assert.NoError(t, d.settings.Health(context.Background()))
	assert.Equal(t, "sensor>sensor", d.applier.log[len(d.applier.log)-1])
}

func TestStoredSettingsAreRefusedAtTheStart(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"good"}`)
	d.restart()
	d.mustPatch(`{"name":"bad"}`)
	d.applier.refuse = func(s *Sensor) error {
		if s.Name == "bad" {
			return errNo
		}
		return nil
	}
	d.restart()
	assert.Equal(t, "good", d.view.Load().Name)
	assert.ErrorIs(t, d.settings.Health(context.Background()), config.ErrDamaged)
	assert.Len(t, d.notices, 1)
	assert.Contains(t, d.document(), `"name":"bad"`, "what is stored is not given up")

	// A change that has nothing to do with it keeps it, once the applier takes it.
	_, err := d.patch(`{"interval":"20s"}`)
	require.ErrorIs(t, err, config.ErrRefused)
	assert.Equal(t, "good", d.view.Load().Name)
	assert.Equal(t, "good", d.applier.now.Name)
	d.applier.refuse = nil
	d.mustPatch(`{"interval":"20s"}`)
	assert.Equal(t, "bad", d.view.Load().Name)
	assert.Equal(t, "bad", d.applier.now.Name)
	assert.NoError(t, d.settings.Health(context.Background()))

	d.applier.refuse = func(*Sensor) error { return errNo }
	require.ErrorIs(t, d.open(), config.ErrRefused)
}

func TestWrongTypeOfApplier(t *testing.T) {
	d := newDevice(t, nil)
	d.opts.Appliers = []config.NamedApplier{{Name: "typed", To: config.ApplierFunc[User](
		func(context.Context, *User, *User) error { return nil })}}
	require.ErrorContains(t, d.open(), "settings are *config_test.Sensor, want *config_test.User")
}

func TestTypedApplier(t *testing.T) {
	var got []string
	d := newDevice(t, func(d *device) {
		d.opts.Appliers = []config.NamedApplier{{Name: "typed", To: config.ApplierFunc[Sensor](
			func(_ context.Context, old, new *Sensor) error {
				if old != nil {
					got = append(got, old.Name)
				}
				got = append(got, new.Name)
				return nil
			})}}
	})
	d.mustPatch(`{"name":"b"}`)
	assert.Equal(t, []string{"sensor", "sensor", "b"}, got)
}

// lock is an interlock that refuses, or fails to end.
type lock struct {
	begin, end error
	log        []string
}

func (l *lock) Begin(_ context.Context, op string) error {
	l.log = append(l.log, "begin "+op)
	return l.begin
}

func (l *lock) End(ctx context.Context, op string) error {
	l.log = append(l.log, "end "+op)
	return errors.Join(l.end, ctx.Err())
}

func TestInterlock(t *testing.T) {
	l := &lock{}
	d := newDevice(t, func(d *device) { d.opts.Interlock = l })
	d.mustPatch(`{"name":"b"}`)
	both := []string{"begin config.change", "end config.change"}
	assert.Equal(t, both, l.log)
	_, err := d.patch(`{"name":"?"}`)
	require.ErrorIs(t, err, config.ErrInvalid)
	d.mustPatch(`{"name":"b"}`)
	assert.Equal(t, both, l.log, "what changes nothing asks nobody")

	l.begin = errNo
	_, err = d.patch(`{"name":"c"}`)
	require.ErrorIs(t, err, errNo)
	assert.Equal(t, "b", d.view.Load().Name)
	assert.Len(t, l.log, 3, "no End without a Begin")

	l.begin, l.end = nil, errNo
	d.mustPatch(`{"name":"c"}`)
	assert.ErrorIs(t, d.settings.Health(context.Background()), errNo)
	l.end = nil
	d.mustPatch(`{"name":"d"}`)
	assert.NoError(t, d.settings.Health(context.Background()))
}

func TestFullMedium(t *testing.T) {
	m := powercut.New()
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	d := newDevice(t, func(d *device) { d.dir = dir })
	d.mustPatch(`{"name":"old"}`)
	m.SetCapacity(1)
	_, err = d.patch(`{"name":"new","log":{"keep":8}}`)
	require.ErrorIs(t, err, durable.ErrFull)
	assert.Equal(t, "old", d.view.Load().Name)
	assert.Equal(t, "old", d.applier.now.Name)
	assert.Error(t, d.settings.Health(context.Background()))
	m.SetCapacity(0)
	d.mustPatch(`{"name":"old"}`)
	assert.NoError(t, d.settings.Health(context.Background()))
	d.restart()
	assert.Equal(t, "old", d.view.Load().Name)
	assert.Equal(t, uint16(90), d.view.Load().Log.Keep)
}
