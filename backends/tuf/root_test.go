package tuf_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// TestRoot: TUF 5.3, the walk over roots.
func TestRoot(t *testing.T) {
	run(t, []tc{
		{"nothing new", func(d *device) {}, nil, "", at(1, 1, 1, 1)},
		{"next", func(d *device) { d.repo.nextRoot(nil) }, nil, "", at(2, 1, 1, 1)},
		{"three at once", func(d *device) { d.repo.nextRoot(nil); d.repo.nextRoot(nil); d.repo.nextRoot(nil) }, nil, "", at(4, 1, 1, 1)},
		{"key rotated", func(d *device) {
			d.repo.nextRoot(func() { d.repo.rotate("root", "root 2") })
			d.repo.nextRoot(nil)
		}, nil, "", at(3, 1, 1, 1)},
		{"not signed by the keys before", func(d *device) {
			d.repo.root.Signed.Version++
			d.repo.rotate("root", "thief")
			d.repo.putRoot()
		}, update.ErrUntrusted, "", nil},
		{"not signed by its own keys", func(d *device) {
			d.repo.root.Signed.Version++
			d.repo.give("root", "root 2")
			d.repo.root.Signed.Roles["root"].Threshold = 2
			d.repo.keys["root"] = []string{"root 1"}
			d.repo.putRoot()
		}, update.ErrUntrusted, "", nil},
		{"threshold before not met", func(d *device) {
			d.repo.nextRoot(func() { d.repo.give("root", "root 2"); d.repo.root.Signed.Roles["root"].Threshold = 2 })
			d.repo.keys["root"] = d.repo.keys["root"][:1]
			d.repo.nextRoot(func() { d.repo.root.Signed.Roles["root"].Threshold = 1 })
		}, update.ErrUntrusted, "", at(2, 1, 1, 1)},
		{"one key under two ids counts once", func(d *device) {
			d.repo.nextRoot(func() {
				k := *public(t, "root 1")
				d.repo.root.Signed.Keys["beef"] = &k
				d.repo.root.Signed.Roles["root"].KeyIDs = append(d.repo.root.Signed.Roles["root"].KeyIDs, "beef")
				d.repo.root.Signed.Roles["root"].Threshold = 2
			})
		}, update.ErrUntrusted, "", nil},
		{"threshold 0", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.Roles["root"].Threshold = 0 })
		}, update.ErrUntrusted, "", nil},
		{"version skipped", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.Version++ })
			d.repo.files["metadata/2.root.json"] = d.repo.files["metadata/3.root.json"]
		}, update.ErrUntrusted, "", nil},
		{"version repeated", func(d *device) { d.repo.files["metadata/2.root.json"] = d.repo.files["metadata/1.root.json"] }, update.ErrUntrusted, "", nil},
		{"an expired one on the way", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.Expires = start.Add(-day) })
			d.repo.nextRoot(func() { d.repo.root.Signed.Expires = start.Add(day) })
		}, nil, "", at(3, 1, 1, 1)},
		{"the last one expired", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.Expires = start.Add(-time.Second) })
		}, errExpired, "root", at(2, 1, 1, 1)},
		{"expires at this moment", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.Expires = start })
		}, errExpired, "root", at(2, 1, 1, 1)},
		{"another role", func(d *device) { d.repo.files["metadata/2.root.json"] = d.repo.files["metadata/1.targets.json"] }, update.ErrUntrusted, "", nil},
		{"no JSON", func(d *device) { d.repo.files["metadata/2.root.json"] = []byte("{") }, update.ErrUntrusted, "", nil},
		{"a null role", func(d *device) {
			d.repo.nextRoot(nil)
			d.repo.edit("metadata/2.root.json", `"roles":{`, `"roles":{"mirrors":null,`)
		}, update.ErrUntrusted, "", nil},
		{"endless", func(d *device) {
			d.repo.nextRoot(nil)
			d.mirror.body["metadata/2.root.json"] = d.padded("metadata/2.root.json")
		}, update.ErrUntrusted, "", nil},
		{"specification 2", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.SpecVersion = "2.0.0" })
		}, update.ErrUntrusted, "", nil},
		{"specification 1.9", func(d *device) {
			d.repo.nextRoot(func() { d.repo.root.Signed.SpecVersion = "1.9.1" })
		}, nil, "", at(2, 1, 1, 1)},
		{"unknown key beside a known one", func(d *device) {
			d.repo.nextRoot(func() {
				id := unknownKey(d.repo.root.Signed.Keys)
				for _, r := range d.repo.root.Signed.Roles {
					r.KeyIDs = append([]string{id}, r.KeyIDs...)
				}
			})
			d.repo.nextRoot(nil)
			d.repo.next()
		}, nil, "", at(3, 2, 2, 2)},
		{"unknown keys do not lower a threshold", func(d *device) {
			d.repo.nextRoot(func() {
				root := d.repo.root.Signed.Roles["root"]
				root.KeyIDs, root.Threshold = append(root.KeyIDs, unknownKey(d.repo.root.Signed.Keys)), 2
			})
		}, update.ErrUntrusted, "", nil},
		{"key of a wrong length", func(d *device) {
			d.repo.nextRoot(func() {
				root := &d.repo.root.Signed
				root.Keys["short"] = &metadata.Key{Type: "ed25519", Scheme: "ed25519", Value: metadata.KeyVal{PublicKey: "abcd"}}
				root.Roles["root"].KeyIDs = append(root.Roles["root"].KeyIDs, "short")
			})
			d.repo.edit("metadata/2.root.json", `"signatures":[`, `"signatures":[{"keyid":"short","sig":"abcd"},`)
		}, nil, "", at(2, 1, 1, 1)},
		{"unreachable", func(d *device) { d.mirror.fail[""] = errors.New("no route") }, update.ErrUnavailable, "", nil},
		{"a source that begins elsewhere", func(d *device) { d.repo.nextRoot(nil); d.mirror.at = 5 }, update.ErrUnavailable, "", nil},
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat(" ", len(p))), nil }

