package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// state is what the metadata says now. It is read anew for each operation, so that
// nothing in memory can differ from the directory.
type state struct {
	root      *metadata.Metadata[metadata.RootType]
	targets   *metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
}

// firstRoot makes and keeps the first root, unless one of the same keys is there from
// an Init that was interrupted.
func (r *Repository) firstRoot(ctx context.Context) error {
	root := metadata.Root(r.expires(metadata.ROOT))
	for name, role := range r.roles {
		root.Signed.Roles[name].Threshold = role.Threshold
		for _, s := range role.Signers {
			k, err := key(s)
			if err != nil {
				return err
			}
			if err := root.Signed.AddKey(k, name); err != nil {
				return fmt.Errorf("publish: root: %w", err)
			}
		}
	}
	data, err := sign(root, r.roles[metadata.ROOT].Signers)
	if err != nil {
		return err
	}
	old, err := r.read(rootName(1), maxMetadata)
	if errors.Is(err, fs.ErrNotExist) {
		return r.replace(ctx, rootName(1), data)
	}
	if err != nil {
		return err
	}
	if m, err := metadata.Root().FromBytes(old); err != nil || !sameKeys(m, root) {
		return fmt.Errorf("publish: init: a root of other keys: %w", fs.ErrExist)
	}
	return r.replace(ctx, rootName(1), old) // makes sure that it is durable
}

func sameKeys(a, b *metadata.Metadata[metadata.RootType]) bool {
	for name, role := range a.Signed.Roles {
		other := b.Signed.Roles[name]
		if other == nil || role.Threshold != other.Threshold || len(role.KeyIDs) != len(other.KeyIDs) {
			return false
		}
		ids := map[string]bool{}
		for _, id := range role.KeyIDs {
			ids[id] = true
		}
		for _, id := range other.KeyIDs {
			if !ids[id] {
				return false
			}
		}
	}
	return len(a.Signed.Roles) == len(b.Signed.Roles)
}

// roots verifies the chain of roots and returns the last.
func (r *Repository) roots() (*metadata.Metadata[metadata.RootType], *trustedmetadata.TrustedMetadata, error) {
	data, err := r.read(rootName(1), maxMetadata)
	if err != nil {
		return nil, nil, err
	}
	trusted, err := trustedmetadata.New(data)
	if err != nil {
		return nil, nil, broken(err)
	}
	trusted.RefTime = time.Time{} // what has expired is there to be renewed
	for {
		data, err := r.read(rootName(trusted.Root.Signed.Version+1), maxMetadata)
		if errors.Is(err, fs.ErrNotExist) {
			return trusted.Root, trusted, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if _, err := trusted.UpdateRoot(data); err != nil {
			return nil, nil, broken(err)
		}
	}
}

func broken(err error) error { return fmt.Errorf("publish: %w: %v", ErrRepository, err) }

// load verifies the repository as a device would, without a look at the clock.
func (r *Repository) load(context.Context) (*state, error) {
	root, trusted, err := r.roots()
	if err != nil {
		return nil, err
	}
	st := &state{root: root}
	data, err := r.read(timestampName, maxMetadata)
	if err != nil {
		return nil, err
	}
	if st.timestamp, err = trusted.UpdateTimestamp(data); err != nil {
		return nil, broken(err)
	}
	data, err = r.read(roleName(metadata.SNAPSHOT, st.timestamp.Signed.Meta["snapshot.json"].Version), maxMetadata)
	if err != nil {
		return nil, err
	}
	if st.snapshot, err = trusted.UpdateSnapshot(data, false); err != nil {
		return nil, broken(err)
	}
	listed, ok := st.snapshot.Signed.Meta["targets.json"]
	if !ok {
		return nil, broken(errors.New("the snapshot lists no targets"))
	}
	if data, err = r.read(roleName(metadata.TARGETS, listed.Version), maxMetadata); err != nil {
		return nil, err
	}
	if st.targets, err = trusted.UpdateTargets(data); err != nil {
		return nil, broken(err)
	}
	return st, nil
}

// publish writes targets, then what leads to them; whoever reads meanwhile sees the
// timestamp of before, or everything.
func (r *Repository) publish(ctx context.Context, st *state) (err error) {
	if st.targets.Signed.Version, err = r.next(metadata.TARGETS); err != nil {
		return err
	}
	st.targets.Signed.Expires = r.expires(metadata.TARGETS)
	meta, err := writeRole(ctx, r, st, metadata.TARGETS, st.targets, st.targets.Signed.Version)
	if err != nil {
		return err
	}
	st.snapshot.Signed.Meta["targets.json"] = meta
	return r.publishSnapshot(ctx, st)
}

func (r *Repository) publishSnapshot(ctx context.Context, st *state) (err error) {
	if st.snapshot.Signed.Version, err = r.next(metadata.SNAPSHOT); err != nil {
		return err
	}
	st.snapshot.Signed.Expires = r.expires(metadata.SNAPSHOT)
	meta, err := writeRole(ctx, r, st, metadata.SNAPSHOT, st.snapshot, st.snapshot.Signed.Version)
	if err != nil {
		return err
	}
	st.timestamp.Signed.Meta["snapshot.json"] = meta
	return r.publishTimestamp(ctx, st)
}

func (r *Repository) publishTimestamp(ctx context.Context, st *state) error {
	st.timestamp.Signed.Version++
	st.timestamp.Signed.Expires = r.expires(metadata.TIMESTAMP)
	_, err := writeRole(ctx, r, st, metadata.TIMESTAMP, st.timestamp, 0)
	return err
}

// writeRole signs a role, verifies that devices will take it, and writes it under its
// version; 0 is the timestamp, the only file that is replaced.
func writeRole[T metadata.Roles](ctx context.Context, r *Repository, st *state, role string, m *metadata.Metadata[T], version int64) (*metadata.MetaFiles, error) {
	data, err := sign(m, r.roles[role].Signers)
	if err != nil {
		return nil, err
	}
	if err := st.root.VerifyDelegate(role, m); err != nil {
		return nil, fmt.Errorf("publish: %s: %w: %v", role, ErrKeys, err)
	}
	if len(data) > maxMetadata {
		return nil, fmt.Errorf("publish: %s: %d bytes, more than devices take", role, len(data))
	}
	name := timestampName
	if version > 0 {
		name = roleName(role, version)
	}
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Version: version, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}, r.replace(ctx, name, data)
}
