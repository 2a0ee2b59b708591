package reset_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/reset"
)

var (
	_ reset.Guard     = (*access.Guard)(nil)
	_ reset.Disowner  = (*access.Guard)(nil)
	_ reset.Interlock = (*baseline.Interlock)(nil)
	_ reset.Eraser    = (*erase.Coordinator)(nil)

	_ baseline.Resetter = (*reset.Resetter)(nil)
	_ baseline.Resumer  = (*reset.Resetter)(nil)
	_ baseline.Runner   = (*reset.Resetter)(nil)
	_ baseline.Checker  = (*reset.Resetter)(nil)
)

func TestOperation(t *testing.T) { assert.Equal(t, baseline.OpReset, reset.Operation) }

const (
	before  = `ann logs in; settings {Name:canary-of-ann TLS:13}; subjects 1; cache 1; floors 1.4; `
	factory = `waits for its commissioning; settings {Name:device TLS:13}; subjects 0; cache 0; floors 1.4; `
)

func held(t *testing.T, d *device) string {
	t.Helper()
	text, err := d.holds(t.Context())
	require.NoError(t, err)
	return text
}

// TestFactory: as it left the factory, but for the floor; old credentials are dead,
// and the device waits for its commissioning.
func TestFactory(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	require.Equal(t, before, held(t, d))
	ann := d.as(ctx, "ann")
	session, err := d.users.Verify(ctx, "ann", password.New(good), "usb", "s")
	require.NoError(t, err)
	require.NoError(t, d.resetter.Reset(ann, reset.Factory, "sold"))
	assert.Empty(t, d.log.String(), "the log is on hold too")

	// Until the restart the parts of this process are shut out.
	_, err = d.settings.Apply(access.WithEntity(ctx, session), []byte(`{"name":"x"}`), "", nil)
	require.Error(t, err)
	require.ErrorIs(t, d.dir.Put(ctx, "cache/2", []byte("x")), durable.ErrHeld)
	require.ErrorIs(t, d.resetter.Reset(ann, reset.Factory, "sold"), access.ErrDenied, "her ownership is over")
	require.Equal(t, []string{baseline.OpReset}, d.lock.Pending(), "until the restart")

	d = start(t, m)
	assert.Equal(t, factory+"last factory [{keys clear: live copies only} {cache unlink: copies in flash may remain} {ownership ended: credentials of the owner are dead}]", held(t, d))
	assert.Empty(t, d.lock.Pending())
	assert.Nil(t, d.dir.Held())
	require.NoError(t, d.resetter.Health(ctx))
	require.ErrorIs(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Settings, "again"), access.ErrDenied)
	require.NoError(t, d.commission(ctx), "the label serves again")
	assert.Contains(t, held(t, d), "ann logs in; settings")
	for name, raw := range m.Files() {
		for _, canary := range []string{"canary-of-alice", "canary-of-cache", "canary-of-ann"} {
			assert.NotContains(t, string(raw), canary, name)
		}
	}
}

func TestScopes(t *testing.T) {
	ctx := t.Context()
	for scope, want := range map[string]string{
		reset.Settings:        `ann logs in; settings {Name:device TLS:13}; subjects 1; cache 1; floors 1.4; last settings`,
		reset.SettingsAndData: `ann logs in; settings {Name:device TLS:13}; subjects 0; cache 0; floors 1.4; last settings-and-data`,
		reset.Transfer:        factory + "last transfer",
	} {
		m, d := onMachine(t)
		require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), scope, "x"))
		d = start(t, m)
		assert.True(t, strings.HasPrefix(held(t, d), want), "%s: %s", scope, held(t, d))
	}
}

func TestRestart(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	assert.NotContains(t, d.resetter.Scopes(), reset.Restart)
	require.ErrorIs(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Restart, "x"), fs.ErrInvalid)
	var reasons []string
	var fails error
	d.opts.Restart = func(_ context.Context, reason string) error {
		reasons = append(reasons, reason)
		return fails
	}
	require.NoError(t, d.reopen(ctx))
	require.Equal(t, []string{reset.Restart, reset.Settings, reset.SettingsAndData, reset.Factory, reset.Transfer}, d.resetter.Scopes())
	require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Restart, "stuck"))
	require.Equal(t, before, held(t, d))
	fails = errors.New("no init system")
	require.ErrorIs(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Settings, "try"), reset.ErrRestart)
	require.Equal(t, []string{"stuck", "try"}, reasons)
	last, err := d.resetter.Last(ctx)
	require.NoError(t, err)
	require.Equal(t, "try", last.Reason)
}