// TestRootsAreKept: a server that withholds a root which was seen does not bring back
// the keys that it took away.
func TestRootsAreKept(t *testing.T) {
	d := newDevice(t)
	d.freeze()
	old := d.mirror.files
	d.repo.nextRoot(func() { d.repo.rotate("timestamp", "timestamp 2") })
	d.repo.nextRoot(nil)
	d.repo.next()
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
	at(3, 2, 2, 2)(d)

	d.mirror.files = old
	d.restart()
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted, "the old timestamp is signed by a key that is gone")
	at(3, 2, 2, 2)(d)
	require.Subset(t, d.kept(), []string{"2.root.json", "3.root.json"})
}

// TestDamagedRoot: a copy that is damaged is fetched again; a server that withholds it
// then is refused.
func TestDamagedRoot(t *testing.T) {
	d := newDevice(t)
	d.repo.nextRoot(nil)
	d.repo.nextRoot(nil)
	require.NoError(t, d.refresh())
	d.floors["tuf.root"] = 0 // what follows must not depend on it

	d.damage("2.root.json")
	two := d.repo.files["metadata/2.root.json"]
	delete(d.repo.files, "metadata/2.root.json")
	d.restart()
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	d.repo.files["metadata/2.root.json"] = two
	require.NoError(t, d.refresh())
	at(3, 1, 1, 1)(d)
	d.restart()
	at(3, 1, 1, 1)(d)
}

// TestManyRoots: one Refresh walks so many roots; the next goes on.
func TestManyRoots(t *testing.T) {
	d := newDevice(t)
	d.opts.Limits.Rotations = 3
	d.restart()
	for range 5 {
		d.repo.nextRoot(nil)
	}
	require.ErrorIs(t, d.refresh(), update.ErrUnavailable)
	require.NoError(t, d.refresh())
	at(6, 1, 1, 1)(d)
}

// TestEmbeddedRoot: Open refuses a root that does not hold together, and starts from a
// newer one of a newer release.
func TestEmbeddedRoot(t *testing.T) {
	d := newDevice(t)
	require.NoError(t, d.refresh())
	good := d.embedded
	for name, raw := range map[string][]byte{
		"empty": nil, "no JSON": []byte("["), "another role": d.repo.files["metadata/timestamp.json"],
		"changed": []byte(strings.Replace(string(good), `"version":1`, `"version":2`, 1)),
	} {
		d.embedded = raw
		require.ErrorIs(t, d.tryRestart(), update.ErrUntrusted, name)
	}
	d.repo.nextRoot(nil)
	d.repo.nextRoot(nil)
	d.embedded = d.repo.files["metadata/3.root.json"]
	d.restart()
	at(3, 1, 1, 1)(d)
	d.mirror.asked = nil
	require.NoError(t, d.refresh())
	require.False(t, slices.Contains(d.mirror.asked, "metadata/2.root.json"))
}

// TestRootFloor: with the Store lost, root's floor refuses an old chain, and the
// network mends it.
func TestRootFloor(t *testing.T) {
	d := newDevice(t)
	d.freeze()
	old := d.mirror.files
	d.repo.nextRoot(nil)
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
	require.EqualValues(t, 2, d.floors["tuf.root"])

	d.lose(powercut.Image{})
	d.mirror.files = old
	require.ErrorIs(t, d.refresh(), update.ErrUntrusted)
	_, err := d.client.Find(context.Background(), "images/gateway.bin")
	require.ErrorIs(t, err, update.ErrUnavailable)
	d.mirror.files = d.repo.files
	require.NoError(t, d.refresh())
}
