package tuf

import (
	"maps"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/durable"
)

// Status is what a [Client] trusts now.
type Status struct {
	Root, Timestamp, Snapshot, Targets int64 // versions; 0: none verified yet
	// Expires is when the first of them does; zero before there is a timestamp.
	Expires time.Time
	// Quality is that of the clock. With [durable.LowerBound] nothing is known to be
	// fresh, only not to be surely expired.
	Quality durable.Quality
	// Unfloored are the roles whose floor found no room in [Options].Floors: only the
	// copies in the Store resist their rollback.
	Unfloored []string
}

// Status returns what the client trusts now, for status pages, and for deciding
// whether to install without a good clock. While a Refresh runs it is what was trusted
// before: it does not wait for a server.
func (c *Client) Status() Status {
	quality := c.now().quality
	c.short.Lock()
	defer c.short.Unlock()
	st := c.status
	st.Quality, st.Unfloored = quality, slices.Clone(st.Unfloored)
	return st
}

// tell makes the present state what Status returns; the caller holds c.mu, or is the
// only one who has c.
func (c *Client) tell() {
	st := Status{Root: c.root.meta.Signed.Version, Unfloored: slices.Sorted(maps.Keys(c.unfloored))}
	if c.set != nil {
		v := c.set.versions()
		st.Timestamp, st.Snapshot, st.Targets = v[metadata.TIMESTAMP], v[metadata.SNAPSHOT], v[metadata.TARGETS]
		for _, e := range c.set.expiries() {
			if st.Expires.IsZero() || e.expires.Before(st.Expires) {
				st.Expires = e.expires
			}
		}
	}
	c.short.Lock()
	defer c.short.Unlock()
	c.status = st
}
