package tuf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// Find implements [update.Trust]. Before the first set was verified it gives an
// error that is [update.ErrUnavailable]: Refresh first. Once a role has expired it
// gives an [*ExpiredError], until Refresh brought a newer one.
func (c *Client) Find(ctx context.Context, target string) (update.Target, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !fs.ValidPath(target) || target == "." {
		return update.Target{}, notOffered(target, "not a path")
	}
	if c.set == nil {
		return update.Target{}, fmt.Errorf("tuf: find %s: %w: nothing verified yet", printable(target), update.ErrUnavailable)
	}
	c.set.at(c.now())
	if err := c.set.fresh(); err != nil {
		return update.Target{}, err
	}
	found, err := c.search(ctx, c.set, target)
	if err != nil {
		return update.Target{}, err
	}
	return c.target(target, found)
}

// fresh says which role of a set has expired.
func (s *set) fresh() error {
	for _, e := range s.expiries() {
		if err := s.expired(e.role, e.expires); err != nil {
			return err
		}
	}
	return nil
}

// target describes what was found to those who fetch it.
func (c *Client) target(target string, found *metadata.TargetFiles) (update.Target, error) {
	t := update.Target{Path: target, Length: found.Length}
	sum, ok := found.Hashes["sha256"]
	if !ok || len(sum) != len(t.Digest) {
		return update.Target{}, untrusted(target, errors.New("listed without a SHA-256"))
	}
	copy(t.Digest[:], sum)
	dir, base := path.Split(target)
	if c.root.meta.Signed.ConsistentSnapshot {
		base = t.Digest.String() + "." + base
	}
	t.Name = path.Join(c.opts.Targets, dir, base)
	return t, nil
}

// step is an edge with the delegator's metadata; nil is the root.
type step struct {
	edge
	by *targetsRole
}

func first() step { return step{edge: edge{metadata.TARGETS, metadata.ROOT}} }

// search looks for a target in depth first order (TUF 5.6.7).
func (c *Client) search(ctx context.Context, s *set, target string) (*metadata.TargetFiles, error) {
	todo, visited := []step{first()}, map[string]bool{}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if visited[at.role] {
			continue
		}
		if len(visited) == c.opts.Limits.Delegations {
			return nil, notOffered(target, fmt.Sprintf("not in the first %d roles", len(visited)))
		}
		visited[at.role] = true
		meta, err := c.load(ctx, s, at)
		if err != nil {
			return nil, err
		}
		if found, ok := meta.Signed.Targets[target]; ok {
			return found, nil
		}
		next, terminating := delegates(meta.Signed.Delegations, target, at.role)
		if terminating {
			todo = nil
		}
		slices.Reverse(next)
		for _, e := range next {
			todo = append(todo, step{e, meta})
		}
	}
	return nil, notOffered(target, "no role lists it")
}

// load verifies a role by the keys of its delegator, from the Store or the Source.
func (c *Client) load(ctx context.Context, s *set, at step) (*targetsRole, error) {
	role := at.role
	if meta := s.verified(at.edge, at.by); meta != nil {
		return meta, s.expired(role, meta.Signed.Expires)
	}
	listed := s.tm.Snapshot.Signed.Meta[role+".json"]
	if listed == nil {
		return nil, untrusted(role, errors.New("the snapshot does not list it"))
	}
	name := at.keptName(listed.Version)
	data, err := c.kept(ctx, name)
	if err != nil {
		return nil, err
	}
	if meta, err := s.targets(data, at.edge, at.by); err == nil {
		return meta, nil
	}
	if data, err = c.fetchListed(ctx, s, role, listed, c.opts.Limits.Targets); err != nil {
		return nil, err
	}
	meta, err := s.targets(data, at.edge, at.by)
	if err != nil {
		return nil, s.refused(role, data, err)
	}
	return meta, c.store.Put(ctx, name, data)
}

// refused tells of an expired targets role when it did.
func (s *set) refused(role string, data []byte, err error) error {
	if wasExpired(err) {
		if meta, parsed := parse[metadata.TargetsType](metadata.TARGETS, data); parsed == nil {
			return s.tooLate(role, meta.Signed.Expires)
		}
	}
	return untrusted(role, err)
}

// delegates are the roles that are responsible for a target, in order, up to the
// first that is terminating.
func delegates(d *metadata.Delegations, target, delegator string) (list []edge, terminating bool) {
	if d == nil {
		return nil, false
	}
	if d.Roles == nil && d.SuccinctRoles != nil {
		for _, r := range d.SuccinctRoles.GetRolesForTarget(target) {
			list = append(list, edge{r.Name, delegator})
		}
		return list, true
	}
	for i := range d.Roles {
		if r := &d.Roles[i]; responsible(r, target) {
			list = append(list, edge{r.Name, delegator})
			if r.Terminating {
				return list, true
			}
		}
	}
	return list, false
}

// responsible matches a target with a delegation. go-tuf v2.4.2 compares prefixes of
// hashes with Base64; the specification says hex.
func responsible(r *metadata.DelegatedRole, target string) bool {
	if len(r.Paths) > 0 {
		ok, err := r.IsDelegatedPath(target)
		return ok && err == nil
	}
	sum := sha256.Sum256([]byte(target))
	digits := hex.EncodeToString(sum[:])
	return slices.ContainsFunc(r.PathHashPrefixes, func(p string) bool { return strings.HasPrefix(digits, p) })
}