func TestWhoMayNotLeavesNoTrace(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	require.NoError(t, d.guard.Assign(d.as(ctx, "ann"), access.Assignment{ID: "uma", Kind: access.KindPerson, Roles: []string{"user"}}))
	files := m.Files()
	for _, who := range []context.Context{ctx, d.as(ctx, "stranger"), d.as(ctx, "uma")} {
		require.ErrorIs(t, d.resetter.Reset(who, reset.Factory, "x"), access.ErrDenied)
	}
	for scope, reason := range map[string]string{"all": "x", "": "x", reset.Settings: "", reset.Factory: "a\nb"} {
		require.ErrorIs(t, d.resetter.Reset(d.as(ctx, "ann"), scope, reason), fs.ErrInvalid)
	}
	require.Equal(t, files, m.Files())
	require.NoError(t, d.lock.Begin(ctx, baseline.OpInstall))
	require.ErrorIs(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "x"), baseline.ErrPending)
	require.NoError(t, d.resetter.Health(ctx))
	require.NoError(t, d.lock.End(ctx, baseline.OpInstall))
	require.NoError(t, d.resetter.Reset(d.as(ctx, "uma"), reset.Settings, "x"), "what she may, she may")
}

// TestStepFails: the device stays on hold and the next start goes on; by presence it
// can be ordered anew.
func TestStepFails(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	ill := errors.New("no answer")
	d.steps[1].Run = func(context.Context, string) (string, error) { return "", ill }
	require.NoError(t, d.reopen(ctx))
	err := d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "sold")
	require.ErrorIs(t, err, reset.ErrInterrupted)
	require.ErrorIs(t, err, ill)
	require.ErrorIs(t, d.resetter.Health(ctx), reset.ErrInterrupted)
	require.ErrorIs(t, d.resetter.Resume(ctx), ill)
	require.Equal(t, []string{baseline.OpReset}, d.lock.Pending())
	_, err = d.resetter.Last(ctx)
	require.ErrorIs(t, err, fs.ErrNotExist)

	d = start(t, m)
	assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
}

// TestRun: the notice comes once, after the start that followed the reset.
func TestRun(t *testing.T) {
	m, d := onMachine(t)
	require.NoError(t, d.resetter.Reset(d.as(t.Context(), "ann"), reset.Settings, "x"))
	d = start(t, m)
	var told []reset.Notice
	fails := errors.New("no room")
	d.opts.Notice = func(_ context.Context, n reset.Notice) error {
		told = append(told, n)
		return fails
	}
	require.NoError(t, d.reopen(t.Context()))
	run := func() {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error)
			go func() { ended <- d.resetter.Run(ctx) }()
			synctest.Wait()
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
		})
	}
	run()
	require.Len(t, told, 1)
	fails = nil
	run()
	run()
	require.Len(t, told, 2, "told again after the error, and then no more")
	require.Equal(t, reset.NoticeDone, told[1].Type)
	require.Contains(t, told[1].Text, "Scope: settings.")
	last, err := d.resetter.Last(t.Context())
	require.NoError(t, err)
	require.True(t, last.Accepted)
}

func TestBadSteps(t *testing.T) {
	ctx := t.Context()
	_, d := onMachine(t)
	ok := func(context.Context, string) (string, error) { return "", nil }
	many := make([]access.Act, access.MaxActs)
	for i := range many {
		many[i] = access.Act{Permission: access.StatusRead, Resource: strings.Repeat("x", i+1)}
	}
	for name, steps := range map[string][]reset.Step{
		"none":       nil,
		"no name":    {{Scopes: []string{"x"}, Run: ok}},
		"no run":     {{Name: "a", Scopes: []string{"x"}}},
		"no scope":   {{Name: "a", Run: ok}},
		"twice":      {{Name: "a", Scopes: []string{"x"}, Run: ok}, {Name: "a", Scopes: []string{"x"}, Run: ok}},
		"bad scope":  {{Name: "a", Scopes: []string{"X y"}, Run: ok}},
		"restart":    {{Name: "a", Scopes: []string{reset.Restart}, Run: ok}},
		"needs much": {{Name: "a", Scopes: []string{"x"}, Needs: many, Run: ok}},
	} {
		d.steps = steps
		require.ErrorIs(t, d.reopen(ctx), fs.ErrInvalid, name)
	}
}

func TestFeatures(t *testing.T) {
	_, d := onMachine(t)
	require.NoError(t, clause.Check(d.resetter.Features()))
}

func fill(m *powercut.Machine) {
	used := 0
	for _, f := range m.Files() {
		used += len(f)
	}
	m.SetCapacity(int64(used))
}

// TestResetOnFullDisk: no byte is free, and the reset runs to its end.
func TestResetOnFullDisk(t *testing.T) {
	ctx := t.Context()
	for name, cow := range map[string]bool{"in place": false, "copy on write": true} {
		t.Run(name, func(t *testing.T) {
			m, d := onMachine(t)
			m.SetCopyOnWrite(cow)
			fill(m)
			require.ErrorIs(t, d.dir.Put(ctx, "cache/3", make([]byte, 64)), durable.ErrFull, "the control")
			require.NoError(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "sold"))
			d = start(t, m)
			assert.True(t, strings.HasPrefix(held(t, d), factory+"last factory"), held(t, d))
		})
	}
}
