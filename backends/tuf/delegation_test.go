package tuf_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/update"
)

// dc is one case of delegations: a repo, and what is found of "sensors/a.bin".
type dc struct {
	name  string
	build func(r *repo)
	want  error
	found string // the content
}

// TestDelegations: TUF 5.6.7.
func TestDelegations(t *testing.T) {
	for _, c := range []dc{
		{"found", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.list("a", "sensors/a.bin", "by a")
		}, nil, "by a"},
		{"the delegator goes first", func(r *repo) {
			r.list("targets", "sensors/a.bin", "by targets")
			r.delegate("targets", "a", false, "sensors/*")
			r.list("a", "sensors/a.bin", "by a")
		}, nil, "by targets"},
		{"the first delegation goes first", func(r *repo) {
			r.delegate("targets", "b", false, "sensors/*")
			r.delegate("targets", "a", false, "sensors/*")
			r.list("a", "sensors/a.bin", "by a")
			r.list("b", "sensors/a.bin", "by b")
		}, nil, "by b"},
		{"depth goes first", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.delegate("a", "a1", false, "sensors/*")
			r.delegate("targets", "b", false, "sensors/*")
			r.list("a1", "sensors/a.bin", "by a1")
			r.list("b", "sensors/a.bin", "by b")
		}, nil, "by a1"},
		{"the second, when the first has none", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.delegate("targets", "b", false, "sensors/*")
			r.list("b", "sensors/a.bin", "by b")
		}, nil, "by b"},
		{"terminating", func(r *repo) {
			r.delegate("targets", "a", true, "sensors/*")
			r.delegate("targets", "b", false, "sensors/*")
			r.list("b", "sensors/a.bin", "by b")
		}, update.ErrNotOffered, ""},
		{"terminating deeper down ends all of the search", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.delegate("a", "a1", true, "sensors/*")
			r.delegate("targets", "b", false, "sensors/*")
			r.list("b", "sensors/a.bin", "by b")
		}, update.ErrNotOffered, ""},
		{"terminating for another path", func(r *repo) {
			r.delegate("targets", "a", true, "images/*")
			r.delegate("targets", "b", false, "sensors/*")
			r.list("b", "sensors/a.bin", "by b")
		}, nil, "by b"},
		{"not responsible", func(r *repo) {
			r.delegate("targets", "a", false, "images/*")
			r.list("a", "sensors/a.bin", "by a")
		}, update.ErrNotOffered, ""},
		{"a star ends at a slash", func(r *repo) {
			r.delegate("targets", "a", false, "*")
			r.list("a", "sensors/a.bin", "by a")
		}, update.ErrNotOffered, ""},
		{"a broken role that is not responsible", func(r *repo) {
			r.delegate("targets", "a", false, "images/*")
			r.keys["a"] = []string{"thief"}
			r.list("targets", "sensors/a.bin", "by targets")
		}, nil, "by targets"},
		{"not signed by its key", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.keys["a"] = []string{"targets 1"}
			r.list("a", "sensors/a.bin", "by a")
		}, update.ErrUntrusted, ""},
		{"unknown key beside a known one", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			d := r.targets["targets"].Signed.Delegations
			d.Roles[0].KeyIDs = append([]string{unknownKey(d.Keys)}, d.Roles[0].KeyIDs...)
			r.list("a", "sensors/a.bin", "by a")
		}, nil, "by a"},
		{"a name that means something in paths and URLs", func(r *repo) {
			r.delegate("targets", "../a b?#%2f", false, "sensors/*")
			r.list("../a b?#%2f", "sensors/a.bin", "by a")
		}, nil, "by a"},
		{"a circle ends", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			r.delegate("a", "b", false, "sensors/*")
			r.delegate("b", "a", false, "sensors/*")
		}, update.ErrNotOffered, ""},
		{"two delegators of one role", func(r *repo) {
			diamond(r)
			r.list("shared", "sensors/a.bin", "by shared")
		}, nil, "by shared"},
		{"the other delegator has other keys", func(r *repo) {
			diamond(r)
			d := r.targets["b"].Signed.Delegations
			d.Roles[0].KeyIDs = nil
			require.NoError(r.t, r.targets["b"].Signed.AddKey(public(r.t, "another"), "shared"))
			r.list("shared", "sensors/a.bin", "by shared")
		}, update.ErrUntrusted, ""},
		{"prefixes of hashes are hex", func(r *repo) {
			sum := sha256.Sum256([]byte("sensors/a.bin"))
			r.delegate("targets", "a", false)
			r.targets["targets"].Signed.Delegations.Roles[0].PathHashPrefixes = []string{hex.EncodeToString(sum[:1])}
			r.list("a", "sensors/a.bin", "by a")
		}, nil, "by a"},
		{"another prefix", func(r *repo) {
			sum := sha256.Sum256([]byte("sensors/other.bin"))
			r.delegate("targets", "a", false)
			r.targets["targets"].Signed.Delegations.Roles[0].PathHashPrefixes = []string{hex.EncodeToString(sum[:4])}
			r.list("a", "sensors/a.bin", "by a")
		}, update.ErrNotOffered, ""},
		{"bins (TAP 15)", func(r *repo) { bins(r, "bin key") }, nil, "by its bin"},
		{"bins signed by another key", func(r *repo) { bins(r, "thief") }, update.ErrUntrusted, ""},
		{"more roles than one search looks into", func(r *repo) {
			from := "targets"
			for i := range 40 {
				role := fmt.Sprint("level ", i)
				r.delegate(from, role, false, "sensors/*")
				from = role
			}
			r.list(from, "sensors/a.bin", "by the last")
		}, update.ErrNotOffered, ""},
		{"listed by no snapshot", func(r *repo) {
			r.delegate("targets", "a", false, "sensors/*")
			delete(r.targets, "a")
		}, update.ErrUntrusted, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t)
			c.build(d.repo)
			d.repo.next()
			require.NoError(t, d.refresh())
			for range 2 { // from the network, and after a restart from the Store
				got, err := d.find("sensors/a.bin")
				require.ErrorIs(t, err, c.want)
				if c.want == nil {
					require.EqualValues(t, sha256.Sum256([]byte(c.found)), got.Digest)
				}
				d.restart()
			}
		})
	}
}

