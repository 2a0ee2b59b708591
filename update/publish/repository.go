package publish

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/durable"
)

// The failures that a caller can act on. Overwriting is [io/fs.ErrExist].
var (
	ErrKeys       = errors.New("signers do not fit the role")    // too few, of another kind, or not in the root
	ErrNotNewer   = errors.New("number or floor does not rise")  // of a release
	ErrRepository = errors.New("repository does not verify")     // damaged, or of other keys
	ErrImage      = errors.New("image does not fit the release") // missing, empty, too long, or other bytes than announced
)

// Role is who signs a role of the metadata, and how long that is good.
type Role struct {
	// Signers hold Ed25519 or ECDSA P-256 keys. Init needs all of them; later each role
	// needs them only for what it signs.
	Signers   []crypto.Signer
	Threshold int           // signatures needed; default 1. Init writes it into the root
	Expiry    time.Duration // default 1 year for root, 90 days for targets, 30 for snapshot, 7 for timestamp
}

// Roles are the four roles of a repository. No two share a key.
type Roles struct {
	Root, Targets, Snapshot, Timestamp Role
}

// Options are the options of [Init] and [Open].
type Options struct {
	Now func() time.Time // nil is time.Now
}

// Repository is a repository in a directory. It may be used concurrently; only one
// Repository publishes in a directory at a time.
type Repository struct {
	fsys  durable.FS
	roles map[string]Role
	now   func() time.Time

	mu sync.Mutex
}

// Init makes a repository without releases in fsys, a directory that
// [durable.OpenRaw] opened. It refuses to touch one that exists (fs.ErrExist), and
// finishes one that a power cut interrupted if the root keys are the same.
func Init(ctx context.Context, fsys durable.FS, roles Roles, opts *Options) (*Repository, error) {
	r := newRepository(fsys, roles, opts)
	if err := r.separate(); err != nil {
		return nil, err
	}
	if _, err := r.read(timestampName, maxMetadata); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("publish: init: a repository: %w", fs.ErrExist), err)
	}
	if err := r.firstRoot(ctx); err != nil {
		return nil, err
	}
	root, _, err := r.roots()
	if err != nil {
		return nil, err
	}
	st := &state{root: root, targets: metadata.Targets(), snapshot: metadata.Snapshot(), timestamp: metadata.Timestamp()}
	st.timestamp.Signed.Version = 0
	return r, r.publish(ctx, st)
}

// Open returns the repository that lies in fsys, after verifying it. Roles may lack
// the signers that are not needed: a service that only renews the timestamp has only
// that key.
func Open(ctx context.Context, fsys durable.FS, roles Roles, opts *Options) (*Repository, error) {
	r := newRepository(fsys, roles, opts)
	_, err := r.load(ctx)
	return r, err
}

func newRepository(fsys durable.FS, roles Roles, opts *Options) *Repository {
	r := &Repository{fsys: fsys, now: time.Now, roles: map[string]Role{
		metadata.ROOT: roles.Root, metadata.TARGETS: roles.Targets,
		metadata.SNAPSHOT: roles.Snapshot, metadata.TIMESTAMP: roles.Timestamp,
	}}
	if opts != nil && opts.Now != nil {
		r.now = opts.Now
	}
	for name, days := range map[string]time.Duration{metadata.ROOT: 365, metadata.TARGETS: 90, metadata.SNAPSHOT: 30, metadata.TIMESTAMP: 7} {
		role := r.roles[name]
		role.Threshold = max(role.Threshold, 1)
		if role.Expiry <= 0 {
			role.Expiry = days * 24 * time.Hour
		}
		r.roles[name] = role
	}
	return r
}

// expires is when what a role signs now expires.
func (r *Repository) expires(role string) time.Time {
	return r.now().Add(r.roles[role].Expiry).UTC().Truncate(time.Second)
}

// Root returns the first root of the repository: what is built into devices.
func (r *Repository) Root(context.Context) ([]byte, error) {
	return r.read(rootName(1), maxMetadata)
}

// Status is what a publisher must not forget.
type Status struct {
	Root, Targets, Snapshot, Timestamp int64                // versions
	Expires                            map[string]time.Time // by role: "root", ...
	// Warnings say in words what expires within a third of its time, root first.
	Warnings []string
}

// Status verifies the repository and tells its versions, and when they expire. A root
// that expires is the end of the repository: see the package's documentation.
func (r *Repository) Status(ctx context.Context) (Status, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, err := r.load(ctx)
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Root: st.root.Signed.Version, Targets: st.targets.Signed.Version,
		Snapshot: st.snapshot.Signed.Version, Timestamp: st.timestamp.Signed.Version,
		Expires: map[string]time.Time{
			metadata.ROOT: st.root.Signed.Expires, metadata.TARGETS: st.targets.Signed.Expires,
			metadata.SNAPSHOT: st.snapshot.Signed.Expires, metadata.TIMESTAMP: st.timestamp.Signed.Expires,
		},
	}
	status.Warnings = r.warnings(status.Expires)
	return status, nil
}

// warnings are about roles with less than a third of their time left.
func (r *Repository) warnings(expires map[string]time.Time) (list []string) {
	for _, role := range []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP} {
		left, remedy := expires[role].Sub(r.now()), "Refresh with its signers"
		if left >= r.roles[role].Expiry/3 {
			continue
		}
		if role == metadata.ROOT {
			remedy = "this package cannot renew it yet, and devices take nothing under an expired root"
		}
		when := fmt.Sprintf("expires in %d days", left/(24*time.Hour))
		if left <= 0 {
			when = fmt.Sprintf("expired %d days ago", -left/(24*time.Hour))
		}
		list = append(list, fmt.Sprintf("%s %s: %s", role, when, remedy))
	}
	return list
}

// Refresh renews the timestamp, which a service does daily. Snapshot and targets it
// renews once less than a third of their time is left, if it has their signers.
func (r *Repository) Refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, err := r.load(ctx)
	if err != nil {
		return err
	}
	if r.due(metadata.TARGETS, st.targets.Signed.Expires) {
		return r.publish(ctx, st)
	}
	if r.due(metadata.SNAPSHOT, st.snapshot.Signed.Expires) {
		return r.publishSnapshot(ctx, st)
	}
	return r.publishTimestamp(ctx, st)
}

func (r *Repository) due(role string, expires time.Time) bool {
	return len(r.roles[role].Signers) > 0 && expires.Sub(r.now()) < r.roles[role].Expiry/3
}
