package tuf

import (
	"context"
	"fmt"

	"github.com/theupdateframework/go-tuf/v2/metadata"
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
func (c *Client) raise(ctx context.Context, role string, version int64) error {
	floor, err := c.floor(ctx, role)
	if err != nil || c.opts.Floors == nil || floor >= uint64(version) {
		return err
	}
	if err := c.opts.Floors.Raise(ctx, c.root.floorName(role), uint64(version)); err != nil {
		return fmt.Errorf("tuf: floor of %s: %w", role, err)
	}
	return nil
}