// diamond has "shared" visited by way of b first, then by way of c for another path.
func diamond(r *repo) {
	r.delegate("targets", "c", false, "images/*")
	r.delegate("targets", "b", false, "sensors/*")
	r.delegate("b", "shared", false, "sensors/*")
	r.delegate("c", "shared", false, "images/*")
}

func bins(r *repo, signer string) {
	const path = "sensors/a.bin"
	sum := sha256.Sum256([]byte(path))
	bin := fmt.Sprintf("bin-%x", sum[0]>>4)
	signed := &r.targets["targets"].Signed
	signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{}, SuccinctRoles: &metadata.SuccinctRoles{KeyIDs: []string{}, Threshold: 1, BitLength: 4, NamePrefix: "bin"},
	}
	require.NoError(r.t, signed.AddKey(public(r.t, "bin key"), ""))
	r.targets[bin], r.keys[bin] = metadata.Targets(start.Add(day)), []string{signer}
	r.list(bin, path, "by its bin")
}

// TestAnotherDelegator: a role that one delegator vouched for is not taken on the word
// of another.
func TestAnotherDelegator(t *testing.T) {
	d := newDevice(t)
	diamond(d.repo)
	d.repo.targets["c"].Signed.Delegations.Roles[0].KeyIDs = nil
	require.NoError(t, d.repo.targets["c"].Signed.AddKey(public(t, "another"), "shared"))
	d.repo.list("shared", "sensors/a.bin", "a")
	d.repo.list("shared", "images/b.bin", "b")
	d.repo.next()
	require.NoError(t, d.refresh())
	_, err := d.find("sensors/a.bin")
	require.NoError(t, err)
	_, err = d.find("images/b.bin")
	require.ErrorIs(t, err, update.ErrUntrusted)
	_, err = d.find("sensors/a.bin")
	require.NoError(t, err)
}

