package baseline_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

var operations = []string{
	baseline.OpConfigChange, baseline.OpConfigStage, baseline.OpConfigStaged, baseline.OpConfigTry,
	baseline.OpInstall, baseline.OpActivate, baseline.OpRestart, baseline.OpTrial,
	baseline.OpEraseSubject, baseline.OpEraseAll, baseline.OpEraseButSlot, baseline.OpReset, baseline.OpMigrate,
}

// The table of PROTOCOLS 6, written down a second time: asked, pending, verdict.
// What is not listed is allowed.
const rules = `
config.change   | config.try    | refuse
config.change   | update.restart  | staged only
config.change   | DESTROY         | refuse
config.stage    | config.try    | refuse
config.stage    | update.trial    | now only
config.stage    | DESTROY         | refuse
config.try      | SHORT           | finish first
config.try      | update.restart  | staged only
config.try      | update.trial    | now only
config.try      | DESTROY         | refuse
config.staged   | config.try    | refuse
config.staged   | update.restart  | after confirmation
config.staged   | update.trial    | after confirmation
config.staged   | DESTROY         | finish first
update.install    | config.try    | hold back
update.install    | update.restart  | refuse
update.install    | update.trial    | refuse
update.install    | DESTROY         | hold back
update.activate   | SHORT           | finish first
update.activate   | config.try    | hold back
update.activate   | update.restart  | refuse
update.activate   | update.trial    | refuse
update.activate   | DESTROY         | hold back
update.restart    | SHORT           | finish first
update.restart    | config.try    | revert first
update.restart    | update.install  | refuse
update.restart    | update.trial    | refuse
update.restart    | DESTROY         | finish first
erase.subject     | DESTROY         | queue
erase.all         | SHORT           | finish first
erase.all         | config.try    | revert first
erase.all         | update.install  | cancel first
erase.all         | update.restart  | disarm first
erase.all         | update.trial    | all but the slot
erase.all         | DESTROY         | queue
erase.all-but-slot| SHORT           | finish first
erase.all-but-slot| config.try    | revert first
erase.all-but-slot| update.install  | cancel first
erase.all-but-slot| update.restart  | disarm first
erase.all-but-slot| DESTROY         | queue
reset             | SHORT           | finish first
reset             | config.try    | revert first
reset             | update.install  | cancel first
reset             | update.restart  | disarm first
reset             | update.trial    | after confirmation
reset             | DESTROY         | queue
protect.migrate   | SHORT           | finish first
protect.migrate   | config.try    | refuse
protect.migrate   | update.install  | hold back
protect.migrate   | update.restart  | refuse
protect.migrate   | update.trial    | after confirmation
protect.migrate   | DESTROY         | queue
`

func verdicts() map[[2]string]string {
	groups := map[string][]string{
		"DESTROY": {baseline.OpEraseSubject, baseline.OpEraseAll, baseline.OpEraseButSlot, baseline.OpReset, baseline.OpMigrate},
		"SHORT":   {baseline.OpConfigChange, baseline.OpConfigStage, baseline.OpConfigStaged, baseline.OpActivate},
	}
	table := map[[2]string]string{}
	for line := range strings.Lines(rules) {
		f := strings.Split(line, "|")
		if len(f) != 3 {
			continue
		}
		asked, pending, verdict := strings.TrimSpace(f[0]), strings.TrimSpace(f[1]), strings.TrimSpace(f[2])
		for _, p := range append(groups[pending], pending) {
			table[[2]string{asked, p}] = verdict
		}
	}
	return table
}

func openInterlock(t *testing.T, s durable.Store) *baseline.Interlock {
	t.Helper()
	l, err := baseline.OpenInterlock(t.Context(), s)
	require.NoError(t, err)
	return l
}

func TestInterlockTable(t *testing.T) {
	ctx := t.Context()
	table := verdicts()
	for _, pending := range operations {
		for _, asked := range operations {
			l := openInterlock(t, memory(t))
			require.NoError(t, l.Begin(ctx, pending))
			err := l.Begin(ctx, asked)
			want := table[[2]string{asked, pending}]
			if asked == pending || want == "" {
				require.NoError(t, err, "%s while %s", asked, pending)
				continue
			}
			var p *baseline.PendingError
			require.ErrorAs(t, err, &p, "%s while %s", asked, pending)
			require.ErrorIs(t, err, baseline.ErrPending)
			assert.Equal(t, want, string(p.Verdict), "%s while %s", asked, pending)
			require.NoError(t, l.End(ctx, pending))
			require.NoError(t, l.Begin(ctx, asked), "%s after %s", asked, pending)
		}
	}
	t.Logf("pairs=%d", len(operations)*len(operations))
}

