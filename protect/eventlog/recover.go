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
)

// recover finds the end of the chain. It verifies the records since the anchor and, to
// know when to sign next, as many as a checkpoint stands for; of the others it takes
// the size.
func (l *Log) recover(ctx context.Context) error {
	l.next, l.first = l.log.Next(), l.log.First()
	l.synced, l.head, l.oldest = l.next, start(l.opts.Origin), 1
	l.stats.Overwritten = l.first - 1
	known, err := l.loadAnchor(ctx)
	if err != nil {
		return err
	}
	if l.next == l.first {
		l.syncedHead = l.head
		return l.empty(known)
	}
	v, err := l.follows(ctx, known, l.from(known))
	if err == nil && l.first > max(v.sum.Oldest, 1) { // an older checkpoint may tell
		v, err = l.follows(ctx, known, l.first)
	}
	if err == nil {
		err = v.whole(l.first)
	}
	if err != nil {
		return err
	}
	if v.sum.Origin != "" && v.sum.Origin != l.opts.Origin {
		return badRecord(v.sum.Last, "the log is of another origin")
	}
	l.head, l.syncedHead, l.oldest = v.sum.Head, v.sum.Head, max(v.sum.Oldest, 1)
	return nil
}

// follows reads the log, and verifies it from number from on.
func (l *Log) follows(ctx context.Context, known *Checkpoint, from uint64) (*verifier, error) {
	v := &verifier{key: l.public, known: known}
	l.sizes, l.size, l.since = nil, 0, 0
	for rec, err := range l.log.Records(ctx, l.first) {
		if err != nil {
			return nil, fmt.Errorf("eventlog: open: %w", v.unreadable(err))
		}
		l.grow(len(rec.Data))
		if rec.Seq < from {
			continue
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err == nil {
			err = v.add(r)
		}
		if err != nil {
			return nil, err
		}
		l.found(r)
	}
	return v, v.end()
}

// found takes from an old record what the log has to know.
func (l *Log) found(r *record) {
	l.since++
	if r.Event == EventCheckpoint {
		l.signed, l.since = bytes.Clone([]byte(r.Note)), 0
	}
	if anchors(slog.Level(r.Level), r.Event) {
		l.important = r.Seq
	}
}

// from is the first record that has to be verified.
func (l *Log) from(known *Checkpoint) uint64 {
	from := l.next - min(l.next-l.first, uint64(l.opts.CheckpointEvery))
	if known != nil {
		from = min(from, max(known.Size, 1))
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
	if c.Origin != l.opts.Origin {
		return nil, fmt.Errorf("eventlog: open: the anchor is of another log: %w", ErrTampered)
	}
	l.anchored, l.anchoredOldest = c.Size+1, c.First
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
		cited = []attr{counting(l.before.Size), {key: access.KeyDigest, value: digest, class: access.ClassDevice}}
	}
	if err := l.note(EventStarted, slog.LevelInfo, cited...); err != nil {
		l.failedLocked(err)
	}
}
