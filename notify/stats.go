package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
)

// Stats counts what a [Center] did since it was opened; Lost since ever.
type Stats struct {
	Kept, Active int    // notices at the moment
	Raised       int    // calls of Raise that were allowed
	Folded       int    // of them those that were only counted
	Refused      int    // of them those for which there was no room
	Lost         uint64 // active notices dropped to make room
	Damaged      int    // records on the medium that cannot be read
	Writes       int    // changes of the store, without the queues
	Channels     []ChannelStats
}

// ChannelStats counts what a channel did since the [Center] was opened.
type ChannelStats struct {
	Name      string
	Pending   int // messages that wait
	Delivered int
	Skipped   int           // gone or superseded before their turn
	Retried   int           // failed tries that were repeated
	Refused   int           // given up: permanent errors; with Direct any error
	Lost      int           // dropped because too many waited
	Damaged   int           // messages lost to damage of the medium
	Failing   time.Duration // how long every try has failed; 0 = the last one worked
	Stopped   bool          // the queue cannot be read or written
}

// Stats returns the counters.
func (c *Center) Stats() Stats {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Damaged = len(c.damaged)
	for _, e := range c.entries {
		if !e.expired(now) {
			s.Kept++
			if e.Active() {
				s.Active++
			}
		}
	}
	for _, ch := range c.channels {
		s.Channels = append(s.Channels, c.channelStats(ch, now))
	}
	return s
}

func (c *Center) channelStats(ch *channel, now time.Time) ChannelStats {
	s := ChannelStats{Name: ch.Name, Stopped: ch.stopped != nil}
	if !ch.failing.IsZero() {
		s.Failing = now.Sub(ch.failing)
	}
	if ch.box != nil {
		o := ch.box.Stats()
		s.Pending, s.Skipped = ch.box.Pending(), ch.skipped
		s.Delivered = o.Delivered - ch.skipped
		s.Retried, s.Refused, s.Lost, s.Damaged = o.Retried, o.Dropped, o.Overflowed, o.Damaged
		return s
	}
	i := slices.IndexFunc(c.fan.channels, func(d *direct) bool { return d.channel == ch })
	d := c.fan.channels[i]
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Pending, s.Delivered, s.Refused, s.Lost = len(d.backlog), d.stats.delivered, d.stats.failed, d.stats.dropped
	return s
}

// patience is how long a channel may fail before Health tells.
const patience = time.Hour

// Health reports what the owner of the device should know: notices that cannot be
// read ([ErrDamaged]; [Center.Erase] removes them) or written, channels that lost
// notices, also to damage ([ErrDamaged]), whose queue is stopped, or that have
// failed for an hour.
func (c *Center) Health(context.Context) error {
	s := c.Stats()
	var errs []error
	if s.Damaged > 0 {
		errs = append(errs, fmt.Errorf("notify: health: %d records: %w", s.Damaged, ErrDamaged))
	}
	c.mu.Lock()
	if c.failing != nil {
		errs = append(errs, fmt.Errorf("notify: health: last write: %w", c.failing))
	}
	c.mu.Unlock()
	for _, ch := range s.Channels {
		if ch.Damaged > 0 {
			errs = append(errs, fmt.Errorf("notify: health: channel %s: its queue lost messages: %w", ch.Name, ErrDamaged))
		}
		switch {
		case ch.Stopped:
			errs = append(errs, fmt.Errorf("notify: health: channel %s: its queue is stopped", ch.Name))
		case ch.Failing >= patience:
			errs = append(errs, fmt.Errorf("notify: health: channel %s: fails for %v, %d wait", ch.Name, ch.Failing.Round(time.Minute), ch.Pending))
		case ch.Lost > 0:
			errs = append(errs, fmt.Errorf("notify: health: channel %s: lost %d", ch.Name, ch.Lost))
		}
	}
	return errors.Join(errs...)
}

// Features returns what a Center answers of 27402 5.2.8: adverse events are told
// (5.2.8.1.A), a query in any form is answered (B, D), and, where a channel is
// said to serve it, a hub (C) or an alarm or logging system (E) is notified. The
// routing in force is reported as settings.
func (c *Center) Features() []clause.Feature {
	r := *c.routing.Load()
	features := []clause.Feature{{
		ID: "notify.kept", Clauses: []clause.ID{clause.C5_2_8_1_A}, Package: "notify",
		Summary:  "adverse events become notices that survive a power cut",
		Settings: []clause.Setting{{Name: "max", Value: strconv.Itoa(c.max)}},
	}, {
		ID: "notify.query", Clauses: []clause.ID{clause.C5_2_8_1_B, clause.C5_2_8_1_D}, Package: "notify",
		Summary: "whoever may read notices gets them when he asks",
	}}
	if len(c.channels) > 0 {
		features = append(features, clause.Feature{
			ID: "notify.channels", Clauses: []clause.ID{clause.C5_2_8_1_A}, Package: "notify",
			Summary: "notices are sent without being asked for", Settings: c.routeSettings(r, 0),
		})
	}
	for _, kind := range []struct {
		id      string
		serves  clause.ID
		summary string
	}{
		{"notify.hub", clause.C5_2_8_1_C, "notices reach people through a local hub"},
		{"notify.alarm", clause.C5_2_8_1_E, "notices reach alarm or logging systems"},
	} {
		if s := c.routeSettings(r, kind.serves); len(s) > 0 {
			features = append(features, clause.Feature{
				ID: kind.id, Clauses: []clause.ID{kind.serves}, Package: "notify", Summary: kind.summary, Settings: s,
			})
		}
	}
	return features
}

// routeSettings tells which channels that serve id (0: all) are on.
func (c *Center) routeSettings(r routes, id clause.ID) []clause.Setting {
	var out []clause.Setting
	for _, ch := range c.channels {
		if id != 0 && !slices.Contains(ch.Serves, id) {
			continue
		}
		value := "on"
		switch route := r[ch.Name]; {
		case route.Off:
			value = "off"
		case route.Severity > Info || len(route.Audiences) > 0:
			value = "narrowed"
		}
		out = append(out, clause.Setting{Name: ch.Name, Value: value})
	}
	return out
}
