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
	"github.com/iot-device-baseline/baseline/protect"
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
	assert.Contains(t, d.log.String(), access.EventResetDone)
	assert.Contains(t, d.log.String(), "level=ERROR+4", "LevelAudit")

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

type here struct{}

func (here) Prove(context.Context, []byte) error { return nil }

// TestForgedJournal: whatever is written to the medium with a right checksum, nothing
// is reset; the worst is a device that waits.
func TestForgedJournal(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	text := held(t, d)

	// A journal in plain, as a release without vault might read it.
	journal := `1 {"pending":{"mandate":{"acts":[{"permission":"reset.request","resource":"factory"}]},"done":[]}}`
	for _, name := range []string{"reset", "floor/reset", "mandates/00112233445566778899aabbccddeeff"} {
		require.NoError(t, d.dir.Put(ctx, name, []byte(journal)))
	}
	d = start(t, m)
	require.Equal(t, text, held(t, d))

	// The mark of a hold: the device waits, and a person who may orders a reset.
	_, err := d.dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	d, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, reset.ErrOrphan)
	require.ErrorIs(t, d.resetter.Health(ctx), reset.ErrOrphan)
	require.NoError(t, d.dir.Held().Release(ctx))
	d = start(t, m)
	require.Equal(t, text, held(t, d), "nothing was reset")

	// Every file of the vault exchanged for one with the right checksum.
	names, err := d.dir.List(ctx, "vault/")
	require.NoError(t, err)
	image := m.Image()
	for _, name := range names {
		m.Restore(image)
		dir := fsDir(t, m)
		require.NoError(t, dir.Put(ctx, name, []byte(journal)))
		d, err := open(ctx, dir)
		if err != nil {
			continue // refused
		}
		got, err := d.holds(ctx)
		if err == nil {
			require.Contains(t, got, "subjects 1")
			require.NotContains(t, got, "last")
		}
	}
}

// TestJournalWithoutOrder: also in the floor compartment a journal is obeyed only with
// a mandate that the guard made under this ownership, for this plan.
func TestJournalWithoutOrder(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	mandate, err := d.guard.NewMandate(d.as(ctx, "ann"), access.MandateRequest{
		Acts: []access.Act{{Permission: access.ResetRequest, Resource: reset.Factory}, reset.Disown()}, Reason: "x", Plan: []byte("another plan"),
	})
	require.NoError(t, err)
	type order struct {
		Mandate access.Mandate `json:"mandate"`
		Done    []struct{}     `json:"done"`
	}
	type record struct {
		Pending *order `json:"pending"`
	}
	require.NoError(t, d.floor.Put(ctx, "reset", []byte(`1 {"pending":{"mandate":{"acts":[{"permission":"reset.request","resource":"factory"}]},"done":[]}}`)))
	_, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, durable.ErrCorrupt)
	forged := durable.NewValue[record](d.floor, "reset", nil)
	foreign := mandate
	foreign.Ownership = strings.Repeat("0", 32)
	erasing := mandate
	erasing.Acts = []access.Act{{Permission: access.EraseAll}}
	for name, mandate := range map[string]access.Mandate{"another plan": mandate, "another ownership": foreign, "no reset": erasing} {
		require.NoError(t, forged.Store(ctx, record{&order{mandate, []struct{}{}}}))
		d, err := open(ctx, fsDir(t, m))
		require.Error(t, err, name)
		require.Equal(t, 1, d.vault.Report(ctx).Subjects, name)
		require.NotEmpty(t, d.guard.Ownership(), name)
	}
}

// TestOrphanByPresence: who stands at the device heals it.
func TestOrphanByPresence(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	_, err := d.dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	d, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, reset.ErrOrphan)
	e, err := d.guard.ProvePresence(ctx, here{})
	require.NoError(t, err)
	require.NoError(t, d.resetter.Reset(access.WithEntity(ctx, e), reset.Factory, "stuck"))
	d = start(t, m)
	assert.True(t, strings.HasPrefix(held(t, d), factory), held(t, d))
}

// TestOldOrderIsDropped: what one owner ordered and nothing came of, another does not
// suffer.
func TestOldOrderIsDropped(t *testing.T) {
	ctx := t.Context()
	m, _ := onMachine(t)
	for n := 0; ; n++ {
		c := m.Clone()
		d := start(t, c)
		c.Cut(n)
		require.Error(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "sold"), "cut")
		c.Drop()
		d, err := early(ctx, fsDir(t, c), protect.Open)
		require.NoError(t, err)
		if errors.Is(d.resetter.Health(ctx), reset.ErrInterrupted) { // ordered, not begun
			m = c
			break
		}
	}
	d, err := early(ctx, fsDir(t, m), protect.Open)
	require.NoError(t, err)
	require.Nil(t, d.dir.Held(), "nothing was destroyed")
	require.NoError(t, d.late(ctx))
	require.NoError(t, d.guard.EndOwnership(d.as(ctx, "ann")))
	require.NoError(t, d.commission(ctx))
	d = start(t, m)
	assert.Contains(t, held(t, d), "subjects 1; cache 1")
	require.NoError(t, d.resetter.Health(ctx))
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
