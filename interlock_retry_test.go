package baseline_test

import (
	"slices"
	"testing"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func lockOn(t *testing.T, m *powercut.Machine) *baseline.Interlock {
	d, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := baseline.OpenInterlock(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestInterlockBeginAfterAFailedEnd: what a failed End left unknown, the next Begin
// writes, though it finds its operation pending.
func TestInterlockBeginAfterAFailedEnd(t *testing.T) {
	ctx := t.Context()
	for i := range 8 {
		m := powercut.New()
		l := lockOn(t, m)
		if err := l.Begin(ctx, baseline.OpEraseSubject); err != nil {
			t.Fatal(err)
		}
		m.Fail(i, powercut.Fail)
		err := l.End(ctx, baseline.OpEraseSubject)
		m.Fail(0, powercut.NoFault)
		if err == nil {
			continue
		}
		if !slices.Contains(l.Pending(), baseline.OpEraseSubject) {
			t.Fatal("not pending any more after a failed End")
		}
		if err := l.Begin(ctx, baseline.OpEraseSubject); err != nil {
			continue
		}
		for _, s := range m.Survivors() {
			if p := lockOn(t, s.Machine).Pending(); !slices.Contains(p, baseline.OpEraseSubject) {
				t.Errorf("End failed at step %d (%v), Begin gave nil; after a cut pending is %v (%s)", i, err, p, s.Desc)
			}
		}
	}
}
