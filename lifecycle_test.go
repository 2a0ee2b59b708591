package baseline_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/notify"
)

// resumer is an eraser whose interrupted erasure fails until it is told otherwise.
type resumer struct {
	eraser
	fails *atomic.Bool
}

func (r resumer) Resume(context.Context) error {
	r.journal.note(r.name + " resumes")
	if r.fails.Load() {
		return errors.New("key store does not answer")
	}
	return nil
}

// compose checks parts against a statement derived from them.
func compose(t *testing.T, parts baseline.Parts, opts *baseline.Options) *baseline.Device {
	t.Helper()
	parts.Extra = append(parts.Extra, &part{name: "own", features: answerAll(t), journal: &journal{}})
	d, err := baseline.New(parts, derive(t, &parts), opts)
	require.NoError(t, err)
	return d
}

// Nothing but what gets the device out of it runs while an erasure is unfinished,
// and an erasure is resumed only with a vault that is up.
func TestInterruptedErasureFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		p := func(name string) *part { return &part{name: name, journal: j} }
		vault, fails := p("vault"), &atomic.Bool{}
		fails.Store(true)
		vault.recover = errors.New("TPM does not answer")
		d := compose(t, baseline.Parts{
			Protector: protector{vault}, Eraser: resumer{eraser{p("eraser")}, fails}, Notifier: notifier{part: p("notifier")},
			Extra: []baseline.Part{
				listener{p("status"), []baseline.State{baseline.Operational, baseline.Degraded}},
				listener{p("public"), []baseline.State{baseline.Operational}}, p("worker"),
			},
		}, nil)
		state, _ := d.State()
		assert.Equal(t, baseline.Starting, state)
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		time.Sleep(time.Hour)
		assert.NotContains(t, j.all(), "eraser resumes", "the vault is down")
		vault.setRecover(nil)
		time.Sleep(time.Hour)
		lines := j.all()
		assert.Contains(t, lines, "eraser resumes")
		assert.Contains(t, lines, "status serves")
		for _, early := range []string{"worker recovers", "worker runs", "notifier runs", "public serves"} {
			assert.NotContains(t, lines, early)
		}
		state, reason := d.State()
		assert.Equal(t, baseline.Degraded, state)
		assert.Contains(t, reason, "key store does not answer")
		fails.Store(false)
		time.Sleep(time.Hour)
		lines = j.all()
		assert.Less(t, slices.Index(lines, "eraser resumes"), slices.Index(lines, "worker recovers"))
		assert.Contains(t, lines, "worker runs")
		assert.Contains(t, lines, "public serves")
		cancel()
		synctest.Wait()
	})
}

// hung never answers.
type hung struct {
	protector
	calls *atomic.Int64
}

func (h hung) Recover(ctx context.Context) error {
	h.calls.Add(1)
	select {}
}

func TestHungPartDegrades(t *testing.T) {
	var calls atomic.Int64
	j := &journal{}
	d := compose(t, baseline.Parts{
		Protector: hung{protector{&part{name: "vault", journal: j}}, &calls},
		Extra:     []baseline.Part{listener{&part{name: "status", journal: j}, []baseline.State{baseline.Degraded}}},
	}, &baseline.Options{StartTimeout: time.Millisecond, MinRetry: time.Millisecond, MaxRetry: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	require.Eventually(t, func() bool { return slices.Contains(j.all(), "status serves") }, time.Minute, time.Millisecond)
	state, reason := d.State()
	assert.Equal(t, baseline.Degraded, state)
	assert.Contains(t, reason, "no answer in time")
	cancel()
	require.ErrorContains(t, <-done, "Protector: stop: no answer in time")
	assert.Equal(t, int64(1), calls.Load(), "not called again while it may still answer")
}

func TestRunOnce(t *testing.T) {
	d := compose(t, baseline.Parts{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, d.Run(ctx))
	require.ErrorIs(t, d.Run(ctx), baseline.ErrRunning)
	closed := compose(t, baseline.Parts{}, nil)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, closed.Run(ctx), baseline.ErrRunning)
}

func TestDownIsChecked(t *testing.T) {
	cause := errors.New("unplugged")
	vault := protector{&part{journal: &journal{}}}
	for name, down := range map[string][]baseline.Down{
		"no cause": {{Part: "Protector"}}, "unknown": {{Part: "vault", Cause: cause}},
		"twice": {{Part: "Eraser", Cause: cause}, {Part: "Eraser", Cause: cause}}, "composed too": {{Part: "Protector", Cause: cause}},
	} {
		parts := baseline.Parts{Protector: vault, Extra: []baseline.Part{&part{features: answerAll(t)}}}
		_, err := baseline.New(parts, derive(t, &parts), &baseline.Options{Down: down})
		require.ErrorIs(t, err, baseline.ErrPart, name)
	}
}

// asker asks the device while it is closed.
type asker struct {
	*part
	device **baseline.Device
}

func (a asker) Close() error {
	(*a.device).State()
	return (*a.device).Health(context.Background())
}

func TestPartsMayAskWhileTheyClose(t *testing.T) {
	var d *baseline.Device
	d = compose(t, baseline.Parts{Extra: []baseline.Part{asker{&part{journal: &journal{}}, &d}}}, nil)
	require.ErrorContains(t, d.Close(), "starting")
}

func TestTypedNilHasNoFeatures(t *testing.T) {
	parts := baseline.Parts{Protector: (*vaultPointer)(nil)}
	assert.Empty(t, parts.Features())
}

// late says at the end what it could not do.
type late struct{ *part }

func (late) Run(ctx context.Context) error {
	<-ctx.Done()
	return errors.New("3 counts not written")
}

func TestWhatPartsSayAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := compose(t, baseline.Parts{Extra: []baseline.Part{late{&part{journal: &journal{}}}}}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		cancel()
		require.ErrorContains(t, <-done, "stop: 3 counts not written")
	})
}

// A composition that lost a part is drift, whatever else is down, and both are told.
func TestNonconformingNamesWhatIsDownToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		vault := &part{name: "vault", features: feature("vendor.vault", clause.C5_2_5_1_1_A), journal: j, recover: errors.New("unplugged")}
		own := &part{name: "own", features: answerAll(t), journal: j}
		approved := baseline.Parts{Extra: []baseline.Part{own}}
		d, err := baseline.New(baseline.Parts{Protector: protector{vault}, Extra: []baseline.Part{own}}, derive(t, &approved), nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		synctest.Wait()
		state, reason := d.State()
		assert.Equal(t, baseline.Nonconforming, state)
		assert.Contains(t, reason, "vendor.vault")
		assert.Contains(t, reason, "unplugged")
		require.ErrorContains(t, d.Health(ctx), "Protector is down: unplugged")
		cancel()
		synctest.Wait()
	})
}

// center keeps what is raised and resolved.
type center struct {
	notifier
	resolved chan string
}

func (c center) Resolve(_ context.Context, typ, _ string) error {
	c.resolved <- typ
	return nil
}

func TestDegradationIsResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		vault := &part{name: "vault", journal: j, recover: errors.New("unplugged")}
		c := center{notifier{&part{name: "notifier", journal: j}, make(chan notify.Notice, 9)}, make(chan string, 9)}
		d := compose(t, baseline.Parts{Accessor: guard(t), Protector: protector{vault}, Notifier: c}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		assert.Equal(t, access.EventDegraded, (<-c.notices).Type)
		vault.setRecover(nil)
		assert.Equal(t, access.EventDegraded, <-c.resolved)
		cancel()
		synctest.Wait()
	})
}
