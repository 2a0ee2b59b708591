package tuf

import (
	"errors"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/iot-device-baseline/baseline/durable"
)

// moment is the time by which one call judges.
type moment struct {
	time    time.Time // zero: nothing expires
	quality durable.Quality
}

func (c *Client) now() moment {
	c.short.Lock()
	defer c.short.Unlock()
	now, quality := c.opts.Clock.Now()
	return moment{now, quality}
}

func (m moment) expired(role string, expires time.Time) error {
	if expires.After(m.time) {
		return nil
	}
	return m.tooLate(role, expires)
}

func (m moment) tooLate(role string, expires time.Time) error {
	return &ExpiredError{Role: role, Expires: expires, Now: m.time, Quality: m.quality}
}

// set is a timestamp with the snapshot and the targets that it leads to.
type set struct {
	moment
	tm  *trustedmetadata.TrustedMetadata
	raw []byte // the bytes of tm.Timestamp
	// top is the role targets; nil before it is verified.
	top *targetsRole
	// delegated holds what each delegator vouched for. Another one may delegate to a
	// role of the same name, with keys of its own, and so never shares an entry: a
	// mirror could else let the keys of one sign for the other.
	delegated map[edge]vouched
}

type targetsRole = metadata.Metadata[metadata.TargetsType]

// edge is a role as one of its delegators sees it.
type edge struct{ role, delegator string }

// vouched is a role, and by whose keys: the delegator as it was then, since it may
// itself have several delegators, and other bytes for each.
type vouched struct{ meta, by *targetsRole }

// begin starts a set under the present root.
func (c *Client) begin(m moment) *set {
	s := &set{
		delegated: map[edge]vouched{},
		tm:        &trustedmetadata.TrustedMetadata{Root: c.root.meta, Targets: map[string]*targetsRole{}},
	}
	s.at(m)
	return s
}

// at makes go-tuf, which refuses what expires before RefTime, refuse also what
// expires at this very moment (TUF 5.3.10).
func (s *set) at(m moment) { s.moment, s.tm.RefTime = m, m.time.Add(1) }

// timestamp verifies data as a newer timestamp. One that has expired gives an error
// and is taken all the same, as what the next must not be older than.
func (s *set) timestamp(data []byte) error {
	if err := screen(metadata.TIMESTAMP, data); err != nil {
		return err
	}
	before := s.tm.Timestamp
	_, err := s.tm.UpdateTimestamp(data)
	if s.tm.Timestamp != before {
		s.raw = data
	}
	return err
}

func (s *set) listedSnapshot() *metadata.MetaFiles {
	return s.tm.Timestamp.Signed.Meta["snapshot.json"]
}

// snapshot verifies data as a newer snapshot. A kept one that is expired, or not
// the one that the timestamp lists, is taken as with timestamp.
func (s *set) snapshot(data []byte, kept bool) error {
	if err := screen(metadata.SNAPSHOT, data); err != nil {
		return err
	}
	_, err := s.tm.UpdateSnapshot(data, kept)
	return err
}

// verified returns a role that by has vouched for, or nil.
func (s *set) verified(e edge, by *targetsRole) *targetsRole {
	if by == nil {
		return s.top
	}
	if v := s.delegated[e]; v.by == by {
		return v.meta
	}
	return nil
}

// targets verifies data as a targets role by the keys that its delegator lists: by, or
// the root when that is nil.
func (s *set) targets(data []byte, e edge, by *targetsRole) (*targetsRole, error) {
	if err := screen(metadata.TARGETS, data); err != nil {
		return nil, err
	}
	clear(s.tm.Targets) // go-tuf holds one role for a name: it sees one delegator at a time
	if by != nil {
		s.tm.Targets[e.delegator] = by
	}
	meta, err := s.tm.UpdateDelegatedTargets(data, e.role, e.delegator)
	if err != nil {
		return nil, err
	}
	if d := meta.Signed.Delegations; d != nil {
		for i := range d.Roles {
			d.Roles[i].KeyIDs = usable(d.Roles[i].KeyIDs, d.Keys)
		}
		if d.SuccinctRoles != nil {
			d.SuccinctRoles.KeyIDs = usable(d.SuccinctRoles.KeyIDs, d.Keys)
		}
	}
	if by == nil {
		s.top = meta
	} else {
		s.delegated[e] = vouched{meta, by}
	}
	return meta, nil
}

// wasExpired tells which error go-tuf's is.
func wasExpired(err error) bool { return errors.Is(err, &metadata.ErrExpiredMetadata{}) }

type expiry struct {
	role    string
	expires time.Time
}

// expiries are those of the top-level roles of a whole set.
func (s *set) expiries() []expiry {
	return []expiry{
		{metadata.ROOT, s.tm.Root.Signed.Expires},
		{metadata.TIMESTAMP, s.tm.Timestamp.Signed.Expires},
		{metadata.SNAPSHOT, s.tm.Snapshot.Signed.Expires},
		{metadata.TARGETS, s.top.Signed.Expires},
	}
}
