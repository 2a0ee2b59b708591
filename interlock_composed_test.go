package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// meeting is one pair of operations on a house.
type meeting struct {
	pending, asked string
}

// houseParts are the parts of the house, by their operations.
var houseParts = map[string]string{
	baseline.OpConfigChange: "config",
	baseline.OpInstall:      "update", baseline.OpActivate: "update", baseline.OpRestart: "update", baseline.OpTrial: "update",
	baseline.OpEraseSubject: "erase", baseline.OpEraseAll: "erase",
	baseline.OpReset: "reset",
}

// meetings are all ordered pairs that the parts really have. That a trial runs is told
// by the boot chain, not asked for: it begins in every cut while a restart is pending.
func meetings() (all []meeting) {
	for _, pending := range operations {
		for _, asked := range operations {
			p, a := houseParts[pending], houseParts[asked]
			if p != "" && a != "" && asked != baseline.OpTrial && (p != a || meets(pending, asked)) {
				all = append(all, meeting{pending, asked})
			}
		}
	}
	return all
}

// meets says which two operations of one part meet. An installation goes through its
// phases alone, and who ordered a reset owns nothing that he could reset again.
func meets(pending, asked string) bool {
	switch houseParts[pending] {
	case "config", "erase":
		return true // the part does the one after the other
	case "update":
		return asked == baseline.OpInstall && (pending == baseline.OpRestart || pending == baseline.OpTrial)
	}
	return false
}

// do does an operation to its end.
func (h *house) do(ctx context.Context, op string) error {
	ann, err := h.ann(ctx), error(nil)
	switch op {
	case baseline.OpConfigChange:
		_, err = h.settings.Apply(ann, []byte(`{"name":"new"}`), "", nil)
	case baseline.OpInstall, baseline.OpActivate, baseline.OpRestart:
		err = h.updater.Install(ann, "")
	case baseline.OpEraseSubject:
		_, err = h.eraser.Erase(ann, "alice")
	case baseline.OpEraseAll:
		_, err = h.eraser.EraseAll(ann, "moving out")
	case baseline.OpReset:
		err = h.resetter.Reset(ann, reset.Factory, "sold")
	}
	return err
}

// places are where an operation stops in its middle, and gates where it stops before it
// asks, when others of its part come before it.
var (
	places = map[string]string{
		baseline.OpConfigChange: atApplier, baseline.OpInstall: atSource, baseline.OpActivate: atArming,
		baseline.OpEraseSubject: atErase, baseline.OpEraseAll: atAll, baseline.OpReset: atReset,
	}
	gates = map[string]string{
		baseline.OpActivate: atGate + string(update.PhaseActivate), baseline.OpRestart: atGate + string(update.PhaseRestart),
	}
)

// upTo does op in a goroutine until it comes to place, and returns what lets it go on
// and waits for its end.
func (h *house) upTo(ctx context.Context, op, place string) (goOn func() error, err error) {
	w, ended := h.stop(place), make(chan error, 1)
	go func() { ended <- h.do(ctx, op) }()
	select {
	case <-w.there:
		return func() error { close(w.gone); return <-ended }, nil
	case err := <-ended:
		return nil, fmt.Errorf("%s did not come to where %s: %w", op, place, err)
	}
}

// begin has op pending, and returns what ends it unless that takes a restart.
func (h *house) begin(ctx context.Context, op string) (goOn func() error, err error) {
	switch op {
	case baseline.OpTrial:
		return nil, nil // it is, since the start
	case baseline.OpRestart:
		return nil, h.do(ctx, op)
	}
	return h.upTo(ctx, op, places[op])
}

// approach brings the house to where op is the next that is asked for.
func (h *house) approach(ctx context.Context, op string) (ask func() error, err error) {
	if gates[op] == "" {
		return func() error { return h.do(ctx, op) }, nil
	}
	return h.upTo(ctx, op, gates[op])
}

// TestInterlock has every operation of a composed device asked for while another one is
// pending, with a power cut before each step from then on: of what is asked, or, if it is
// refused, of what the verdict says to do first and of what is asked then.
func TestInterlock(t *testing.T) {
	l, all := settle(t, ""), meetings()
	next := make(chan meeting, len(all))
	for _, mt := range all {
		next <- mt
	}
	close(next)
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for mt := range next {
				l.meet(t.Context(), mt)
			}
		})
	}
	working.Wait()
	for _, failure := range l.bad[:min(len(l.bad), 10)] {
		t.Error(failure)
	}
	t.Logf("pairs=%d cuts=%d bad=%d", len(all), l.cuts, len(l.bad))
}

