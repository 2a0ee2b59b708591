package tuf_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// TestTimestamp: TUF 5.4.
func TestTimestamp(t *testing.T) {
	run(t, []tc{
		{"newer", func(d *device) { d.repo.next() }, nil, "", at(1, 2, 2, 2)},
		{"newer, of the same snapshot", func(d *device) { d.repo.timestamp.Signed.Version++; d.repo.putTimestamp() }, nil, "", at(1, 2, 1, 1)},
		{"not signed by its key", func(d *device) { d.repo.keys["timestamp"] = []string{"thief"}; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"signed by another role's key", func(d *device) { d.repo.keys["timestamp"] = []string{"snapshot 1"}; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"changed after it was signed", func(d *device) {
			d.repo.next()
			d.repo.edit("metadata/timestamp.json", `"version":2}`, `"version":3}`)
		}, update.ErrUntrusted, "", nil},
		{"signed by a key that a new root took away", func(d *device) {
			d.repo.nextRoot(func() { d.repo.rotate("timestamp", "timestamp 2") })
			d.repo.keys["timestamp"] = []string{"timestamp 1"}
			d.repo.next()
		}, update.ErrUntrusted, "", at(2, 0, 0, 0)},
		{"threshold of two, one signed", func(d *device) {
			d.repo.nextRoot(func() { d.repo.give("timestamp", "timestamp 2"); d.repo.root.Signed.Roles["timestamp"].Threshold = 2 })
			d.repo.keys["timestamp"] = d.repo.keys["timestamp"][:1]
			d.repo.next()
		}, update.ErrUntrusted, "", at(2, 0, 0, 0)},
		{"threshold of two met", func(d *device) {
			d.repo.nextRoot(func() { d.repo.give("timestamp", "timestamp 2"); d.repo.root.Signed.Roles["timestamp"].Threshold = 2 })
			d.repo.next()
		}, nil, "", at(2, 2, 2, 2)},
		{"version 0", func(d *device) { d.repo.timestamp.Signed.Version = 0; d.repo.putTimestamp() }, update.ErrUntrusted, "", nil},
		{"a version that no count reaches", func(d *device) { d.repo.timestamp.Signed.Version = 1 << 53; d.repo.putTimestamp() }, update.ErrUntrusted, "", nil},
		{"the same version with other content", func(d *device) {
			d.repo.timestamp.Signed.Expires = start.Add(3 * day)
			d.repo.putTimestamp()
		}, nil, "", at(1, 1, 1, 1)},
		{"lists an older snapshot", func(d *device) {
			d.repo.next()
			require.NoError(t, d.refresh())
			d.repo.timestamp.Signed.Version++
			d.repo.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(1)
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", at(1, 2, 2, 2)},
		{"expired", func(d *device) { d.repo.timestamp.Signed.Expires = start.Add(-1); d.repo.next() }, errExpired, "timestamp", nil},
		{"expires at this moment", func(d *device) { d.repo.timestamp.Signed.Expires = start; d.repo.next() }, errExpired, "timestamp", nil},
		{"the same one, expired by now", func(d *device) { d.clock.now = start.Add(2 * day) }, errExpired, "timestamp", at(1, 1, 1, 1)},
		{"an expired copy and a newer one", func(d *device) {
			d.clock.now = start.Add(2 * day)
			d.repo.timestamp.Signed.Expires = start.Add(4 * day)
			d.repo.next()
		}, nil, "", at(1, 2, 2, 2)},
		{"too long", func(d *device) {
			d.repo.timestamp.UnrecognizedFields = map[string]any{"padding": string(make([]byte, 17<<10))}
			d.repo.next()
		}, update.ErrUntrusted, "", nil},
		{"endless", func(d *device) {
			d.repo.next()
			d.mirror.body["metadata/timestamp.json"] = d.padded("metadata/timestamp.json")
		}, update.ErrUntrusted, "", nil},
		{"not there", func(d *device) { delete(d.repo.files, "metadata/timestamp.json") }, update.ErrUnavailable, "", nil},
		{"no JSON", func(d *device) { d.repo.files["metadata/timestamp.json"] = []byte("<html>") }, update.ErrUntrusted, "", nil},
		{"empty", func(d *device) { d.repo.files["metadata/timestamp.json"] = nil }, update.ErrUntrusted, "", nil},
		{"null", func(d *device) { d.repo.files["metadata/timestamp.json"] = []byte("null") }, update.ErrUntrusted, "", nil},
		{"lists no snapshot", func(d *device) {
			d.repo.next()
			d.repo.timestamp.Signed.Meta = map[string]*metadata.MetaFiles{}
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
		{"lists null", func(d *device) {
			d.repo.files["metadata/timestamp.json"] = []byte(`{"signatures":[],"signed":{"_type":"timestamp","spec_version":"1.0","version":2,"expires":"2031-01-01T00:00:00Z","meta":{"snapshot.json":null}}}`)
		}, update.ErrUntrusted, "", nil},
		{"specification 0.9", func(d *device) { d.repo.timestamp.Signed.SpecVersion = "0.9"; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"specification nonsense", func(d *device) { d.repo.timestamp.Signed.SpecVersion = "1.banana"; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"two signatures of one key", func(d *device) {
			d.repo.next()
			id, err := public(t, "timestamp 1").ID()
			require.NoError(t, err)
			d.repo.edit("metadata/timestamp.json", `"signatures":[`, `"signatures":[{"keyid":"`+id+`","sig":"00"},`)
		}, update.ErrUntrusted, "", nil},
		{"fields that are not known yet", func(d *device) {
			d.repo.timestamp.Signed.UnrecognizedFields = map[string]any{"time": "now", "more": []any{nil, 1}}
			d.repo.next()
		}, nil, "", at(1, 2, 2, 2)},
	})
}

// TestRollback: an older timestamp, rightly signed and not expired, is refused.
func TestRollback(t *testing.T) {
	d := newDevice(t)
	d.freeze()
	old := d.mirror.files
	d.repo.next()
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
	d.mirror.files = old
	for _, restart := range []bool{false, true} {
		if restart {
			d.restart()
		}
		require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
		at(1, 2, 2, 2)(d)
	}
}

// TestFastForward: a thief of a key set the version as high as it goes. New keys in a
// new root let the vendor count from below again; those of the other role go on.
func TestFastForward(t *testing.T) {
	const high = 1<<53 - 1
	d := newDevice(t)
	d.repo.timestamp.Signed.Version = high
	d.repo.putTimestamp()
	require.NoError(t, d.refresh())
	d.repo.nextRoot(func() { d.repo.rotate("timestamp", "timestamp 2") })
	d.repo.timestamp.Signed.Version = 3
	d.repo.putTimestamp()
	require.NoError(t, d.refresh())
	at(2, 3, 1, 1)(d)

	d.repo.timestamp.Signed.Version, d.repo.snapshot.Signed.Version = 4, high
	d.repo.putAll()
	require.NoError(t, d.refresh())
	d.repo.nextRoot(func() { d.repo.rotate("snapshot", "snapshot 2") })
	d.repo.timestamp.Signed.Version, d.repo.snapshot.Signed.Version = 5, 2
	d.repo.putAll()
	require.NoError(t, d.refresh())
	at(3, 5, 2, 1)(d)
	d.restart()
	at(3, 5, 2, 1)(d)
}

// TestAhead: a timestamp whose snapshot the server withholds is not rolled back any
// more, while the set before stays good, also over a restart.
func TestAhead(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	d.repo.next()
	d.freeze()
	middle := d.mirror.files
	d.repo.next()
	d.mirror.files = d.repo.files
	d.mirror.fail["metadata/3.snapshot.json"] = errors.New("cut off")
	for range 2 {
		require.ErrorIs(t, d.refresh(), update.ErrUnavailable)
		d.restart()
		at(1, 1, 1, 1)(d)
		_, err := d.find("images/gateway.bin")
		require.NoError(t, err)
	}
	good := d.mirror.files
	d.mirror.files = middle
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted, "version 2 is older than 3")
	d.mirror.files, d.mirror.fail = good, nil
	require.NoError(t, d.refresh())
	at(1, 3, 3, 3)(d)
	require.False(t, slices.Contains(d.kept(), "ahead.json"))
}
