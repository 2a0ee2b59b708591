package baseline_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/durable"
)

// passes is what goes ahead over an operation that a power cut left, though not over
// one that is going on.
var passes = map[string][]string{
	baseline.OpEraseAll:     {baseline.OpInstall, baseline.OpRestart},
	baseline.OpEraseButSlot: {baseline.OpInstall, baseline.OpRestart},
	baseline.OpReset: {
		baseline.OpInstall, baseline.OpRestart,
		baseline.OpEraseSubject, baseline.OpEraseAll, baseline.OpEraseButSlot,
	},
}

// ended is what is over with the power: what takes a moment, and a try.
var ended = []string{
	baseline.OpConfigChange, baseline.OpConfigStage, baseline.OpConfigStaged, baseline.OpConfigTry, baseline.OpActivate,
}

// left returns an Interlock that finds what a power cut left, and its store.
func left(t *testing.T, operations ...string) (*baseline.Interlock, durable.Store) {
	t.Helper()
	store := memory(t)
	before := openInterlock(t, store)
	for _, op := range operations {
		require.NoError(t, before.Begin(t.Context(), op))
	}
	return openInterlock(t, store), store
}

func TestInterlockTableAfterAPowerCut(t *testing.T) {
	ctx, table := t.Context(), verdicts()
	for _, pending := range operations {
		for _, asked := range operations {
			l, _ := left(t, pending)
			err := l.Begin(ctx, asked)
			want := table[[2]string{asked, pending}]
			switch {
			case slices.Contains(ended, pending):
				require.NoError(t, err, "%s after %s", asked, pending)
				if asked != pending {
					assert.NotContains(t, l.Pending(), pending)
				}
			case slices.Contains(passes[asked], pending):
				require.NoError(t, err, "%s over %s", asked, pending)
				assert.Equal(t, []string{asked}, l.Pending())
			case want == "" || asked == pending:
				require.NoError(t, err, "%s beside %s", asked, pending)
				assert.Contains(t, l.Pending(), pending)
			default:
				var p *baseline.PendingError
				require.ErrorAs(t, err, &p, "%s while %s", asked, pending)
				assert.Equal(t, want, string(p.Verdict))
			}
		}
	}
	t.Logf("pairs=%d", len(operations)*len(operations))
}

// A part that resumes is not asked; who begins the same anew is.
func TestInterlockTellsAResumptionFromARequest(t *testing.T) {
	ctx := t.Context()
	l, _ := left(t, baseline.OpReset, baseline.OpTrial)
	require.ErrorIs(t, l.Begin(ctx, baseline.OpReset), baseline.ErrPending, "a trial is running")
	require.NoError(t, l.Resume(ctx, baseline.OpReset))
	require.ErrorIs(t, l.Resume(ctx, baseline.OpReset), baseline.ErrPending, "resumed already: this is another")
}

// What is requested and ended does not end what is yet to be resumed.
func TestInterlockKeepsWhatIsYetToBeResumed(t *testing.T) {
	ctx := t.Context()
	l, store := left(t, baseline.OpEraseSubject)
	require.NoError(t, l.Begin(ctx, baseline.OpEraseSubject))
	require.NoError(t, l.End(ctx, baseline.OpEraseSubject))
	assert.Equal(t, []string{"erase.subject"}, openInterlock(t, store).Pending())
	require.NoError(t, l.Resume(ctx, baseline.OpEraseSubject))
	require.NoError(t, l.End(ctx, baseline.OpEraseSubject))
	assert.Empty(t, openInterlock(t, store).Pending())
}

// What a reset passed over is asked like any other once its part is up, also when the
// power is cut in the reset: the two never meet.
func TestInterlockAsksWhatAResetPassedOver(t *testing.T) {
	ctx := t.Context()
	l, store := left(t, baseline.OpInstall, baseline.OpEraseSubject)
	require.NoError(t, l.Begin(ctx, baseline.OpReset))
	require.ErrorIs(t, l.Resume(ctx, baseline.OpInstall), baseline.ErrPending)
	l = openInterlock(t, store)
	assert.Equal(t, []string{"reset"}, l.Pending())
	require.ErrorIs(t, l.Resume(ctx, baseline.OpInstall), baseline.ErrPending)
	require.ErrorIs(t, l.Resume(ctx, baseline.OpEraseSubject), baseline.ErrPending)
	require.NoError(t, l.Resume(ctx, baseline.OpReset))
	require.NoError(t, l.End(ctx, baseline.OpReset))
	require.NoError(t, l.Resume(ctx, baseline.OpEraseSubject))
}

// Only what is left is passed over: what its part has resumed or begun is going on.
func TestInterlockPassesOnlyOverWhatIsLeft(t *testing.T) {
	ctx := t.Context()
	for _, again := range []func(*baseline.Interlock) error{
		func(l *baseline.Interlock) error { return l.Resume(ctx, baseline.OpInstall) },
		func(l *baseline.Interlock) error { return l.Begin(ctx, baseline.OpInstall) },
	} {
		l, _ := left(t, baseline.OpInstall)
		require.NoError(t, again(l))
		require.ErrorIs(t, l.Begin(ctx, baseline.OpReset), baseline.ErrPending)
	}
}

// Nobody knows what a damaged record held: whoever resumes is believed, until all are up.
func TestInterlockWithADamagedRecord(t *testing.T) {
	ctx, store := t.Context(), memory(t)
	require.NoError(t, store.Put(ctx, "interlock", []byte("1 {")))
	l := openInterlock(t, store)
	require.NoError(t, l.Begin(ctx, baseline.OpTrial))
	require.NoError(t, l.Resume(ctx, baseline.OpReset))
	require.NoError(t, l.End(ctx, baseline.OpReset))
	_, err := l.Settle(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, l.Resume(ctx, baseline.OpReset), baseline.ErrPending)
}

// A degraded device can be reset, whatever the power cut left (PROTOCOLS 5).
func TestResetWhileDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		l, _ := left(t, baseline.OpInstall, baseline.OpConfigTry, baseline.OpEraseSubject)
		vault := &part{name: "vault", journal: j, recover: errors.New("unplugged")}
		boot := &part{name: "updater", journal: j, recover: errors.New("no boot variables")}
		d := compose(t, baseline.Parts{Protector: protector{vault}, Updater: updater{part: boot}}, &baseline.Options{Interlock: l})
		ctx := start(t, d)
		time.Sleep(time.Hour)
		state, _ := d.State()
		assert.Equal(t, baseline.Degraded, state)
		assert.Equal(t, []string{"erase.subject", "update.install"}, l.Pending(), "still pending")
		require.NoError(t, l.Begin(ctx, baseline.OpReset))
		require.NoError(t, l.End(ctx, baseline.OpReset))
		assert.Empty(t, l.Pending())
	})
}
