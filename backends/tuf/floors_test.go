package tuf_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// seen are real floors that note the names which were raised.
type seen struct {
	*update.FloorStore
	names map[string]bool
}

func (s seen) Raise(ctx context.Context, name string, v uint64) error {
	s.names[name] = true
	return s.FloorStore.Raise(ctx, name, v)
}

// held are the names that still have a floor.
func (s seen) held(t *testing.T) (names []string) {
	for name := range s.names {
		v, err := s.Get(t.Context(), name)
		require.NoError(t, err)
		if v > 0 {
			names = append(names, name)
		}
	}
	return names
}

// floored is a device with floors in a store of its own.
func floored(t *testing.T) (*device, seen) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	s := seen{update.NewFloors(dir), map[string]bool{}}
	d := newDevice(t)
	d.opts.Floors = s
	d.restart()
	return d, s
}

// renew has the next root give new keys to all roles but root.
func (d *device) renew(n int) {
	d.repo.nextRoot(func() {
		for _, role := range []string{"timestamp", "snapshot", "targets"} {
			d.repo.rotate(role, fmt.Sprintf("%s %d", role, n))
		}
	})
	d.repo.next()
}

// TestFloorsDoNotAddUp: the floors of keys that were taken back are dropped, so that
// a long life of rotations does not fill them.
func TestFloorsDoNotAddUp(t *testing.T) {
	d, floors := floored(t)
	const rotations = 200
	for n := range rotations {
		if n%20 == 10 { // a new release of the software builds in the newest root
			d.embedded = d.repo.files[fmt.Sprintf("metadata/%d.root.json", d.repo.root.Signed.Version)]
			d.renew(n + 2)
			d.restart()
		} else {
			d.renew(n + 2)
		}
		require.NoError(t, d.refresh(), n)
		require.Len(t, floors.held(t), 4, n)
	}
	require.Empty(t, d.client.Status().Unfloored)
	require.Len(t, floors.names, 1+3*rotations, "with the first keys no Refresh was made")
	t.Logf("tuf: rotations=%d names=%d held=%d", rotations, len(floors.names), len(floors.held(t)))
}

// TestFloorsLeftBehind: a release that builds in a root beyond the one that the
// device walked to finds the keys that were taken back in between.
func TestFloorsLeftBehind(t *testing.T) {
	d, floors := floored(t)
	d.renew(2)
	require.NoError(t, d.refresh())
	d.renew(3)
	d.embedded = d.repo.files["metadata/3.root.json"]
	d.restart()
	require.NoError(t, d.refresh())
	require.Len(t, floors.held(t), 4)
}

// TestFloorsOfKeysThatCameBack: they are in force, and so have floors.
func TestFloorsOfKeysThatCameBack(t *testing.T) {
	d, floors := floored(t)
	for _, n := range []int{2, 3, 2} {
		d.renew(n)
		require.NoError(t, d.refresh())
		d.restart()
		require.NoError(t, d.refresh())
		require.Len(t, floors.held(t), 4)
	}
	require.Len(t, floors.names, 1+2*3)
}

// TestFloorsStayWhileTheRootIsNotTaken: a root that does not verify drops nothing.
func TestFloorsStayWhileTheRootIsNotTaken(t *testing.T) {
	d, floors := floored(t)
	require.NoError(t, d.refresh())
	before := floors.held(t)
	d.repo.keys["root"] = []string{"thief"}
	d.renew(2)
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	require.ElementsMatch(t, before, floors.held(t))
}

// full are floors with room for few names that cannot forget.
type full struct {
	floors
	room int
}

func (f full) Raise(ctx context.Context, name string, v uint64) error {
	if f.floors[name] == 0 && len(f.floors) >= f.room {
		return fmt.Errorf("a small chip: %w", update.ErrFloorsFull)
	}
	return f.floors.Raise(ctx, name, v)
}

// TestFloorsFull: floors without room do not end updates for good; the status says
// which roles have none.
func TestFloorsFull(t *testing.T) {
	d := newDevice(t)
	d.opts.Floors = full{floors{}, 5}
	d.restart()
	require.NoError(t, d.refresh())
	require.Empty(t, d.client.Status().Unfloored)
	d.renew(2)
	require.NoError(t, d.refresh())
	at(2, 2, 2, 2)(d)
	require.Len(t, d.client.Status().Unfloored, 2)
	d.restart()
	require.NoError(t, d.refresh())
	require.Len(t, d.client.Status().Unfloored, 2, "told again after a restart")
}

// dripping is a body that brings nothing until it is let go.
type dripping chan struct{}

func (d dripping) Read([]byte) (int, error) { <-d; return 0, io.EOF }

// TestStatusWaitsForNobody: while a Refresh hangs on the server, a status page still
// shows what is trusted.
func TestStatusWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		require.NoError(t, d.refresh())
		d.repo.nextRoot(nil)
		d.repo.next()
		body := make(dripping)
		d.mirror.body["metadata/timestamp.json"] = body
		done := make(chan error)
		go func() { done <- d.refresh() }()
		synctest.Wait() // it hangs
		at(1, 1, 1, 1)(d)
		close(body)
		require.Error(t, <-done)
		at(2, 1, 1, 1)(d)
	})
}
