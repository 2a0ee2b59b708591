package updatetest

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// floors are floors in the cells of a machine, each of which a step changes whole, as
// those of a TPM.
type floors struct {
	m    *powercut.Machine
	flaw floorFlaw
	mu   sync.Mutex
}

// floorFlaw changes what floors do.
type floorFlaw struct {
	get   func(v uint64) uint64
	raise func(f *floors, name string, v uint64) error
}

var _ update.Floors = (*floors)(nil)

func (f *floors) load(name string) uint64 {
	raw := f.m.Load("floors", name)
	if raw == nil {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

func (f *floors) put(name string, v uint64) error {
	return f.m.Store("floors", name, binary.BigEndian.AppendUint64(nil, v))
}

func (f *floors) Get(ctx context.Context, name string) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.load(name)
	if f.flaw.get != nil {
		v = f.flaw.get(v)
	}
	return v, ctx.Err()
}

func (f *floors) Raise(_ context.Context, name string, v uint64) error {
	if f.flaw.raise != nil {
		return f.flaw.raise(f, name, v)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v <= f.load(name) {
		return nil
	}
	return f.put(name, v)
}

func floorsHarness(flaw floorFlaw) FloorsHarness {
	reopen := func(_ testing.TB, f update.Floors) update.Floors {
		m := f.(*floors).m
		m.Drop()
		return &floors{m: m, flaw: flaw}
	}
	return FloorsHarness{
		Open:   func(testing.TB) update.Floors { return &floors{m: powercut.New(), flaw: flaw} },
		Reopen: reopen,
		Interrupt: func(t testing.TB, f update.Floors, n int, act func()) (update.Floors, bool) {
			m := f.(*floors).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, f), cut
		},
	}
}

func TestBrokenFloors(t *testing.T) {
	looked := make(chan struct{})
	var others sync.WaitGroup
	others.Add(15)
	broken := map[string]FloorsHarness{
		"Zero": floorsHarness(floorFlaw{get: func(v uint64) uint64 { return max(v, 1) }}),
		"Raise": floorsHarness(floorFlaw{raise: func(f *floors, name string, v uint64) error { // two steps
			if v <= f.load(name) {
				return nil
			}
			if err := f.put(name, 0); err != nil {
				return err
			}
			return f.put(name, v)
		}}),
		"Concurrent": floorsHarness(floorFlaw{raise: func(f *floors, name string, v uint64) error { // looks, and writes later
			was := f.load(name)
			if v == 1 { // the one that is last to write
				close(looked)
				others.Wait()
				return f.put(name, max(was, v))
			}
			defer others.Done()
			<-looked
			return f.put(name, v)
		}}),
	}
	catch(t, FloorsRules(), floorsHarness(floorFlaw{}), broken)
	lower := floorsHarness(floorFlaw{raise: func(f *floors, name string, v uint64) error { return f.put(name, v) }})
	if FloorsRules()[1].Check(t, lower) == nil {
		t.Error("a floor that goes down was not caught")
	}
}
