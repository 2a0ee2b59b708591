package tuf_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// TestOffline: without a network what was verified is good until it expires.
func TestOffline(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	d.mirror.fail[""] = errors.New("off")
	d.restart()
	require.ErrorIs(t, d.refresh(), update.ErrUnavailable)
	_, err := d.find("images/gateway.bin")
	require.NoError(t, err)
	require.Equal(t, start.Add(day), d.client.Status().Expires)

	d.clock.now, d.clock.quality = start.Add(day), durable.Set
	_, err = d.find("images/gateway.bin")
	var e *tuf.ExpiredError
	require.ErrorAs(t, err, &e)
	require.Equal(t, tuf.ExpiredError{Role: "timestamp", Expires: start.Add(day), Now: start.Add(day), Quality: durable.Set}, *e)
	require.EqualError(t, err, "tuf: timestamp: expired 2030-03-02T12:00:00Z; it is 2030-03-02T12:00:00Z (set)")
}

// TestLowerBound: a clock that starts in 1970 refuses what is surely expired, and the
// status says how little that is.
func TestLowerBound(t *testing.T) {
	d := newDevice(t)
	d.clock.now, d.clock.quality = time.Unix(0, 0), durable.LowerBound
	require.NoError(t, d.refresh())
	require.Equal(t, durable.LowerBound, d.client.Status().Quality)
	d.clock.now = start.Add(day + 1)
	_, err := d.find("images/gateway.bin")
	require.ErrorIs(t, err, update.ErrUntrusted)
}

// TestClockSetBack: a clock that was wrong by years locks nothing once it is right.
func TestClockSetBack(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	d.clock.now = start.AddDate(70, 0, 0)
	d.repo.next()
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	d.clock.now = start
	require.NoError(t, d.refresh())
	at(1, 2, 2, 2)(d)
}

// TestFloors: with the Store lost or put back, the floors refuse what is older.
func TestFloors(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	img := d.machine.Image()
	d.freeze()
	old := d.mirror.files
	d.repo.next()
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
	require.Len(t, d.floors, 4)

	for name, img := range map[string]powercut.Image{"lost": {}, "put back": img} {
		d.mirror.files = old
		d.lose(img)
		require.ErrorIs(t, d.refresh(), update.ErrUntrusted, name)
		_, err := d.find("images/gateway.bin")
		require.ErrorIs(t, err, update.ErrUnavailable, name)
		d.mirror.files = d.repo.files
		require.NoError(t, d.refresh(), name)
		at(1, 2, 2, 2)(d)
	}
}

// TestTimestampFloor: each role has a floor of its own.
func TestTimestampFloor(t *testing.T) {
	d := newDevice(t)
	d.freeze()
	old := d.mirror.files
	d.repo.timestamp.Signed.Version++
	d.repo.putTimestamp()
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
	d.lose(powercut.Image{})
	d.mirror.files = old
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	for name := range d.floors {
		if strings.HasPrefix(name, "tuf.targets.") {
			d.floors[name] = 2
		}
	}
	d.mirror.files = d.repo.files
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
}

// TestNoFloors: the options may leave them out.
func TestNoFloors(t *testing.T) {
	d := newDevice(t)
	d.opts = tuf.Options{Clock: d.clock}
	d.restart()
	require.NoError(t, d.refresh())
	at(1, 1, 1, 1)(d)
}

type brokenFloors struct{}

func (brokenFloors) Get(context.Context, string) (uint64, error) { return 0, io.ErrUnexpectedEOF }
func (brokenFloors) Raise(context.Context, string, uint64) error { return io.ErrUnexpectedEOF }

// TestBrokenFloors: floors that do not answer are not taken for 0.
func TestBrokenFloors(t *testing.T) {
	d := newDevice(t)
	d.opts.Floors = brokenFloors{}
	d.restart()
	require.ErrorContains(t, d.refresh(), "floor")
	_, err := d.find("images/gateway.bin")
	require.Error(t, err)
}

// TestWear: a Refresh without news writes nothing.
func TestWear(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	steps := d.machine.Steps()
	for range 3 {
		require.NoError(t, d.refresh())
	}
	require.Equal(t, steps, d.machine.Steps())
	d.repo.timestamp.Signed.Version++
	d.repo.putTimestamp()
	puts := d.dir.Stats().Puts
	require.NoError(t, d.refresh())
	t.Logf("writes=%d for a new timestamp, 0 without news", d.dir.Stats().Puts-puts)
	require.Equal(t, puts+1, d.dir.Stats().Puts)
}

// TestEndsWithContext: a Refresh ends when its caller does.
func TestEndsWithContext(t *testing.T) {
	d := newDevice(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := d.client.Refresh(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// silent is a Source whose files never come.
type silent struct{}

func (silent) Open(ctx context.Context, _ string, _, _ int64) (io.ReadCloser, int64, error) {
	return io.NopCloser(stuck{ctx}), 0, nil
}

type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// TestTimeout: a server that accepts and says nothing costs one time-out.
func TestTimeout(t *testing.T) {
	d := newDevice(t)
	synctest.Test(t, func(t *testing.T) {
		c, err := tuf.Open(t.Context(), d.dir, silent{}, d.embedded, &d.opts)
		require.NoError(t, err)
		began := time.Now()
		require.ErrorIs(t, c.Refresh(t.Context()), update.ErrUnavailable)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// TestOptions: what cannot be is refused.
func TestOptions(t *testing.T) {
	d := newDevice(t)
	for _, o := range []tuf.Options{{Timeout: -1}, {Limits: tuf.Limits{Root: -1}}, {Limits: tuf.Limits{Targets: 2 << 20}}, {Limits: tuf.Limits{Rotations: -1}}} {
		_, err := tuf.Open(t.Context(), d.dir, d.mirror, d.embedded, &o)
		require.ErrorContains(t, err, "tuf: options")
	}
	_, err := tuf.Open(t.Context(), nil, d.mirror, d.embedded, nil)
	require.Error(t, err)
	_, err = tuf.Open(t.Context(), d.dir, nil, d.embedded, nil)
	require.Error(t, err)
}
