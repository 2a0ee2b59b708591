package tuf_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// start is when the tests take place.
var start = time.Date(2030, time.March, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// key makes the same key for the same name each time.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// repo is a repository in memory, made with go-tuf's own encoder, that can also be
// made wrong.
type repo struct {
	t         testing.TB
	keys      map[string][]string // names of the keys that sign, by role
	root      *metadata.Metadata[metadata.RootType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   map[string]*metadata.Metadata[metadata.TargetsType]
	files     map[string][]byte
}

// newRepo is a repository at version 1 of all roles, with an own key for each.
func newRepo(t testing.TB) *repo {
	r := &repo{
		t: t, keys: map[string][]string{}, files: map[string][]byte{},
		root: metadata.Root(start.Add(365 * day)), timestamp: metadata.Timestamp(start.Add(day)), snapshot: metadata.Snapshot(start.Add(7 * day)),
		targets: map[string]*metadata.Metadata[metadata.TargetsType]{"targets": metadata.Targets(start.Add(90 * day))},
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		r.give(role, role+" 1")
	}
	r.list("targets", "images/gateway.bin", "one")
	r.putRoot()
	r.putAll()
	return r
}

func public(t testing.TB, name string) *metadata.Key {
	k, err := metadata.KeyFromPublicKey(key(name).Public())
	require.NoError(t, err)
	return k
}

// give adds a key to a top-level role and signs it with that from now on.
func (r *repo) give(role, name string) {
	require.NoError(r.t, r.root.Signed.AddKey(public(r.t, name), role))
	r.keys[role] = append(r.keys[role], name)
}

// rotate gives a role another key in place of its first.
func (r *repo) rotate(role, name string) {
	id, err := public(r.t, r.keys[role][0]).ID()
	require.NoError(r.t, err)
	require.NoError(r.t, r.root.Signed.RevokeKey(id, role))
	r.keys[role] = nil
	r.give(role, name)
}

// list lists a target of that content.
func (r *repo) list(role, path, content string) {
	f, err := metadata.TargetFile().FromBytes(path, []byte(content), "sha256")
	require.NoError(r.t, err)
	r.targets[role].Signed.Targets[path] = f
}

func sign[T metadata.Roles](t testing.TB, m *metadata.Metadata[T], names ...string) []byte {
	payload, err := cjson.EncodeCanonical(m.Signed)
	require.NoError(t, err)
	m.ClearSignatures()
	for _, name := range names {
		id, err := public(t, name).ID()
		require.NoError(t, err)
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: id, Signature: ed25519.Sign(key(name), payload)})
	}
	b, err := m.ToBytes(false)
	require.NoError(t, err)
	return b
}

// putRoot signs by the root's keys and those named.
func (r *repo) putRoot(also ...string) {
	r.files[fmt.Sprintf("metadata/%d.root.json", r.root.Signed.Version)] = sign(r.t, r.root, append(also, r.keys["root"]...)...)
}

// nextRoot changes the root and publishes it, signed by the keys before and after.
func (r *repo) nextRoot(change func()) {
	before := r.keys["root"]
	r.root.Signed.Version++
	if change != nil {
		change()
	}
	var also []string
	for _, k := range before {
		if !contains(r.keys["root"], k) {
			also = append(also, k)
		}
	}
	r.putRoot(also...)
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}

// versioned names a file of metadata.
func (r *repo) versioned(role string, version int64) string {
	name := url.PathEscape(role) + ".json"
	if r.root.Signed.ConsistentSnapshot {
		name = strconv.FormatInt(version, 10) + "." + name
	}
	return "metadata/" + name
}

func (r *repo) putTargets(role string) {
	m := r.targets[role]
	r.files[r.versioned(role, m.Signed.Version)] = sign(r.t, m, r.keys[role]...)
	r.snapshot.Signed.Meta[role+".json"] = metadata.MetaFile(m.Signed.Version)
}

func (r *repo) putSnapshot() {
	b := sign(r.t, r.snapshot, r.keys["snapshot"]...)
	r.files[r.versioned("snapshot", r.snapshot.Signed.Version)] = b
	sum := sha256.Sum256(b)
	r.timestamp.Signed.Meta["snapshot.json"] = &metadata.MetaFiles{
		Version: r.snapshot.Signed.Version, Length: int64(len(b)), Hashes: metadata.Hashes{"sha256": sum[:]},
	}
}

func (r *repo) putTimestamp() {
	r.files["metadata/timestamp.json"] = sign(r.t, r.timestamp, r.keys["timestamp"]...)
}

// putAll publishes all but root as they are.
func (r *repo) putAll() {
	for role := range r.targets {
		r.putTargets(role)
	}
	r.putSnapshot()
	r.putTimestamp()
}

// next publishes everything but root again, one version higher.
func (r *repo) next() {
	for _, m := range r.targets {
		m.Signed.Version++
	}
	r.snapshot.Signed.Version++
	r.timestamp.Signed.Version++
	r.putAll()
}

// delegate makes a delegated role with a key of its name.
func (r *repo) delegate(from, role string, terminating bool, paths ...string) {
	signed := &r.targets[from].Signed
	if signed.Delegations == nil {
		signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}, Roles: []metadata.DelegatedRole{}}
	}
	signed.Delegations.Roles = append(signed.Delegations.Roles, metadata.DelegatedRole{
		Name: role, KeyIDs: []string{}, Threshold: 1, Terminating: terminating, Paths: paths,
	})
	require.NoError(r.t, signed.AddKey(public(r.t, role), role))
	if r.targets[role] == nil {
		r.targets[role], r.keys[role] = metadata.Targets(start.Add(30*day)), []string{role}
	}
}

// edit changes the JSON of a file and leaves its signatures.
func (r *repo) edit(name, old, new string) {
	require.Contains(r.t, string(r.files[name]), old)
	r.files[name] = bytes.Replace(r.files[name], []byte(old), []byte(new), 1)
}

// unknownKey puts the key of an algorithm that is still to come beside the others.
func unknownKey(keys map[string]*metadata.Key) string {
	k := &metadata.Key{Type: "ml-dsa", Scheme: "ml-dsa-65", Value: metadata.KeyVal{PublicKey: "abcd"}}
	keys["f00d"] = k
	return "f00d"
}

// hexed is encoded as TUF encodes signatures.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func edSign(name string, payload []byte) hexed { return ed25519.Sign(key(name), payload) }
