package reset_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
)

// byPresence is ctx of whoever stands at the device.
func (d *device) byPresence(t *testing.T) context.Context {
	e, err := d.guard.ProvePresence(t.Context(), here{})
	require.NoError(t, err)
	return access.WithEntity(t.Context(), e)
}

// half leaves a factory reset of which one step fails with ill.
func half(t *testing.T, ill error) (*powercut.Machine, *device) {
	m, d := onMachine(t)
	fails := reset.Step{Name: "sensors", Scopes: []string{reset.Factory}, Run: func(context.Context, string) (string, error) { return "", ill }}
	d.steps = []reset.Step{d.steps[2], fails, d.steps[0], d.steps[1]}
	require.NoError(t, d.reopen(t.Context()))
	require.ErrorIs(t, d.resetter.Reset(d.as(t.Context(), "ann"), reset.Factory, "sold"), ill)
	return m, d
}

// TestLesserResetIsRefused: what a half done factory reset left, no lesser one hands
// to the next owner.
func TestLesserResetIsRefused(t *testing.T) {
	ctx := t.Context()
	m, d := half(t, errors.New("no answer"))
	err := d.resetter.Reset(d.byPresence(t), reset.Settings, "stuck")
	require.ErrorIs(t, err, reset.ErrPending)
	require.ErrorContains(t, err, reset.Factory)
	require.ErrorIs(t, d.resetter.Health(ctx), reset.ErrInterrupted)

	d = start(t, m) // without the step that fails
	assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
	require.NoError(t, d.commission(ctx))
	a, err := d.vault.Subject(ctx, "alice")
	require.NoError(t, err)
	letter, err := a.Get(ctx, "letter")
	require.Error(t, err, "the next owner reads %q", letter)
}

// TestStepThatFailsHoldsBackNoOther: what can be destroyed is, and only what failed is
// done again.
func TestStepThatFailsHoldsBackNoOther(t *testing.T) {
	ctx := t.Context()
	_, d := half(t, errors.New("no answer"))
	assert.Zero(t, d.vault.Report(ctx).Subjects, "its keys are gone")
	d.steps[1].Run = func(context.Context, string) (string, error) { return "parked", nil }
	for _, i := range []int{0, 2, 3} {
		d.steps[i].Run = func(context.Context, string) (string, error) { return "", errors.New("asked again") }
	}
	require.NoError(t, d.reopen(ctx))
	require.NoError(t, d.resetter.Reset(d.byPresence(t), reset.Factory, "again"))
	last, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	assert.Len(t, last.Steps, 4)
	assert.Equal(t, reset.Done{Step: "sensors", Method: "parked"}, last.Steps[3])
	assert.Equal(t, "clear: live copies only", last.Steps[1].Method, "what the first run did")
}

