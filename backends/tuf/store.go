package tuf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/durable"
)

// What is kept in the Store:
//
//	N.root.json           each root after the embedded one; never removed
//	N.snapshot.json       verified; those that the timestamp does not lead to are removed
//	N.targets.json        likewise
//	N.d-<32 digits>-<32 digits>.json
//	                      a delegated role, by the SHA-256 of its name and of its
//	                      delegator's; likewise
//	timestamp.json        the timestamp whose snapshot and targets are all there
//	ahead.json            a newer one, whose are not: it only prevents rollback
//
// Putting timestamp.json is the one step that makes a new set the kept one.
const (
	timestampName = "timestamp.json"
	aheadName     = "ahead.json"
)

// keptName names a role of a version in the Store.
func keptName(role string, version int64) string {
	return strconv.FormatInt(version, 10) + "." + keptBase(role) + ".json"
}

func keptBase(role string) string {
	switch role {
	case metadata.ROOT, metadata.SNAPSHOT, metadata.TARGETS:
		return role
	}
	return "d-" + hashed(role)
}

func hashed(role string) string {
	sum := sha256.Sum256([]byte(role)) // the name may hold any bytes
	return hex.EncodeToString(sum[:16])
}

// keptName names a targets role as its delegator sees it: what another delegator's
// keys signed under the same name lies elsewhere.
func (e edge) keptName(version int64) string {
	name := keptName(e.role, version)
	if e.role == metadata.TARGETS {
		return name
	}
	return strings.TrimSuffix(name, ".json") + "-" + hashed(e.delegator) + ".json"
}

// roleBase is the part of a kept base that tells the role.
func roleBase(base string) string {
	if digits, ok := strings.CutPrefix(base, "d-"); ok {
		digits, _, _ = strings.Cut(digits, "-")
		return "d-" + digits
	}
	return base
}

// splitKept is the inverse of keptName, as far as there is one. base names also the
// delegator: see roleBase.
func splitKept(name string) (version int64, base string, ok bool) {
	digits, base, ok := strings.Cut(strings.TrimSuffix(name, ".json"), ".")
	version, err := strconv.ParseInt(digits, 10, 64)
	return version, base, ok && err == nil && version > 0
}

// kept returns a value of the Store. One that is missing or damaged is nil: it is
// fetched again.
func (c *Client) kept(ctx context.Context, name string) ([]byte, error) {
	data, err := c.store.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, durable.ErrCorrupt) {
		return nil, nil
	}
	return data, err
}

// highest returns the highest version of a role in the Store, or 0.
func (c *Client) highest(ctx context.Context, role string) (int64, error) {
	names, err := c.store.List(ctx, "")
	top := int64(0)
	for _, n := range names {
		if v, base, ok := splitKept(n); ok && base == keptBase(role) {
			top = max(top, v)
		}
	}
	return top, err
}

// prune removes what the kept timestamp does not lead to. A power cut in between
// leaves some of it, for the next time.
func (c *Client) prune(ctx context.Context, s *set) error {
	wanted := map[string]int64{metadata.SNAPSHOT: s.tm.Snapshot.Signed.Version}
	for file, m := range s.tm.Snapshot.Signed.Meta {
		wanted[keptBase(strings.TrimSuffix(file, ".json"))] = m.Version
	}
	names, err := c.store.List(ctx, "")
	if err != nil {
		return err
	}
	for _, n := range names {
		v, base, ok := splitKept(n)
		if !ok || base == metadata.ROOT || wanted[roleBase(base)] == v {
			continue
		}
		if err := c.store.Delete(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