func TestInterlockOverARestart(t *testing.T) {
	ctx := t.Context()
	store := memory(t)
	l := openInterlock(t, store)
	for _, op := range []string{baseline.OpConfigChange, baseline.OpInstall, baseline.OpEraseSubject, baseline.OpEraseSubject} {
		require.NoError(t, l.Begin(ctx, op))
	}
	require.NoError(t, l.End(ctx, baseline.OpEraseSubject))
	assert.Equal(t, []string{"config.change", "erase.subject", "update.install"}, l.Pending(), "begun twice, ended once")

	l = openInterlock(t, store)
	assert.Equal(t, []string{"erase.subject", "update.install"}, l.Pending())
	require.ErrorIs(t, l.Begin(ctx, baseline.OpActivate), baseline.ErrPending)
	require.NoError(t, l.Resume(ctx, baseline.OpEraseSubject), "its part resumes it")
	stale, err := l.Settle(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"update.install"}, stale)
	require.NoError(t, l.End(ctx, baseline.OpEraseSubject))
	assert.Empty(t, l.Pending())
	require.NoError(t, l.Begin(ctx, baseline.OpReset))
	assert.Equal(t, []string{"reset"}, openInterlock(t, store).Pending())
}

// brokenStore fails to write while it is told to.
type brokenStore struct {
	durable.Store
	broken *bool
}

func (s brokenStore) Put(ctx context.Context, name string, value []byte) error {
	if *s.broken {
		return durable.ErrFull
	}
	return s.Store.Put(ctx, name, value)
}

func TestInterlockEndCanBeRepeated(t *testing.T) {
	ctx := t.Context()
	broken := false
	l := openInterlock(t, brokenStore{memory(t), &broken})
	require.NoError(t, l.Begin(ctx, baseline.OpReset))
	broken = true
	require.ErrorIs(t, l.End(ctx, baseline.OpReset), durable.ErrFull)
	broken = false
	require.NoError(t, l.End(ctx, baseline.OpReset))
	assert.Empty(t, l.Pending())
	require.NoError(t, l.Begin(ctx, baseline.OpConfigChange))
}

// What is pending may be added to, if nothing else came in its way meanwhile.
func TestInterlockAsksAgain(t *testing.T) {
	ctx := t.Context()
	l := openInterlock(t, memory(t))
	require.NoError(t, l.Begin(ctx, baseline.OpInstall))
	require.NoError(t, l.Begin(ctx, baseline.OpInstall))
	require.NoError(t, l.Begin(ctx, baseline.OpTrial))
	require.ErrorIs(t, l.Begin(ctx, baseline.OpInstall), baseline.ErrPending)
}

// What frees the medium may not wait for space on it.
func TestInterlockOnAFullMedium(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	on := func() *baseline.Interlock {
		d, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		return openInterlock(t, d)
	}
	on()
	used := 0
	for _, content := range m.Files() {
		used += len(content)
	}
	m.SetCapacity(int64(used))
	for _, op := range []string{baseline.OpInstall, baseline.OpTrial, baseline.OpEraseSubject} {
		require.NoError(t, on().Resume(ctx, op))
	}
	l := on()
	for _, op := range l.Pending() {
		require.NoError(t, l.Resume(ctx, op))
		require.NoError(t, l.End(ctx, op))
	}
	assert.Empty(t, on().Pending())
}

// Without space there is no reserve, and Health says so; a Store that knows of none
// need not.
func TestInterlockWithoutReserve(t *testing.T) {
	m, whole := powercut.New(), false
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	require.NoError(t, openInterlock(t, brokenStore{d, &whole}).Health(t.Context()))
	m.SetCapacity(1)
	l := openInterlock(t, d)
	require.ErrorIs(t, l.Health(t.Context()), durable.ErrFull)
	require.ErrorIs(t, l.Begin(t.Context(), baseline.OpReset), durable.ErrFull)
}

func TestInterlockRefusesMistakes(t *testing.T) {
	ctx := t.Context()
	l := openInterlock(t, memory(t))
	require.ErrorIs(t, l.Begin(ctx, "anything"), fs.ErrInvalid)
	require.ErrorIs(t, l.End(ctx, baseline.OpReset), fs.ErrInvalid)
}
