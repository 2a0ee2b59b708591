package tuf_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// TestTargets: TUF 5.6, the top-level role.
func TestTargets(t *testing.T) {
	run(t, []tc{
		{"not signed by its key", func(d *device) { d.repo.keys["targets"] = []string{"snapshot 1"}; d.repo.next() }, update.ErrUntrusted, "", nil},
		{"mix and match: another version than the snapshot lists", func(d *device) {
			d.repo.next()
			d.repo.files["metadata/2.targets.json"] = d.repo.files["metadata/1.targets.json"]
		}, update.ErrUntrusted, "", nil},
		{"not the bytes that the snapshot lists", func(d *device) {
			d.repo.next()
			d.repo.snapshot.Signed.Meta["targets.json"].Hashes = metadata.Hashes{"sha256": make([]byte, 32)}
			d.repo.putSnapshot()
			d.repo.putTimestamp()
		}, update.ErrUntrusted, "", nil},
		{"expired", func(d *device) { d.repo.targets["targets"].Signed.Expires = start; d.repo.next() }, errExpired, "targets", nil},
		{"not there", func(d *device) { d.repo.next(); delete(d.repo.files, "metadata/2.targets.json") }, update.ErrUnavailable, "", nil},
		{"a target that is null", func(d *device) {
			d.repo.next()
			d.repo.edit("metadata/2.targets.json", `"targets":{`, `"targets":{"x":null,`)
		}, update.ErrUntrusted, "", nil},
		{"a target of negative length", func(d *device) {
			d.repo.targets["targets"].Signed.Targets["images/gateway.bin"].Length = -1
			d.repo.next()
		}, update.ErrUntrusted, "", nil},
		{"a target without hashes", func(d *device) {
			d.repo.targets["targets"].Signed.Targets["images/gateway.bin"].Hashes = metadata.Hashes{}
			d.repo.next()
		}, update.ErrUntrusted, "", nil},
		{"delegates to a top-level role", func(d *device) { d.repo.delegate("targets", "snapshot", true, "*"); d.repo.next() }, update.ErrUntrusted, "", nil},
		{"delegates twice to one name", func(d *device) {
			d.repo.delegate("targets", "a", true, "a")
			d.repo.delegate("targets", "a", true, "b")
			d.repo.next()
		}, update.ErrUntrusted, "", nil},
	})
}

// TestFindTarget: what a Source is asked for, and what the bytes must be.
func TestFindTarget(t *testing.T) {
	d := newDevice(t)
	_, err := d.find("images/gateway.bin")
	require.ErrorIs(t, err, update.ErrUnavailable)
	require.NoError(t, d.refresh())
	got, err := d.find("images/gateway.bin")
	require.NoError(t, err)
	sum := sha256.Sum256([]byte("one"))
	require.Equal(t, update.Target{
		Path: "images/gateway.bin", Name: "targets/images/" + hex.EncodeToString(sum[:]) + ".gateway.bin", Length: 3, Digest: sum,
	}, got)
	for _, path := range []string{"images/other.bin", "", ".", "/images/gateway.bin", "../images/gateway.bin", "images//gateway.bin", "\x00\n"} {
		_, err := d.find(path)
		require.ErrorIs(t, err, update.ErrNotOffered, path)
	}
	d.repo.targets["targets"].Signed.Targets["images/gateway.bin"].Hashes = metadata.Hashes{"sha512": make([]byte, 64)}
	d.repo.next()
	require.NoError(t, d.refresh())
	_, err = d.find("images/gateway.bin")
	require.ErrorIs(t, err, update.ErrUntrusted)
}

// TestInconsistent: a repository without consistent snapshots has plain names.
func TestInconsistent(t *testing.T) {
	d := newDevice(t)
	d.repo.nextRoot(func() { d.repo.root.Signed.ConsistentSnapshot = false })
	d.repo.next()
	require.NoError(t, d.refresh())
	at(2, 2, 2, 2)(d)
	got, err := d.find("images/gateway.bin")
	require.NoError(t, err)
	require.Equal(t, "targets/images/gateway.bin", got.Name)
	require.Contains(t, d.mirror.asked, "metadata/snapshot.json")
}
