package tuf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// TestTakenKeysOfTargets: a root takes the key of
// targets back, and the server withholds the timestamp that goes with it.
func TestTakenKeysOfTargets(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	_, err := d.find("images/gateway.bin")
	require.NoError(t, err)
	d.repo.nextRoot(func() { d.repo.rotate("targets", "targets 2") })
	d.mirror.fail["metadata/timestamp.json"] = update.ErrUnavailable
	require.ErrorIs(t, d.refresh(), update.ErrUnavailable)
	_, err = d.find("images/gateway.bin")
	require.ErrorIs(t, err, update.ErrUnavailable)
}

// TestFloorOfTheSnapshot: the Store is
// lost, the floors are not, and who has the key of timestamp lists an old snapshot.
func TestFloorOfTheSnapshot(t *testing.T) {
	d := newDevice(t)
	r := d.repo
	was := *r.timestamp.Signed.Meta["snapshot.json"]
	r.snapshot.Signed.Version++
	r.putSnapshot()
	r.timestamp.Signed.Version++
	r.files["metadata/timestamp.json"] = sign(t, r.timestamp, r.keys["timestamp"]...)
	require.NoError(t, d.refresh())
	d.lose(powercut.New().Image())
	r.timestamp.Signed.Version++
	r.timestamp.Signed.Meta["snapshot.json"] = &was
	r.files["metadata/timestamp.json"] = sign(t, r.timestamp, r.keys["timestamp"]...)
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
}
