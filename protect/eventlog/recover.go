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

// recover finds the end of the log. It verifies the records since the anchor and, to
// know when to sign next, as many as a checkpoint stands for; of the others it takes
// size and leaf.
func (l *Log) recover(ctx context.Context) error {
	l.next, l.first = l.log.Next(), l.log.First()
	l.synced, l.last = l.next, start(l.opts.Origin)
	known, err := l.loadAnchor(ctx)
	if err != nil {
		return err
	}
	if l.next == l.first {
		return l.empty(known)
	}
	base, oldest, err := l.beginning(ctx, known)
	if err != nil {
		return err
	}
	v, err := l.follows(ctx, known, base)
	if err != nil {
		return err
	}
	if v.sum.Origin != "" && v.sum.Origin != l.opts.Origin {
		return badRecord(v.sum.Last, "the log is of another origin")
	}
	l.last, l.tree, l.syncedTree = v.last, v.roots.tree, v.roots.tree.clone()
	l.base, err = l.treeFrom(ctx, base, max(oldest, v.sum.Oldest))
	l.stats.Overwritten = max(l.first-1, l.base.size)
	return err
}

// beginning reads the log for its sizes, and for the checkpoint that gives up the fewest of
// the records that there are: from its nodes on everything can be verified. oldest is what
// the newest gives up to.
func (l *Log) beginning(ctx context.Context, known *Checkpoint) (base tree, oldest uint64, err error) {
	l.sizes, l.size = nil, 0
	found := l.first == 1
	take := func(c *Checkpoint) {
		oldest = max(oldest, c.First)
		if c.First >= l.first && (!found || c.base.size < base.size) {
			base, found = c.base, true
		}
	}
	if known != nil {
		take(known)
	}
	mark := []byte(`,"event":"` + EventCheckpoint + `",`)
	read := l.first - 1
	for rec, err := range l.log.Records(ctx, l.first) {
		if err != nil {
			v := verifier{sum: Summary{Last: read}}
			return base, 0, fmt.Errorf("eventlog: open: %w", v.unreadable(err))
		}
		read = rec.Seq
		l.grow(len(rec.Data))
		if !bytes.Contains(rec.Data, mark) {
			continue
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err != nil {
			return base, 0, err
		}
		if c, err := parseCheckpoint([]byte(r.Note), l.public); err == nil { // else it is told when its turn comes
			take(c)
		}
	}
	if !found {
		return base, 0, badRecord(l.first-1, "it is missing, and no checkpoint gives it up")
	}
	return base, oldest, nil
}

// follows reads the log behind base, and verifies its end.
func (l *Log) follows(ctx context.Context, known *Checkpoint, base tree) (*verifier, error) {
	v := &verifier{key: l.public, known: known, roots: roots{tree: base.clone()}}
	from := max(l.from(known), base.size+1)
	l.since = 0
	for rec, err := range l.log.Records(ctx, base.size+1) {
		if err != nil {
			return nil, fmt.Errorf("eventlog: open: %w", v.unreadable(err))
		}
		if rec.Seq < from {
			v.roots.tree.add(leafOf(lineOf(rec.Data)))
			l.mark(&v.roots.tree, len(rec.Data))
			continue
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err == nil {
			err = v.add(r)
		}
		if err != nil {
			return nil, err
		}
		l.mark(&v.roots.tree, len(rec.Data)) // up to the one before
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
		return badRecord(l.first-1, "it is missing, and nothing follows that tells of it")
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
		return r.Seq == 1 && r.Event == EventStarted && digest.String() == hex.EncodeToString(before.Root[:]), nil
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
		digest := slog.StringValue(hex.EncodeToString(l.before.Root[:]))
		cited = []attr{counting(l.before.Size), {key: access.KeyDigest, value: digest, class: access.ClassDevice}}
	}
	if err := l.note(EventStarted, slog.LevelInfo, cited...); err != nil {
		l.failedLocked(err)
	}
}
