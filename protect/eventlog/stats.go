package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/iot-device-baseline/baseline/clause"
)

// Stats counts what a [Log] did since it was opened.
type Stats struct {
	Records     uint64 // kept
	Audit       uint64 // of them of [LevelAudit] and above
	Lost        uint64 // refused: the log or the medium was full, failed, or closed
	Failures    uint64 // of the medium or of the key
	Overwritten uint64 // old records that were given up, in all, whenever that was
	Dropped     uint64 // attributes and messages that were left out
	Cut         uint64 // texts that were shortened
	Checkpoints uint64 // signed
}

func (s *Stats) add(e *encoder, level slog.Level) {
	s.Records++
	if level >= LevelAudit {
		s.Audit++
	}
	s.Dropped += uint64(e.dropped)
	s.Cut += uint64(e.cut)
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Health says that records are being lost, or were lately, or that the anchor or old
// records cannot be dealt with.
func (l *Log) Health(context.Context) error {
	l.mu.Lock()
	lost, ill := l.lost, errors.Join(l.ill.anchor, l.ill.reserve, l.ill.trim, l.ill.certificate)
	l.mu.Unlock()
	if lost > 0 {
		return fmt.Errorf("eventlog: health: %d records lost: %w", lost, ErrFull)
	}
	if err := errors.Join(l.lately(), ill); err != nil {
		return fmt.Errorf("eventlog: health: %w", err)
	}
	return nil
}

// Features returns what a Log answers of 27402 5.2.5: events are recorded for
// analysis (5.2.5.2.2.A), and changes of the record show, by cryptography
// (5.2.5.1.2.D, 5.2.5.1.4), up to the newest checkpoint: what was removed at the end is
// found only with an anchor, or by who holds a checkpoint. That nobody reads it on the medium is up to the Store. With
// a Pseudonym, or without persons, it can leave the device (5.2.5.2.2.C).
func (l *Log) Features() []clause.Feature {
	s := *l.settings.Load()
	return []clause.Feature{{
		ID: "eventlog.kept", Clauses: []clause.ID{clause.C5_2_5_2_2_A}, Package: "protect/eventlog",
		Summary: "security events are on the medium before their operation answers",
		Settings: []clause.Setting{
			{Name: "off", Value: strconv.FormatBool(s.Off)}, {Name: "level", Value: s.least().String()},
			{Name: "full", Value: l.opts.Full.String()}, {Name: "size", Value: strconv.Itoa(l.opts.MaxSize)},
		},
	}, {
		ID: "eventlog.tree", Clauses: []clause.ID{clause.C5_2_5_1_2_D, clause.C5_2_5_1_4}, Package: "protect/eventlog",
		Summary:  "a changed, removed or reordered record is found, and one is proved, with the log's public key; a removed end, but for the last 10 s, with the anchor",
		Settings: []clause.Setting{{Name: "anchor", Value: strconv.FormatBool(l.opts.Anchor != nil)}},
	}, {
		ID: "eventlog.export", Clauses: []clause.ID{clause.C5_2_5_2_2_C}, Package: "protect/eventlog",
		Summary: "an export leaves persons out or gives them pseudonyms, and still verifies",
	}}
}
