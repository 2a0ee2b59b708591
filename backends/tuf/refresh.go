package tuf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// keptSet loads the set that was kept last, without a look at the clock; nil when
// there is none that verifies under the present root and is above the floors: the
// network has one.
func (c *Client) keptSet(ctx context.Context) (*set, error) {
	s := c.begin(moment{})
	data, err := c.kept(ctx, timestampName)
	if err != nil || s.timestamp(data) != nil {
		return nil, err
	}
	data, err = c.kept(ctx, keptName(metadata.SNAPSHOT, s.listedSnapshot().Version))
	if err != nil || s.snapshot(data, true) != nil {
		return nil, err
	}
	m := s.tm.Snapshot.Signed.Meta["targets.json"]
	if m == nil {
		return nil, nil
	}
	if data, err = c.kept(ctx, keptName(metadata.TARGETS, m.Version)); err != nil {
		return nil, err
	}
	if meta, _ := s.targets(data, first().edge, nil); meta == nil {
		return nil, nil
	}
	if ok, err := c.allAboveFloors(ctx, s); !ok {
		return nil, err
	}
	return s, nil
}

// newSet fetches the newest timestamp and what it leads to (TUF 5.4 to 5.6).
func (c *Client) newSet(ctx context.Context, now moment) error {
	s := c.begin(now)
	if err := c.newTimestamp(ctx, s); err != nil {
		return err
	}
	err := c.newSnapshot(ctx, s)
	if err == nil {
		_, err = c.load(ctx, s, first())
	}
	if err == nil {
		err = c.aboveFloor(ctx, metadata.TARGETS, s.top.Signed.Version)
	}
	if err != nil {
		return errors.Join(err, c.keepAhead(ctx, s))
	}
	return c.commit(ctx, s)
}

// newTimestamp leaves in s the newest timestamp, of the copies and the server's.
func (c *Client) newTimestamp(ctx context.Context, s *set) error {
	for _, name := range []string{timestampName, aheadName} {
		data, err := c.kept(ctx, name)
		if err != nil {
			return err
		}
		_ = s.timestamp(data) // expired, it still prevents rollback; else it is absent
	}
	data, err := c.fetch(ctx, file(metadata.TIMESTAMP, 0), c.opts.Limits.Timestamp)
	if errors.Is(err, fs.ErrNotExist) {
		err = unavailable(metadata.TIMESTAMP, errors.New("not there"))
	}
	if err != nil {
		return err
	}
	err = s.timestamp(data)
	if err != nil && !errors.Is(err, &metadata.ErrEqualVersionNumber{}) && !wasExpired(err) {
		return untrusted(metadata.TIMESTAMP, err)
	}
	if err := s.expired(metadata.TIMESTAMP, s.tm.Timestamp.Signed.Expires); err != nil {
		return err
	}
	return c.aboveFloor(ctx, metadata.TIMESTAMP, s.tm.Timestamp.Signed.Version)
}

// newSnapshot takes the copy if it is the one that the timestamp lists, and else
// compares the server's with it.
func (c *Client) newSnapshot(ctx context.Context, s *set) error {
	top, err := c.highest(ctx, metadata.SNAPSHOT)
	if err != nil {
		return err
	}
	data, err := c.kept(ctx, keptName(metadata.SNAPSHOT, top))
	if err != nil {
		return err
	}
	if s.snapshot(data, true) == nil {
		return c.aboveFloor(ctx, metadata.SNAPSHOT, s.tm.Snapshot.Signed.Version)
	}
	listed := s.listedSnapshot()
	data, err = c.fetchListed(ctx, s, metadata.SNAPSHOT, listed, c.opts.Limits.Snapshot)
	if err != nil {
		return err
	}
	err = s.snapshot(data, false)
	if wasExpired(err) {
		return s.tooLate(metadata.SNAPSHOT, s.tm.Snapshot.Signed.Expires)
	}
	if err != nil {
		return untrusted(metadata.SNAPSHOT, err)
	}
	if err := c.aboveFloor(ctx, metadata.SNAPSHOT, listed.Version); err != nil {
		return err
	}
	return c.store.Put(ctx, keptName(metadata.SNAPSHOT, listed.Version), data)
}

// keepAhead keeps a timestamp whose set could not be had, against rollback.
func (c *Client) keepAhead(ctx context.Context, s *set) error {
	for _, name := range []string{timestampName, aheadName} {
		data, err := c.kept(ctx, name)
		if err != nil || bytes.Equal(data, s.raw) {
			return err
		}
	}
	return c.store.Put(ctx, aheadName, s.raw)
}

// commit keeps s as the set in force. Without news it writes nothing.
func (c *Client) commit(ctx context.Context, s *set) error {
	data, err := c.kept(ctx, timestampName)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, s.raw) {
		if err := c.store.Put(ctx, timestampName, s.raw); err != nil {
			return err
		}
	}
	c.set = s
	for role, version := range s.versions() {
		if err := c.raise(ctx, role, version); err != nil {
			return err
		}
	}
	if data, err = c.kept(ctx, aheadName); err != nil {
		return err
	}
	if data != nil {
		if err := c.store.Delete(ctx, aheadName); err != nil {
			return err
		}
	}
	if err := c.prune(ctx, s); err != nil {
		return fmt.Errorf("tuf: what is no longer needed: %w", err)
	}
	return nil
}