// TestLostOrder: without a readable order the hold says what began; a lesser scope
// does not end it, one with every step does.
func TestLostOrder(t *testing.T) {
	for name, lose := range map[string]func(ctx context.Context, d *device) error{
		"gone":       func(ctx context.Context, d *device) error { return d.floor.Delete(ctx, "reset") },
		"unreadable": func(ctx context.Context, d *device) error { return d.floor.Put(ctx, "reset", []byte("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m, d := half(t, errors.New("no answer"))
			require.NoError(t, lose(ctx, d))
			d, err := open(ctx, fsDir(t, m))
			require.Error(t, err)
			require.ErrorIs(t, d.resetter.Reset(d.byPresence(t), reset.Settings, "stuck"), reset.ErrPending)
			require.NoError(t, d.resetter.Reset(d.byPresence(t), reset.Factory, "stuck"))
			d = start(t, m)
			assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
		})
	}
}

// TestScopeThatWasRemoved: a release without the scope does not complete its reset.
func TestScopeThatWasRemoved(t *testing.T) {
	ctx := t.Context()
	_, d := half(t, errors.New("no answer"))
	d.steps = []reset.Step{{Name: "keys", Scopes: []string{reset.Settings}, Run: d.destroyKeys}}
	require.NoError(t, d.reopen(ctx))
	require.ErrorIs(t, d.resetter.Resume(ctx), reset.ErrInterrupted)
	require.NotNil(t, d.dir.Held())
}

// TestHoldThatWasRemoved: somebody took the mark off the medium while the power was
// off. What opened since may have written, so every step is done again.
func TestHoldThatWasRemoved(t *testing.T) {
	ctx := t.Context()
	m, d := half(t, errors.New("no answer"))
	require.NoError(t, d.dir.Held().Release(ctx))
	d, err := early(ctx, fsDir(t, m), protect.Open)
	require.NoError(t, err)
	ran := 0
	for i := range d.steps {
		run := d.steps[i].Run
		d.steps[i].Run = func(ctx context.Context, scope string) (string, error) {
			ran++
			return run(ctx, scope)
		}
	}
	require.NoError(t, d.reopen(ctx))
	require.ErrorIs(t, d.resetter.Resume(ctx), reset.ErrRestart)
	require.Equal(t, len(d.steps), ran)
}

// TestResumeBelowOpenParts: a reset that was cut between the order and the hold, in a
// composition that opened everything before it resumed. Nothing is released in the
// process whose parts were open.
func TestResumeBelowOpenParts(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	require.NoError(t, ordered(ctx, m))
	d, err := early(ctx, fsDir(t, m), protect.Open)
	require.NoError(t, err)
	var restarts []string
	d.opts.Restart = func(_ context.Context, reason string) error {
		restarts = append(restarts, reason)
		return nil
	}
	require.NoError(t, d.reopen(ctx))
	require.NoError(t, d.late(ctx))
	alice, err := d.vault.Subject(ctx, "alice")
	require.NoError(t, err)
	for range 2 {
		require.ErrorIs(t, d.resetter.Resume(ctx), reset.ErrRestart)
	}
	require.Equal(t, []string{"sold"}, restarts)
	require.Error(t, alice.Put(ctx, "letter", []byte("x")), "her key is gone")
	require.ErrorIs(t, d.dir.Put(ctx, "cache/2", []byte("x")), durable.ErrHeld)
	require.NoError(t, d.resetter.Accept(ctx), "not yet")
	last, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	require.False(t, last.Accepted)

	d = start(t, m)
	require.Nil(t, d.dir.Held())
	assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
	require.Empty(t, d.lock.Pending())
}

// TestOwnerOfTheMeantime: an owner who came while the reset was not finished orders it
// himself, and is disowned as the one before.
func TestOwnerOfTheMeantime(t *testing.T) {
	ctx := t.Context()
	m, d := half(t, errors.New("no answer"))
	label, err := d.floor.Get(ctx, "label")
	require.NoError(t, err)
	first, err := d.guard.Initial(ctx, string(label), "usb")
	require.NoError(t, err)
	owner := access.Owner{ID: "bea", Roles: []string{"owner"}}
	require.NoError(t, d.guard.Commission(access.WithEntity(ctx, first), owner, func(context.Context) error { return nil }))
	d.steps[1].Run = func(context.Context, string) (string, error) { return "parked", nil }
	require.NoError(t, d.reopen(ctx))
	require.ErrorIs(t, d.resetter.Resume(ctx), access.ErrDenied, "not what ann ordered")
	require.NoError(t, d.resetter.Reset(d.as(ctx, "bea"), reset.Factory, "sold again"))
	d = start(t, m)
	assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
	require.Empty(t, d.guard.Ownership())
}

// TestHalfResetStaysShut: an order that allows nothing any more is not given up once
// something was destroyed: nothing opens on what it left.
func TestHalfResetStaysShut(t *testing.T) {
	ctx := t.Context()
	m, d := half(t, errors.New("no answer"))
	label, err := d.floor.Get(ctx, "label")
	require.NoError(t, err)
	first, err := d.guard.Initial(ctx, string(label), "usb")
	require.NoError(t, err)
	owner := access.Owner{ID: "bea", Roles: []string{"owner"}}
	require.NoError(t, d.guard.Commission(access.WithEntity(ctx, first), owner, func(context.Context) error { return nil }))
	for range 2 {
		d, err = open(ctx, fsDir(t, m))
		require.ErrorIs(t, err, reset.ErrInterrupted)
		require.NotNil(t, d.dir.Held())
		require.ErrorIs(t, d.resetter.Health(ctx), reset.ErrInterrupted)
	}
}
