package config_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
)

// gate is an applier that waits to be let through once it is shut.
type gate struct {
	shut    atomic.Bool
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) Apply(context.Context, any, any) error {
	if g.shut.CompareAndSwap(true, false) {
		close(g.entered)
		<-g.open
	}
	return nil
}

// hanging starts a change that hangs in an applier, and returns what ends it.
func hanging(d *device, g *gate, patch string) (finish func() error) {
	g.shut.Store(true)
	done := make(chan error, 1)
	go func() {
		_, err := d.patch(patch)
		done <- err
	}()
	<-g.entered
	return func() error {
		close(g.open)
		return <-done
	}
}

// atOnce calls f and fails when it waits.
func atOnce(t *testing.T, what string, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Errorf("%s waits for the applier", what)
	}
}

func TestNothingElseWaitsForAnApplier(t *testing.T) {
	g := newGate()
	d := newDevice(t, func(d *device) {
		d.opts.Appliers = []config.NamedApplier{{Name: "gate", To: g}}
	})
	finish := hanging(d, g, `{"name":"b"}`)
	atOnce(t, "Health", func() { assert.NoError(t, d.settings.Health(context.Background())) })
	atOnce(t, "Stats", func() { assert.Zero(t, d.settings.Stats().Changes) })
	atOnce(t, "Document", func() { assert.Contains(t, d.document(), `"name":"sensor"`) })
	for name, ctx := range map[string]context.Context{
		"a denial of nobody":   context.Background(),
		"a denial of somebody": access.WithEntity(context.Background(), new(access.Entity)),
	} {
		atOnce(t, name, func() {
			for _, patch := range []string{`{}`, `{"name":"c"}`} {
				_, err := d.settings.Apply(ctx, []byte(patch), "", nil)
				assert.ErrorIs(t, err, access.ErrDenied)
			}
		})
	}
	require.NoError(t, finish())
	assert.Equal(t, config.Stats{Changes: 1, Denied: 4}, d.settings.Stats())
}

// asking allows until it is told otherwise, and says when user asks for the first time.
type asking struct {
	user    *access.Entity
	asked   chan struct{} // closed then
	once    sync.Once
	revoked atomic.Pointer[access.Entity]
}

func (a *asking) Decide(_ context.Context, e *access.Entity, _ access.Permission, _ string) access.Decision {
	if e == a.user {
		a.once.Do(func() { close(a.asked) })
	}
	return access.Decision{Allowed: a.revoked.Load() != e}
}

// A change that had to wait is drawn and authorised again when its turn comes.
func TestChangeAfterWaiting(t *testing.T) {
	user := new(access.Entity)
	for name, c := range map[string]struct {
		revoke bool
		stale  bool
		want   error
	}{
		"lost its right": {true, false, access.ErrDenied},
		"is out of date": {false, true, config.ErrConflict},
		"goes on":        {false, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g, auth := newGate(), &asking{user: user, asked: make(chan struct{})}
			d := newDevice(t, func(d *device) {
				d.auth, d.opts.Appliers = auth, []config.NamedApplier{{Name: "gate", To: g}}
			})
			change := config.Change{Patch: []byte(`{"interval":"20s"}`)}
			if c.stale {
				change.IfRevision = d.settings.Revision()
			}
			finish := hanging(d, g, `{"name":"b"}`)
			done := make(chan error, 1)
			go func() {
				_, err := d.settings.Change(access.WithEntity(context.Background(), user), change)
				done <- err
			}()
			<-auth.asked
			if c.revoke {
				auth.revoked.Store(user)
			}
			require.NoError(t, finish())
			require.ErrorIs(t, <-done, c.want)
			assert.Equal(t, "b", d.view.Load().Name, "the change before is kept")
			assert.Equal(t, c.want == nil, d.view.Load().Interval == 20*time.Second)
		})
	}
}

// An applier that panics holds up nobody after it.
func TestApplierThatPanics(t *testing.T) {
	d := newDevice(t, nil)
	d.applier.refuse = func(*Sensor) error { panic("applier") }
	assert.Panics(t, func() { _, _ = d.patch(`{"name":"b"}`) })
	d.applier.refuse = nil
	atOnce(t, "the next change", func() { d.mustPatch(`{"name":"c"}`) })
}
