package tuf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// root is a verified root, without the keys that this client does not know.
type root struct {
	meta *metadata.Metadata[metadata.RootType]
	keys map[string]string // the keys of each role as the root lists them, known or not
}

// firstRoot takes the embedded root, which is trusted, and so only checked to hold
// together.
func firstRoot(data []byte) (*root, error) {
	payload, err := parse[metadata.RootType](metadata.ROOT, data)
	if err != nil {
		return nil, err
	}
	return selfSigned(data, payload)
}

// follow verifies data as the root after r (TUF 5.3.4 and 5.3.5): signed by the keys
// of r, by its own, and one version higher. Unlike go-tuf's UpdateRoot it reads over
// keys that it does not know, in the role root too; else a vendor could bring a new
// algorithm to no device in the field.
func (r *root) follow(data []byte) (*root, error) {
	payload, err := parse[metadata.RootType](metadata.ROOT, data)
	if err != nil {
		return nil, err
	}
	if err := r.meta.VerifyDelegate(metadata.ROOT, payload); err != nil {
		return nil, err
	}
	if payload.Signed.Version-1 != r.meta.Signed.Version {
		return nil, fmt.Errorf("version %d does not follow %d", payload.Signed.Version, r.meta.Signed.Version)
	}
	return selfSigned(data, payload)
}

// selfSigned verifies a root by its own keys. go-tuf encodes again what it verifies,
// so the keys are left out of a second copy.
func selfSigned(data []byte, payload *metadata.Metadata[metadata.RootType]) (*root, error) {
	meta, err := parse[metadata.RootType](metadata.ROOT, data)
	if err != nil {
		return nil, err
	}
	r := &root{meta: meta, keys: map[string]string{}}
	for name, role := range meta.Signed.Roles {
		r.keys[name] = keySet(role.KeyIDs)
		role.KeyIDs = usable(role.KeyIDs, meta.Signed.Keys)
	}
	return r, meta.VerifyDelegate(metadata.ROOT, payload)
}

// keySet names a set of keys.
func keySet(ids []string) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(slices.Sorted(slices.Values(ids))), "\n")))
	return hex.EncodeToString(sum[:8])
}

// floorName names the floor of a role: that of root is one for ever.
func (r *root) floorName(role string) string {
	if role == metadata.ROOT {
		return "tuf.root"
	}
	return "tuf." + role + "." + r.keys[role]
}

// keptRoots walks the kept roots that follow the embedded one. The walk ends before
// one that is damaged: it is fetched again.
func (c *Client) keptRoots(ctx context.Context) error {
	for {
		data, err := c.kept(ctx, keptName(metadata.ROOT, c.root.meta.Signed.Version+1))
		if err != nil {
			return err
		}
		next, err := c.root.follow(data)
		if err != nil {
			return nil //nolint:nilerr // it ends the walk
		}
		c.leave(c.root, next)
		c.root = next
	}
}

// rootsBefore walks the kept roots before the embedded one, which an earlier release
// of this software walked to, for the keys that they had. Each verifies because the
// next is signed by its keys.
func (c *Client) rootsBefore(ctx context.Context, embedded []byte) error {
	next, after := c.root, embedded
	for range c.opts.Limits.Rotations {
		data, err := c.kept(ctx, keptName(metadata.ROOT, next.meta.Signed.Version-1))
		if err != nil {
			return err
		}
		r, err := firstRoot(data)
		if err == nil {
			_, err = r.follow(after)
		}
		if err != nil {
			return nil //nolint:nilerr // it ends the walk
		}
		c.leave(r, next)
		next, after = r, data
	}
	return nil
}

// newRoots walks to the newest root there is (TUF 5.3).
func (c *Client) newRoots(ctx context.Context, now moment) error {
	for n := 0; ; n++ {
		if err := c.keptRoots(ctx); err != nil { // also behind a damaged one that was mended
			return err
		}
		if n == c.opts.Limits.Rotations {
			return fmt.Errorf("tuf: root: %w: more than %d new ones; the rest next time", update.ErrUnavailable, n)
		}
		data, err := c.fetch(ctx, file(metadata.ROOT, c.root.meta.Signed.Version+1), c.opts.Limits.Root)
		if errors.Is(err, fs.ErrNotExist) {
			return c.lastRoot(ctx, now)
		}
		if err != nil {
			return err
		}
		if err := c.take(ctx, data); err != nil {
			return err
		}
	}
}

// take verifies and keeps the next root. Where it changes the keys of timestamp or
// snapshot, the copies of these are removed first, so that no power cut leaves them
// under the new root (TUF 5.3.11, recovery from a fast-forward attack).
func (c *Client) take(ctx context.Context, data []byte) error {
	next, err := c.root.follow(data)
	if err != nil {
		return untrusted(file(metadata.ROOT, c.root.meta.Signed.Version+1), err)
	}
	if next.keys[metadata.TIMESTAMP] != c.root.keys[metadata.TIMESTAMP] || next.keys[metadata.SNAPSHOT] != c.root.keys[metadata.SNAPSHOT] {
		if err := c.forget(ctx); err != nil {
			return err
		}
	}
	if err := c.store.Put(ctx, keptName(metadata.ROOT, next.meta.Signed.Version), data); err != nil {
		return err
	}
	c.leave(c.root, next)
	c.root = next
	return nil
}

func (c *Client) forget(ctx context.Context) error {
	names, err := c.store.List(ctx, "")
	if err != nil {
		return err
	}
	for _, n := range names {
		_, base, _ := splitKept(n)
		if n != timestampName && n != aheadName && base != metadata.SNAPSHOT {
			continue
		}
		if err := c.store.Delete(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// lastRoot checks the end of the chain. A server that withholds a root whose copy was
// damaged would else bring back keys that a later one took away.
func (c *Client) lastRoot(ctx context.Context, now moment) error {
	version := c.root.meta.Signed.Version
	top, err := c.highest(ctx, metadata.ROOT)
	if err != nil {
		return err
	}
	if version < top {
		return untrusted(metadata.ROOT, fmt.Errorf("the copy of version %d is damaged, and the server does not have it", version+1))
	}
	if err := c.aboveFloor(ctx, metadata.ROOT, version); err != nil {
		return err
	}
	if err := c.raise(ctx, metadata.ROOT, version); err != nil {
		return err
	}
	if err := c.forgetFloors(ctx); err != nil {
		return err
	}
	return now.expired(metadata.ROOT, c.root.meta.Signed.Expires)
}