// What TestInterlock looks at is not right by chance: it notices a device in which one
// thing is wrong.
func TestInterlockNotices(t *testing.T) {
	for fault, mt := range map[string]meeting{
		faultDeaf:       {baseline.OpReset, baseline.OpConfigChange},
		faultEndless:    {baseline.OpConfigChange, baseline.OpEraseSubject},
		faultNoResume:   {baseline.OpEraseAll, baseline.OpReset},
		faultHalf:       {baseline.OpTrial, baseline.OpEraseSubject},
		faultArmedEarly: {baseline.OpInstall, baseline.OpConfigChange},
	} {
		l := settle(t, fault)
		l.meet(t.Context(), mt)
		assert.NotEmpty(t, l.bad, fault)
	}
}

// settle has a house of the neighbourhood built, with a fault or with none.
func settle(t *testing.T, fault string) *neighbourhood {
	t.Helper()
	ctx, base := t.Context(), powercut.New()
	label, err := buildHouse(ctx, base)
	require.NoError(t, err)
	l := &neighbourhood{label: label, fault: fault, base: atRest(base)}
	h, err := powerOn(ctx, l.base.Clone(), label, "", offering(2))
	require.NoError(t, err)
	require.NoError(t, h.do(ctx, baseline.OpInstall))
	l.trial = atRest(h.m)
	return l
}

// atRest is m once everything has reached the medium.
func atRest(m *powercut.Machine) *powercut.Machine {
	all := m.Survivors()
	return all[len(all)-1].Machine
}

// neighbourhood counts what happened to houses.
type neighbourhood struct {
	label, fault string
	base, trial  *powercut.Machine // in service; and before the start of a release on trial

	mu   sync.Mutex
	cuts int
	bad  []string
}

func (l *neighbourhood) wrong(mt meeting, n int, where string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = append(l.bad, fmt.Sprintf("%s while %s, cut before step %d: %s: %v", mt.asked, mt.pending, n, where, err))
}

// enough says that more failures would say nothing more.
func (l *neighbourhood) enough() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.bad) > 20 || l.fault != "" && len(l.bad) > 0
}

func (l *neighbourhood) count() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cuts++
}

// meet plays one pair until no step is left to cut before.
func (l *neighbourhood) meet(ctx context.Context, mt meeting) {
	for n := 0; !l.enough(); n++ {
		m, v := l.base.Clone(), offering(2)
		if mt.pending == baseline.OpTrial {
			m = l.trial.Clone()
		}
		h, err := powerOn(ctx, m, l.label, l.fault, v)
		if err != nil {
			l.wrong(mt, n, "start", err)
			return
		}
		p := &play{house: h, vendor: v, meeting: mt}
		if err := p.run(ctx, n); err != nil {
			l.wrong(mt, n, "play", err)
		}
		all := m.Survivors()
		for _, i := range distinct(0, len(all)-1, n%len(all)) {
			l.count()
			if err := l.survives(ctx, p, all[i].Machine, !p.lost() && i == 0); err != nil {
				l.wrong(mt, n, all[i].Desc, err)
			}
		}
		if !p.lost() {
			return
		}
	}
}

func distinct(list ...int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}

// survives starts a house after its power came back.
func (l *neighbourhood) survives(ctx context.Context, p *play, m *powercut.Machine, everything bool) error {
	v := offering(2)
	h, err := powerOn(ctx, m, l.label, l.fault, v)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	got, err := h.holds(ctx)
	if legal := p.legal(); err == nil && !slices.Contains(legal, got) {
		err = fmt.Errorf("it holds %+v, legal after %+v is one of %+v", got, p.happens, legal)
	}
	if err != nil {
		return err
	}
	if err := h.lives(ctx, v, everything); err != nil {
		return fmt.Errorf("afterwards: %w", err)
	}
	if !everything { // else it was reset
		return nil
	}
	again, err := powerOn(ctx, m, l.label, l.fault, v)
	return errors.Join(err, again.well(ctx, false))
}
