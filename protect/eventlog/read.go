package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Entry is one event.
type Entry struct {
	Seq     uint64
	Time    time.Time // zero when it was not told
	Quality durable.Quality
	Level   slog.Level
	Event   string
	Attrs   []slog.Attr // by key, persons too; groups stand before it with a dot
	Dropped int         // attributes that were left out
}

// Records returns the events from number from on that are on the medium, with the
// persons in them: it never leaves the device as it is. It ends with an error that is
// [ErrTampered] at a record that does not follow from the one before, and with one that is
// [fs.ErrNotExist] when records were given up while it read: begin again. Permission:
// [access.LogRead].
func (l *Log) Records(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if _, err := l.check(ctx, access.LogRead); err != nil {
			yield(Entry{}, fmt.Errorf("eventlog: read: %w", err))
			return
		}
		base, err := l.treeBefore(ctx, from)
		if err != nil {
			yield(Entry{}, fmt.Errorf("eventlog: read: %w", err))
			return
		}
		v := &verifier{key: l.public, roots: roots{tree: base}}
		for rec, err := range l.log.Records(ctx, base.size+1) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("eventlog: read: %w", v.unreadable(err)))
				return
			}
			r, err := parseFrame(rec.Seq, rec.Data)
			if err == nil {
				err = v.add(r)
			}
			if err == nil && v.sum.First != base.size+1 {
				err = badRecord(base.size+1, "it is missing")
			}
			if err != nil {
				yield(Entry{}, l.gaveUp(base.size+1, err))
				return
			}
			if !yield(r.entry(), nil) {
				return
			}
		}
		if err := v.end(); err != nil {
			yield(Entry{}, err)
		}
	}
}

// gaveUp is err, unless records from next on were given up meanwhile: that they are not there
// is then no tampering.
func (l *Log) gaveUp(next uint64, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next < l.oldest() && errors.Is(err, ErrTampered) {
		return fmt.Errorf("eventlog: the records below %d were given up meanwhile: %w", l.oldest(), fs.ErrNotExist)
	}
	return err
}

// Verify checks all that is on the medium with the log's own key: see the function
// [Verify]. Permission: [access.LogRead].
func (l *Log) Verify(ctx context.Context, checkpoint []byte) (*Summary, error) {
	if _, err := l.check(ctx, access.LogRead); err != nil {
		return nil, fmt.Errorf("eventlog: verify: %w", err)
	}
	l.mu.Lock()
	base := l.base.clone()
	l.mu.Unlock()
	s, err := verifyFrom(l.log.Records(ctx, base.size+1), l.public, checkpoint, base)
	if err != nil {
		return nil, l.gaveUp(base.size+1, err)
	}
	return s, nil
}

func (r *record) entry() Entry {
	e := Entry{Seq: r.Seq, Time: r.at, Quality: r.quality, Level: slog.Level(r.Level), Event: r.Event, Dropped: r.Dropped}
	all := map[string]value{}
	maps.Copy(all, r.Public)
	maps.Copy(all, r.Device)
	for key, h := range r.held {
		if v, err := h.plain(); err == nil {
			all[key] = v
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		e.Attrs = append(e.Attrs, slog.Attr{Key: key, Value: all[key].Value})
	}
	return e
}

func (h *held) plain() (value, error) {
	var v value
	err := json.Unmarshal(h.Value, &v)
	return v, err
}
