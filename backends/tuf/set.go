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
	// verified holds which delegator has vouched for which role: another one's word
	// for a role of the same name is not taken.
	verified map[[2]string]bool
}

// begin starts a set under the present root.
func (c *Client) begin(m moment) *set {
	s := &set{
		verified: map[[2]string]bool{},
		tm:       &trustedmetadata.TrustedMetadata{Root: c.root.meta, Targets: map[string]*metadata.Metadata[metadata.TargetsType]{}},
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

// targets verifies data as a targets role by the keys that its delegator lists.
func (s *set) targets(data []byte, role, delegator string) error {
	if err := screen(metadata.TARGETS, data); err != nil {
		return err
	}
	meta, err := s.tm.UpdateDelegatedTargets(data, role, delegator)
	if err != nil {
		return err
	}
	if d := meta.Signed.Delegations; d != nil {
		for i := range d.Roles {
			d.Roles[i].KeyIDs = usable(d.Roles[i].KeyIDs, d.Keys)
		}
		if d.SuccinctRoles != nil {
			d.SuccinctRoles.KeyIDs = usable(d.SuccinctRoles.KeyIDs, d.Keys)
		}
	}
	s.verified[[2]string{delegator, role}] = true
	return nil
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
		{metadata.TARGETS, s.tm.Targets[metadata.TARGETS].Signed.Expires},
	}
}
