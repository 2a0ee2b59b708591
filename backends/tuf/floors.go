package tuf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// versions are those that have floors.
func (s *set) versions() map[string]int64 {
	return map[string]int64{
		metadata.ROOT:      s.tm.Root.Signed.Version,
		metadata.TIMESTAMP: s.tm.Timestamp.Signed.Version,
		metadata.SNAPSHOT:  s.tm.Snapshot.Signed.Version,
		metadata.TARGETS:   s.top.Signed.Version,
	}
}

// floor returns the floor of a role under its present keys.
func (c *Client) floor(ctx context.Context, role string) (uint64, error) {
	if c.opts.Floors == nil {
		return 0, nil
	}
	floor, err := c.opts.Floors.Get(ctx, c.root.floorName(role))
	if err != nil {
		return 0, fmt.Errorf("tuf: floor of %s: %w", role, err)
	}
	return floor, nil
}

// aboveFloor refuses a version below the floor of its role.
func (c *Client) aboveFloor(ctx context.Context, role string, version int64) error {
	floor, err := c.floor(ctx, role)
	if err == nil && uint64(version) < floor {
		err = untrusted(role, fmt.Errorf("version %d is below the floor %d", version, floor))
	}
	return err
}

// allAboveFloors says whether a whole set is above the floors.
func (c *Client) allAboveFloors(ctx context.Context, s *set) (bool, error) {
	for role, version := range s.versions() {
		floor, err := c.floor(ctx, role)
		if err != nil || uint64(version) < floor {
			return false, err
		}
	}
	return true, nil
}

// raise raises the floor of a role, which costs nothing when it is there already.
// Floors without room for it do not end updates for good: Status tells.
func (c *Client) raise(ctx context.Context, role string, version int64) error {
	delete(c.unfloored, role)
	floor, err := c.floor(ctx, role)
	if err != nil || c.opts.Floors == nil || floor >= uint64(version) {
		return err
	}
	err = c.opts.Floors.Raise(ctx, c.root.floorName(role), uint64(version))
	if errors.Is(err, update.ErrFloorsFull) {
		c.unfloored[role] = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("tuf: floor of %s: %w", role, err)
	}
	return nil
}

// leave notes the floors of the keys of r that next does not have.
func (c *Client) leave(r, next *root) {
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS} {
		if r.floorName(role) != next.floorName(role) {
			c.left[r.floorName(role)] = true
		}
	}
}

// forgetFloors drops the floors of keys that were taken back, where the Floors can:
// they would fill it over the years. The root that took them back has its floor by
// now, and so no older one brings them into force again.
func (c *Client) forgetFloors(ctx context.Context) error {
	f, can := c.opts.Floors.(interface {
		Forget(ctx context.Context, name string) error
	})
	if !can || c.unfloored[metadata.ROOT] {
		return nil
	}
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS} {
		delete(c.left, c.root.floorName(role)) // the vendor came back to them
	}
	for _, name := range slices.Sorted(maps.Keys(c.left)) {
		if err := f.Forget(ctx, name); err != nil {
			return fmt.Errorf("tuf: %s: %w", name, err)
		}
		delete(c.left, name)
	}
	return nil
}
