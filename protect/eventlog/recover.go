package eventlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// recover finds the end of the chain. It reads the records since the anchor and, to
// know when to sign next, as many as a checkpoint stands for; with Stop all, to know
// the size.
func (l *Log) recover(ctx context.Context) error {
	l.next, l.first = l.log.Next(), l.log.First()
	l.synced, l.head = l.next, start(l.opts.Origin)
	l.stats.Overwritten = l.first - 1
	known, err := l.loadAnchor(ctx)
	if err != nil {
		return err
	}
	if l.next == l.first {
		return l.empty(known)
	}
	v := &verifier{key: l.public, known: known}
	for rec, err := range l.log.Records(ctx, l.oldest(known)) {
		if err != nil {
			return fmt.Errorf("eventlog: open: %w", v.unreadable(err))
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err == nil {
			err = v.add(r)
		}
		if err != nil {
			return err
		}
		l.found(r, len(rec.Data))
	}
	if err := v.end(); err != nil {
		return err
	}
	if v.sum.Origin != "" && v.sum.Origin != l.opts.Origin {
		return badRecord(v.sum.Last, "the log is of another origin")
	}
	l.head = v.sum.Head
	return nil
}

// found takes from an old record what the log has to know.
func (l *Log) found(r *record, size int) {
	l.size += size
	l.since++
	if r.Event == EventCheckpoint {
		l.signed, l.signedAt, l.since = bytes.Clone([]byte(r.Note)), r.Seq, 0
	}
}

// oldest is the first record that has to be read.
func (l *Log) oldest(known *Checkpoint) uint64 {
	from := l.next - min(l.next-l.first, uint64(l.opts.CheckpointEvery))
	if known != nil {
		from = min(from, max(known.Size, 1))
	}
	if l.opts.Full == Stop {
		from = 0
	}
	return max(from, l.first)
}

// empty judges a log without records.
func (l *Log) empty(known *Checkpoint) error {
	switch {
	case l.before != nil:
		return nil
	case known != nil && known.Size > 0:
		return badRecord(known.Size, "it is missing, and was signed")
	case l.first > 1:
		return badRecord(l.first-1, "it is missing, and nothing follows that tells its hash")
	}
	return nil
}

// anchor is the record of the newest checkpoint.
type anchor struct {
	Seq     uint64 `json:"seq"`
	Note    string `json:"note"`
	Retired bool   `json:"retired,omitempty"`
}

func anchorValue(store durable.Store, name string) *durable.Value[anchor] {
	return durable.NewValue[anchor](store, name+"-checkpoint", nil)
}

// Retire says in the anchor that the log called name, which "" takes for "eventlog",
// ends for good: whoever destroys it calls this before, so that its absence is no
// tampering. The first record of the log that Open then begins cites it by size and
// head, and so the two are one story. A reset that keeps nothing of the sort deletes
// the anchor instead. Who holds the Store is trusted.
func Retire(ctx context.Context, store durable.Store, name string) error {
	setDefault(&name, "eventlog")
	v := anchorValue(store, name)
	a, err := v.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !a.Retired {
		a.Retired = true
		err = v.Store(ctx, a)
	}
	if err != nil {
		return fmt.Errorf("eventlog: retire: %w", err)
	}
	return nil
}

// loadAnchor returns the checkpoint that the log must agree with. That of a retired
// log may be of another key: it is cited only.
func (l *Log) loadAnchor(ctx context.Context) (*Checkpoint, error) {
	if l.anchor == nil {
		return nil, nil
	}
	a, err := l.anchor.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("eventlog: open: anchor: %w", err)
	}
	if a.Retired {
		successor, err := l.succeeds(ctx, a.Note)
		if successor || err != nil {
			return nil, err
		}
	}
	c, err := ParseCheckpoint([]byte(a.Note), l.public)
	if err != nil {
		return nil, err
	}
	if c.Origin != l.opts.Origin || a.Seq <= c.Size {
		return nil, fmt.Errorf("eventlog: open: the anchor is of another log: %w", ErrTampered)
	}
	l.anchored = a.Seq
	return c, nil
}

// succeeds reports whether this log is empty, or cites the retired one that signed
// note in its first record. If not, it is that one.
func (l *Log) succeeds(ctx context.Context, note string) (bool, error) {
	text, _, _ := strings.Cut(note, "\n\n")
	before, err := parseText(text + "\n")
	if err != nil {
		return false, fmt.Errorf("eventlog: open: anchor: %w", ErrTampered)
	}
	if l.next == 1 {
		l.before = before
		return true, nil
	}
	for rec, err := range l.log.Records(ctx, 1) {
		if err != nil {
			return false, fmt.Errorf("eventlog: open: %w", err)
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err != nil {
			return false, err
		}
		digest := r.Device[access.KeyDigest]
		return r.Seq == 1 && r.Event == EventStarted && digest.String() == hex.EncodeToString(before.Head[:]), nil
	}
	return false, nil
}

// started notes the start, and the log before this one. It waits for the next Sync: a
// start that leaves no other record is not worth a write.
func (l *Log) started() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var cited []attr
	if l.before != nil {
		digest := slog.StringValue(hex.EncodeToString(l.before.Head[:]))
		cited = []attr{number(access.KeyCount, l.before.Size), {key: access.KeyDigest, value: digest, class: access.ClassDevice}}
	}
	if err := l.note(EventStarted, slog.LevelInfo, cited...); err != nil {
		l.failedLocked(err)
	}
}