// forge has the mirror serve, in place of a role, one of the same version that lists
// path and is signed by other keys.
func (r *repo) forge(role, path, content string, signers ...string) {
	kept := r.targets[role]
	r.targets[role] = metadata.Targets(start.Add(30 * day))
	r.targets[role].Signed.Version = kept.Signed.Version
	r.list(role, path, content)
	r.files[r.versioned(role, kept.Signed.Version)] = sign(r.t, r.targets[role], signers...)
	r.targets[role] = kept
}

// TestKeysOfAnotherDelegator: b may delegate to a role that is called as one of c's,
// with a key of its own, and own the mirror: it signs nothing that c's does.
func TestKeysOfAnotherDelegator(t *testing.T) {
	d := newDevice(t)
	diamond(d.repo)
	d.repo.targets["b"].Signed.Delegations.Roles[0].KeyIDs = nil
	require.NoError(t, d.repo.targets["b"].Signed.AddKey(public(t, "thief"), "shared"))
	d.repo.list("shared", "images/b.bin", "genuine")
	d.repo.next()
	require.NoError(t, d.refresh())
	genuine := func() {
		got, err := d.find("images/b.bin")
		require.NoError(t, err)
		require.EqualValues(t, sha256.Sum256([]byte("genuine")), got.Digest)
	}
	genuine()
	d.repo.forge("shared", "images/b.bin", "forged by b", "thief")
	for range 2 {
		_, err := d.find("sensors/x.bin") // loads the forged role below b
		require.ErrorIs(t, err, update.ErrNotOffered)
		genuine()
		d.restart() // from the Store, either copy for its delegator
	}
	d.mirror.asked = nil
	genuine()
	require.Empty(t, d.mirror.asked)
}

// TestKeysOfAnotherDelegatorDeeper: a role of two delegators has other bytes for each;
// what these delegate to in turn is not mixed either.
func TestKeysOfAnotherDelegatorDeeper(t *testing.T) {
	d := newDevice(t)
	diamond(d.repo)
	d.repo.targets["b"].Signed.Delegations.Roles[0].KeyIDs = nil
	require.NoError(t, d.repo.targets["b"].Signed.AddKey(public(t, "thief"), "shared"))
	d.repo.delegate("shared", "leaf", false, "images/*")
	d.repo.list("leaf", "images/b.bin", "genuine")
	d.repo.next()
	require.NoError(t, d.refresh())

	// b's "shared" delegates to a "leaf" of the thief's key.
	genuine, own := d.repo.targets["shared"], metadata.Targets(start.Add(30*day))
	own.Signed.Version = genuine.Signed.Version
	d.repo.targets["shared"] = own
	d.repo.delegate("shared", "leaf", false, "sensors/*")
	own.Signed.Delegations.Roles[0].KeyIDs = nil
	require.NoError(t, own.Signed.AddKey(public(t, "thief"), "leaf"))
	d.repo.files[d.repo.versioned("shared", own.Signed.Version)] = sign(t, own, "thief")
	d.repo.forge("leaf", "images/b.bin", "forged below b", "thief")
	_, err := d.find("sensors/x.bin") // loads both
	require.ErrorIs(t, err, update.ErrNotOffered)

	d.repo.targets["shared"] = genuine
	d.repo.putTargets("shared")
	_, err = d.find("images/b.bin")
	require.ErrorIs(t, err, update.ErrUntrusted, "the mirror has only the thief's leaf")
	d.repo.putTargets("leaf")
	got, err := d.find("images/b.bin")
	require.NoError(t, err)
	require.EqualValues(t, sha256.Sum256([]byte("genuine")), got.Digest)
}

// TestDelegatedExpires: a delegated role is judged each time it is looked into.
func TestDelegatedExpires(t *testing.T) {
	d := newDevice(t)
	d.repo.delegate("targets", "a", false, "sensors/*")
	d.repo.list("a", "sensors/a.bin", "a")
	d.repo.targets["a"].Signed.Expires = start.Add(day / 2)
	d.repo.next()
	require.NoError(t, d.refresh())
	_, err := d.find("sensors/a.bin")
	require.NoError(t, err)
	d.clock.now = start.Add(day / 2)
	var e *tuf.ExpiredError
	for range 2 {
		_, err = d.find("sensors/a.bin")
		require.ErrorAs(t, err, &e)
		require.Equal(t, "a", e.Role)
		d.restart()
	}
}
