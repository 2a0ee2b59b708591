package tuf_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// unhashed publishes a snapshot that the timestamp lists by its version only.
func unhashed(d *device) {
	d.repo.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(d.repo.snapshot.Signed.Version)
	d.repo.putTimestamp()
}

// TestSnapshot: TUF 5.5.
func TestSnapshot(t *testing.T) {
	run(t, []tc{
		{"newer, of the same targets", func(d *device) {
			d.repo.snapshot.Signed.Version++
			d.repo.timestamp.Signed.Version++
			d.repo.putAll()
		}, nil, "", at(1, 2, 2, 1)},
		{"listed by its version only", func(d *device) { d.repo.next(); unhashed(d) }, nil, "", at(1, 2, 2, 2)},
		{"not signed by its key", func(d *device) { d.repo.keys["snapshot"] = []string{"timestamp 1"}; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"not the bytes that the timestamp lists", func(d *device) {
			d.repo.next()
			d.repo.files["metadata/2.snapshot.json"] = append(d.repo.files["metadata/2.snapshot.json"][:0:0], d.repo.files["metadata/1.snapshot.json"]...)
		}, update.ErrUntrusted, "", nil},
		{"longer than the timestamp lists", func(d *device) {
			d.repo.next()
			d.repo.files["metadata/2.snapshot.json"] = append(d.repo.files["metadata/2.snapshot.json"], ' ')
		}, update.ErrUntrusted, "", nil},
		{"endless", func(d *device) {
			d.repo.next()
			unhashed(d)
			d.mirror.body["metadata/2.snapshot.json"] = d.padded("metadata/2.snapshot.json")
		}, update.ErrUntrusted, "", nil},
		{"another version than the timestamp lists", func(d *device) {
			d.repo.next()
			d.repo.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(3)
			d.repo.putTimestamp()
			d.repo.files["metadata/3.snapshot.json"] = d.repo.files["metadata/2.snapshot.json"]
		}, update.ErrUntrusted, "", nil},
		{"older than the copy, by another timestamp", func(d *device) {
			d.repo.files["metadata/2.snapshot.json"] = d.repo.files["metadata/1.snapshot.json"]
			d.repo.timestamp.Signed.Version++
			d.repo.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(2)
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
		{"drops a role", func(d *device) {
			d.repo.delegate("targets", "sensors", true, "sensors/*")
			d.repo.next()
			require.NoError(t, d.refresh())
			delete(d.repo.targets, "sensors")
			delete(d.repo.snapshot.Signed.Meta, "sensors.json")
			d.repo.next()
		}, update.ErrUntrusted, "", at(1, 2, 2, 2)},
		{"takes targets back", func(d *device) {
			d.repo.next()
			require.NoError(t, d.refresh())
			d.repo.next()
			d.repo.snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(1)
			d.repo.putSnapshot()
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", at(1, 2, 2, 2)},
		{"expired", func(d *device) { d.repo.snapshot.Signed.Expires = start; d.repo.next() }, errExpired, "snapshot", nil},
		{"the same one, expired by now", func(d *device) {
			d.clock.now = start.Add(8 * day)
			d.repo.timestamp.Signed.Version++
			d.repo.timestamp.Signed.Expires = start.Add(9 * day)
			d.repo.putTimestamp()
		}, errExpired, "snapshot", at(1, 1, 1, 1)},
		{"not there", func(d *device) { d.repo.next(); delete(d.repo.files, "metadata/2.snapshot.json") }, update.ErrUnavailable, "", nil},
		{"no JSON", func(d *device) {
			d.repo.next()
			unhashed(d)
			d.repo.files["metadata/2.snapshot.json"] = []byte("{}")
		}, update.ErrUntrusted, "", nil},
		{"another role", func(d *device) {
			d.repo.next()
			unhashed(d)
			d.repo.files["metadata/2.snapshot.json"] = d.repo.files["metadata/timestamp.json"]
		}, update.ErrUntrusted, "", nil},
		{"lists a version 0", func(d *device) {
			d.repo.next()
			d.repo.snapshot.Signed.Meta["targets.json"].Version = 0
			d.repo.putSnapshot()
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
		{"lists no targets", func(d *device) {
			d.repo.next()
			d.repo.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{}
			d.repo.putSnapshot()
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
		{"listed longer than the limit", func(d *device) {
			d.repo.next()
			d.repo.timestamp.Signed.Meta["snapshot.json"].Length = 1 << 40
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
	})
}

// TestListedTooLong: a role that is listed beyond the limit is not even asked for.
func TestListedTooLong(t *testing.T) {
	d := newDevice(t)
	d.repo.timestamp.Signed.Meta["snapshot.json"].Length = 1 << 40
	d.repo.putTimestamp()
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	require.NotContains(t, d.mirror.asked, "metadata/1.snapshot.json")
}

// TestPruned: what the timestamp does not lead to is removed, roots are not.
func TestPruned(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	d.repo.nextRoot(nil)
	d.repo.next()
	require.NoError(t, d.refresh())
	require.Equal(t, []string{"2.root.json", "2.snapshot.json", "2.targets.json", "timestamp.json"}, d.kept())
}

// TestDamagedCopies: whatever is damaged in the Store is fetched again.
func TestDamagedCopies(t *testing.T) {
	d := newDevice(t)
	d.repo.delegate("targets", "sensors", true, "sensors/*")
	d.repo.list("sensors", "sensors/a.bin", "a")
	d.repo.nextRoot(nil)
	d.repo.next()
	require.NoError(t, d.refresh())
	_, err := d.find("sensors/a.bin")
	require.NoError(t, err)
	names := d.kept()
	require.Len(t, names, 5)
	for _, name := range names {
		d.damage(name)
		d.restart()
		require.NoError(t, d.refresh(), name)
		_, err := d.find("sensors/a.bin")
		require.NoError(t, err, name)
		require.Equal(t, names, d.kept())
	}
	d.mirror.fail[""] = errors.New("off")
	d.restart()
	_, err = d.find("sensors/a.bin")
	require.NoError(t, err, "not everything was kept again")
}
