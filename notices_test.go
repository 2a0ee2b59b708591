package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

// choosy is a notifier that fails as told.
type choosy struct {
	notifier
	fail func(notify.Notice) error
}

func (c choosy) Raise(ctx context.Context, n notify.Notice) (string, error) {
	if err := c.fail(n); err != nil {
		return "", err
	}
	return c.notifier.Raise(ctx, n)
}

// noticesOf is a notifier that keeps up to 200 notices, and a log whose events reach it.
func noticesOf() (notifier, *baseline.Events, *slog.Logger) {
	events := baseline.NewEvents(slog.DiscardHandler)
	n := notifier{&part{name: "notifier", journal: &journal{}}, make(chan notify.Notice, 200)}
	return n, events, slog.New(events)
}

func typesOf(n notifier) (types []string) {
	for len(n.notices) > 0 {
		types = append(types, (<-n.notices).Type)
	}
	return types
}

func TestEventsWaitForTheNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, events, log := noticesOf()
		n.recover = errors.New("store full")
		d := compose(t, baseline.Parts{Accessor: guard(t), Notifier: n}, &baseline.Options{Events: events, Log: log})
		log.Error(access.EventTampered)
		start(t, d)
		time.Sleep(time.Hour)
		n.setRecover(nil)
		time.Sleep(time.Hour)
		assert.Contains(t, typesOf(n), access.EventTampered)
		assert.Zero(t, events.Dropped())
	})
}

// While an erasure is unfinished the notifier has opened nothing.
func TestEventsWaitForAnErasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, events, log := noticesOf()
		fails := &atomic.Bool{}
		fails.Store(true)
		d := compose(t, baseline.Parts{
			Accessor: guard(t), Notifier: n, Eraser: resumer{eraser{&part{journal: &journal{}}}, fails},
		}, &baseline.Options{Events: events})
		log.Error(access.EventTampered)
		start(t, d)
		time.Sleep(time.Hour)
		assert.Empty(t, n.notices, "also no notice of the state")
		fails.Store(false)
		time.Sleep(time.Hour)
		assert.Contains(t, typesOf(n), access.EventTampered)
	})
}

// What fails for a time is tried again, in turn with the rest.
func TestFailedNoticeIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, events, log := noticesOf()
		var full atomic.Bool
		full.Store(true)
		c := choosy{n, func(x notify.Notice) error {
			if full.Load() && x.Type == access.EventTampered {
				return notify.ErrFull
			}
			return nil
		}}
		d := compose(t, baseline.Parts{Accessor: guard(t), Notifier: c}, &baseline.Options{Events: events})
		log.Error(access.EventTampered)
		log.Error(access.EventResetDone)
		start(t, d)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{access.EventResetDone}, typesOf(n), "one that fails does not hold up the others")
		full.Store(false)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{access.EventTampered}, typesOf(n))
		assert.Zero(t, events.Dropped())
	})
}

// What can never be raised is given up at once; what always fails, after a day. Both
// are counted.
func TestNoticesThatAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		within time.Duration
	}{
		"denied":  {fmt.Errorf("notify: raise: %w", access.ErrDenied), time.Second},
		"invalid": {&notify.InputError{Path: "/type", Rule: "short"}, time.Second},
		"broken":  {errors.New("broken"), 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, events, log := noticesOf()
				refuses := choosy{n, func(notify.Notice) error { return c.err }}
				d := compose(t, baseline.Parts{Accessor: guard(t), Notifier: refuses}, &baseline.Options{Events: events})
				log.Error(access.EventTampered)
				start(t, d)
				time.Sleep(c.within)
				assert.Equal(t, 1, events.Dropped())
			})
		})
	}
}

// A device that is composed anew raises what the one before could not.
func TestEventsSurviveRecomposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, events, log := noticesOf()
		down := baseline.Down{Part: "Notifier", Cause: errors.New("closed"), Retry: func(context.Context) error { return nil }}
		first := compose(t, baseline.Parts{Accessor: guard(t)}, &baseline.Options{Events: events, Down: []baseline.Down{down}})
		log.Error(access.EventTampered)
		assert.ErrorIs(t, first.Run(t.Context()), baseline.ErrRecompose)
		start(t, compose(t, baseline.Parts{Accessor: guard(t), Notifier: n}, &baseline.Options{Events: events}))
		synctest.Wait()
		assert.Equal(t, []string{access.EventTampered}, typesOf(n))
	})
}

// A state that is not as it should be is told, if need be later.
func TestStateIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, _ := noticesOf()
		var tries atomic.Int64
		c := choosy{n, func(notify.Notice) error {
			if tries.Add(1) < 4 {
				return notify.ErrFull
			}
			return nil
		}}
		start(t, drifted(t, baseline.Parts{Accessor: guard(t), Notifier: c}, &journal{}))
		time.Sleep(time.Hour)
		assert.Equal(t, []string{access.EventNonconforming}, typesOf(n))
		assert.Equal(t, int64(4), tries.Load())
	})
}
