package gate

import (
	"context"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

const foldTime = 10 * time.Second

// fold folds the refusals of an entry as the guard folds denials: the first is logged,
// then a count at most once in foldTime. The gate's lock guards it.
type fold struct {
	since time.Time // of the last record; zero: none within foldTime
	more  int       // since it was logged
	last  string    // the cause of the last one
}

// refusal is a record to log once no lock is held.
type refusal struct {
	name  string
	cause string
	more  int // refusals since the last record; 0 for a first one
}

// add counts a refusal and returns what to log now.
func (f *fold) add(name, cause string) []refusal {
	now := time.Now()
	if f.since.IsZero() {
		f.since = now
		return []refusal{{name: name, cause: cause}}
	}
	f.more, f.last = f.more+1, cause
	return f.due(name, now)
}

// due returns what was counted, where it is time to. It counts on, so that it is one
// record in foldTime; without anything counted the next refusal is a first one.
func (f *fold) due(name string, now time.Time) []refusal {
	if f.since.IsZero() || now.Sub(f.since) < foldTime {
		return nil
	}
	list := f.rest(name)
	f.since = time.Time{}
	if list != nil {
		f.since = now
	}
	return list
}

// rest returns what was counted.
func (f *fold) rest(name string) []refusal {
	if f.more == 0 {
		return nil
	}
	r := refusal{name, f.last, f.more}
	f.more = 0
	return []refusal{r}
}

func (g *Gate) logRefused(r refusal) {
	attrs := []slog.Attr{slog.String(access.KeyInterface, r.name), slog.String(access.KeyError, r.cause)}
	if r.more > 0 {
		attrs = append(attrs, slog.Int(access.KeyRepeated, r.more))
	}
	g.log.LogAttrs(context.Background(), slog.LevelWarn, EventRefused, attrs...)
}
