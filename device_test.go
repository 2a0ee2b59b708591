package baseline_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/risk"
)

func parseAssessment(t *testing.T, file string) *risk.Assessment {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	a, err := risk.Parse(data)
	require.NoError(t, err)
	return a
}

func derive(t *testing.T, parts *baseline.Parts) *risk.Statement {
	t.Helper()
	return risk.Derive(assessment(t), parts.Features(), nil)
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	parts := baseline.Parts{Protector: protector{&part{features: feature("vendor.vault", clause.C5_2_5_1_1_A)}}}
	_, err := baseline.New(parts, derive(t, &parts), nil)
	var missing *baseline.MissingError
	require.ErrorAs(t, err, &missing)
	for _, want := range []string{"Accessor", "Configurer", "Eraser"} {
		assert.Contains(t, missing.Parts(), want)
	}
	assert.NotContains(t, missing.Parts(), "Updater")
	for _, m := range missing.Missing {
		assert.NotEmpty(t, m.Drivers.Risks, m.String())
	}
	assert.ErrorContains(t, err, "Eraser for 27402 5.2.4.1.1: risk ")

	withUpdates := parseAssessment(t, "risk/testdata/with-updates.json")
	_, err = baseline.New(parts, risk.Derive(withUpdates, parts.Features(), nil), nil)
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, missing.Parts(), "Updater")
}

func TestNewRefuses(t *testing.T) {
	whole := baseline.Parts{Extra: []baseline.Part{&part{features: answerAll(t)}}}
	statement := derive(t, &whole)
	twice := baseline.Parts{Extra: append(slices.Clone(whole.Extra), &part{features: answerAll(t)})}
	for name, c := range map[string]struct {
		parts baseline.Parts
		want  string
	}{
		"typed nil":       {baseline.Parts{Protector: (*vaultPointer)(nil), Extra: whole.Extra}, "part Protector is a nil *baseline_test.vaultPointer"},
		"nil extra":       {baseline.Parts{Extra: []baseline.Part{nil}}, "part Extra[0] is nil"},
		"claimed twice":   {twice, "vendor.everything"},
		"invalid feature": {baseline.Parts{Extra: []baseline.Part{&part{features: feature("no dots!")}}}, "no dots!"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := baseline.New(c.parts, statement, nil)
			require.ErrorIs(t, err, baseline.ErrPart)
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := baseline.New(whole, nil, nil)
	require.ErrorIs(t, err, baseline.ErrPart)
	d, err := baseline.New(whole, statement, nil)
	require.NoError(t, err)
	assert.Empty(t, d.Drift())
	assert.Len(t, d.Features(), 1)
}

type vaultPointer struct{ protector }

// One value may stand in two fields; its features count once.
func TestOnePartInTwoFields(t *testing.T) {
	both := &struct {
		protector
		eraserOnly
	}{protector: protector{&part{features: answerAll(t), journal: &journal{}}}}
	parts := baseline.Parts{Protector: both, Eraser: both}
	d, err := baseline.New(parts, derive(t, &parts), nil)
	require.NoError(t, err)
	assert.Len(t, d.Features(), 1)
	require.NoError(t, d.Close())
	assert.Equal(t, []string{" closes"}, both.journal.all())
}

type eraserOnly struct{}

func (eraserOnly) Erase(context.Context, string) (string, error) { return "", nil }

func TestDrift(t *testing.T) {
	approved := baseline.Parts{Extra: []baseline.Part{&part{features: answerAll(t), journal: &journal{}}}}
	statement := derive(t, &approved)
	j := &journal{}
	with := func(u *updater) baseline.Parts {
		p := baseline.Parts{Extra: append(slices.Clone(approved.Extra), &part{features: feature("vendor.new", clause.C5_2_8_1_A), journal: j})}
		if u != nil {
			p.Updater = *u
		}
		return p
	}
	d, err := baseline.New(with(nil), statement, &baseline.Options{OnDrift: baseline.DriftRefuse})
	require.NoError(t, err)
	err = d.Run(t.Context())
	require.ErrorIs(t, err, baseline.ErrDrift)
	assert.ErrorContains(t, err, "vendor.new")
	d, err = baseline.New(with(&updater{part: &part{journal: &journal{}}, trial: true}), statement, &baseline.Options{OnDrift: baseline.DriftRefuse})
	require.NoError(t, err)
	require.ErrorIs(t, d.Run(t.Context()), baseline.ErrRolledBack, "a trial is rolled back in any case")

	t.Run("in a trial it rolls back", func(t *testing.T) {
		d, err := baseline.New(with(&updater{part: &part{journal: j}, trial: true}), statement, nil)
		require.NoError(t, err)
		require.ErrorIs(t, d.Run(t.Context()), baseline.ErrRolledBack)
		assert.Equal(t, " recovers", j.all()[0], "the boot chain first")
		assert.Contains(t, j.all()[1], "rolled back: ")
		d, err = baseline.New(with(&updater{part: &part{journal: j}, trial: true, rollback: errors.New("slot")}), statement,
			&baseline.Options{OnDrift: baseline.DriftRefuse})
		require.NoError(t, err)
		require.ErrorIs(t, d.Run(t.Context()), baseline.ErrDrift, "told, and not given up")
	})
	t.Run("otherwise it is nonconforming", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			j := &journal{}
			notices := make(chan notify.Notice, 1)
			parts := with(&updater{part: &part{name: "updater", journal: j}})
			parts.Accessor = guard(t)
			parts.Notifier = notifier{&part{name: "notifier", journal: j}, notices}
			parts.Extra = append(parts.Extra,
				listener{&part{name: "management", journal: j}, []baseline.State{baseline.Operational, baseline.Nonconforming}},
				listener{&part{name: "public", journal: j}, []baseline.State{baseline.Operational}})
			d, err := baseline.New(parts, statement, nil)
			require.NoError(t, err)
			state, reason := d.State()
			assert.Equal(t, baseline.Nonconforming, state)
			assert.Contains(t, reason, "vendor.new")
			require.ErrorContains(t, d.Health(t.Context()), "nonconforming")
			ctx, cancel := context.WithCancel(t.Context())
			go d.Run(ctx)
			synctest.Wait()
			assert.Contains(t, j.all(), "management serves")
			assert.NotContains(t, j.all(), "public serves")
			n := <-notices
			assert.Equal(t, "device.nonconforming", n.Type)
			require.NoError(t, n.Check())
			cancel()
			synctest.Wait()
		})
	})
}

func TestStartAndStopOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		p := func(name string) *part { return &part{name: name, journal: j} }
		parts := baseline.Parts{
			Updater: updater{part: p("updater")}, Protector: protector{p("vault")}, Eraser: eraser{p("eraser")},
			Notifier: notifier{part: p("notifier")},
			Extra: []baseline.Part{
				listener{p("listener"), []baseline.State{baseline.Operational}},
				&part{name: "own", journal: j, features: answerAll(t)},
			},
		}
		d, err := baseline.New(parts, derive(t, &parts), nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		lines := j.all()
		assert.Equal(t, []string{
			"updater recovers", "vault recovers", "eraser recovers", "eraser resumes",
			"notifier recovers", "listener recovers", "own recovers",
		}, lines[:7])
		assert.Greater(t, slices.Index(lines, "listener serves"), slices.Index(lines, "own recovers"))
		cancel()
		require.NoError(t, <-done)
		lines = j.all()
		for _, name := range []string{"updater", "vault", "own"} {
			assert.Less(t, slices.Index(lines, "listener ends"), slices.Index(lines, name+" stops"), "outside first")
		}
		require.NoError(t, d.Close())
		require.NoError(t, d.Close())
		lines = j.all()
		assert.Equal(t, []string{"own closes", "listener closes", "notifier closes", "eraser closes", "vault closes", "updater closes"}, lines[len(lines)-6:])
	})
}

func TestDegradedUntilThePartIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		vault := &part{name: "vault", journal: j, recover: errors.New("TPM does not answer")}
		parts := baseline.Parts{
			Protector: protector{vault},
			Extra: []baseline.Part{
				listener{&part{name: "status", journal: j}, []baseline.State{baseline.Operational, baseline.Degraded}},
				listener{&part{name: "public", journal: j}, []baseline.State{baseline.Operational}},
				&part{name: "own", journal: j, features: answerAll(t)},
			},
		}
		d, err := baseline.New(parts, derive(t, &parts), &baseline.Options{MinRetry: time.Second, MaxRetry: time.Minute})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		synctest.Wait()
		state, reason := d.State()
		assert.Equal(t, baseline.Degraded, state)
		assert.Equal(t, "Protector: TPM does not answer", reason)
		assert.Empty(t, d.Drift(), "what is down is never drift")
		assert.Contains(t, j.all(), "status serves")
		assert.NotContains(t, j.all(), "public serves")
		assert.NotContains(t, j.all(), "vault runs")
		require.ErrorContains(t, d.Health(ctx), "degraded")

		time.Sleep(time.Hour)
		tries := 0
		for _, line := range j.all() {
			if line == "vault recovers" {
				tries++
			}
		}
		assert.Greater(t, tries, 60)
		assert.Less(t, tries, 150, "with growing delays")
		vault.setRecover(nil)
		time.Sleep(2 * time.Minute)
		state, _ = d.State()
		assert.Equal(t, baseline.Operational, state)
		assert.Contains(t, j.all(), "vault runs")
		assert.Contains(t, j.all(), "public serves")
		cancel()
		synctest.Wait()
	})
}

func TestDownAtComposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		whole := baseline.Parts{
			Protector: protector{&part{name: "vault", features: feature("vendor.vault", clause.C5_2_5_1_1_A), journal: j}},
			Extra:     []baseline.Part{&part{name: "own", journal: j, features: answerAll(t)}},
		}
		statement := derive(t, &whole)
		tries := 0
		d, err := baseline.New(baseline.Parts{Extra: whole.Extra}, statement, &baseline.Options{Down: []baseline.Down{{
			Part: "Protector", Features: feature("vendor.vault", clause.C5_2_5_1_1_A), Cause: errors.New("unplugged"),
			Retry: func(context.Context) error {
				if tries++; tries < 4 {
					return errors.New("still unplugged")
				}
				return nil
			},
		}}})
		require.NoError(t, err)
		assert.Empty(t, d.Drift())
		assert.Len(t, d.Features(), 2)
		require.ErrorIs(t, d.Run(t.Context()), baseline.ErrRecompose)
		assert.Equal(t, 4, tries)
		_, err = baseline.New(whole, statement, &baseline.Options{Down: []baseline.Down{{Part: "x"}}})
		require.ErrorIs(t, err, baseline.ErrPart)
	})
}

func TestPartThatStopsEndsTheDevice(t *testing.T) {
	j := &journal{}
	parts := baseline.Parts{Extra: []baseline.Part{&part{name: "own", journal: j, features: answerAll(t), stops: true}}}
	d, err := baseline.New(parts, derive(t, &parts), nil)
	require.NoError(t, err)
	require.EqualError(t, d.Run(t.Context()), "baseline: run: Extra[0]: stopped by itself")
}

func TestHealthNamesThePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts := baseline.Parts{Extra: []baseline.Part{&part{name: "own", journal: &journal{}, features: answerAll(t), health: errors.New("disk wears")}}}
		d, err := baseline.New(parts, derive(t, &parts), nil)
		require.NoError(t, err)
		require.EqualError(t, d.Health(t.Context()), "baseline: health: starting: ")
		ctx := start(t, d)
		synctest.Wait()
		require.EqualError(t, d.Health(ctx), "baseline: health: Extra[0]: disk wears")
	})
}
