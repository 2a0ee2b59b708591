package eventlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Summary is what a verification found. Records up to Signed are covered by a
// signature; those after it fit together, but who can write the medium could have
// made them.
type Summary struct {
	Origin      string // as the checkpoints say; "" without any
	First, Last uint64 // numbers of the records; Last is First-1 when there is none
	// Oldest is the first record that was not given up, as is signed; 1 when none was.
	// An export may begin later.
	Oldest uint64
	// Before is the root of the tree before First: that of the export before this one.
	// It is zero if records before Oldest are there, too.
	Before, Root [sha256.Size]byte
	// After and AfterRoot are size and root of the log that this one followed, as its
	// record 1 cites it; 0 if none, or if that record is not here.
	After       uint64
	AfterRoot   [sha256.Size]byte
	Key         ed25519.PublicKey // of the log, in an export
	Checkpoints int               // that were verified
	Signed      uint64
	Time        time.Time // of the newest checkpoint
	Quality     durable.Quality
}

// Verify checks a log as it lies on the medium, e.g. the Records of a [durable.Log]:
// every record is there, from the first on or from where a checkpoint says that the
// older ones were given up, in order and unchanged, every checkpoint in it is signed by
// key, and the log is one that the checkpoint was made of, which may be nil. It needs
// no secret. An error that is [ErrTampered] names the record. What was cut off behind
// the last record that is left only a checkpoint kept elsewhere can tell.
func Verify(records iter.Seq2[durable.Record, error], key ed25519.PublicKey, checkpoint []byte) (*Summary, error) {
	return verifyFrom(records, key, checkpoint, tree{})
}

// verifyFrom is Verify of records behind base, if that has any leaves.
func verifyFrom(records iter.Seq2[durable.Record, error], key ed25519.PublicKey, checkpoint []byte, base tree) (*Summary, error) {
	v := &verifier{key: key, roots: roots{tree: base}}
	if checkpoint != nil {
		c, err := ParseCheckpoint(checkpoint, key)
		if err != nil {
			return nil, err
		}
		v.known = c
	}
	for rec, err := range records {
		if err != nil {
			return nil, v.unreadable(err)
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err == nil {
			err = v.add(r)
		}
		if err != nil {
			return nil, err
		}
	}
	err := v.end()
	if err == nil && v.sum.First > 0 {
		err = v.whole(v.sum.First)
	}
	if err != nil {
		return nil, err
	}
	return &v.sum, nil
}

// verifier follows a log.
type verifier struct {
	key     ed25519.PublicKey
	known   *Checkpoint // that the log must agree with
	sum     Summary
	roots   roots
	begins  hash   // what First says of the one before
	last    hash   // leaf of the last record; of the one before First at first
	suspect uint64 // a record whose leaf is not what the next one says
	other   tree   // with the leaf that the next one says, up to the suspect
}

func (v *verifier) next() uint64 { return v.sum.Last + 1 }

func (v *verifier) unreadable(err error) error {
	if !errors.Is(err, durable.ErrCorrupt) || errors.Is(err, ErrTampered) {
		return err
	}
	return fmt.Errorf("%w: %w", badRecord(v.next(), "it cannot be read"), err)
}

// add takes the next record.
func (v *verifier) add(r *record) error {
	switch {
	case v.sum.First == 0:
		v.sum.First, v.sum.Last, v.last, v.begins = r.Seq, r.Seq-1, r.prev, r.prev
		v.sum.Before = v.roots.begin(r.Seq - 1)
	case r.Seq != v.next():
		return badRecord(v.next(), "it is missing")
	}
	if err := v.link(r); err != nil {
		return err
	}
	if err := v.agree(v.known); err != nil { // about what was before r
		return err
	}
	if r.Event == EventCheckpoint {
		if err := v.checkpoint(r); err != nil {
			return err
		}
	}
	if v.sum.Last >= v.sum.First {
		if v.suspect == v.sum.Last {
			v.other = v.roots.tree.clone()
			v.other.add(r.prev)
		}
		v.roots.add(v.last)
	}
	v.sum.Last, v.last = r.Seq, r.leaf()
	if r.Seq == 1 && r.Event == EventStarted {
		v.cited(r)
	}
	return nil
}

// cited takes from the first record what it says of the log before.
func (v *verifier) cited(r *record) {
	count, digest := r.Public[access.KeyCount], r.Device[access.KeyDigest]
	root, err := hex.DecodeString(digest.String())
	if err != nil || len(root) != len(v.sum.AfterRoot) || count.Kind() != slog.KindInt64 {
		return
	}
	v.sum.After, v.sum.AfterRoot = uint64(count.Int64()), [sha256.Size]byte(root)
}

// link compares the leaf of the record before r with what r says. Whether r or that
// one was changed, the next record tells.
func (v *verifier) link(r *record) error {
	fits := r.prev == v.last
	if v.suspect != 0 {
		if fits {
			return badRecord(v.suspect, "it is not the one that the next was chained to")
		}
		return badRecord(v.sum.Last, "it is chained to no record of this log")
	}
	if !fits {
		v.suspect = v.sum.Last
	}
	return nil
}

// agree compares the log so far with a checkpoint of so many records.
func (v *verifier) agree(c *Checkpoint) error {
	if c == nil || c.Size != v.sum.Last {
		return nil
	}
	if bad := v.signs(c, v.last); bad == 0 {
		return nil
	}
	if v.suspect != 0 {
		return badRecord(v.sum.Last, "it is chained to no record of this log")
	}
	return badRecord(v.sum.Last, "it, or one before it, is not the one that was signed")
}

// signs reports whether c, of as many records as there are, is of this log if last is its
// last leaf: 0, or the record at which it is not.
func (v *verifier) signs(c *Checkpoint, last hash) uint64 {
	if v.sum.Last < v.sum.First {
		return v.roots.check(c, nil)
	}
	return v.roots.check(c, &last)
}

// checkpoint verifies the note of r, and that r is what the note determines.
func (v *verifier) checkpoint(r *record) error {
	c, err := parseCheckpoint([]byte(r.Note), v.key)
	if err != nil {
		return badRecord(r.Seq, "checkpoint: "+err.Error())
	}
	if err := v.origin(c, r.Seq); err != nil {
		return err
	}
	if c.Size != r.Seq-1 {
		return badRecord(r.Seq, "it is a checkpoint of another place")
	}
	if bad := v.signs(c, r.prev); bad != 0 {
		if v.suspect != 0 {
			return badRecord(r.Seq, "it is chained to another record than the one that it signs")
		}
		return badRecord(bad, "it signs other records than those before")
	}
	if v.suspect != 0 { // r says what was signed, so the one before is wrong
		return badRecord(v.suspect, "it is not the one that was signed")
	}
	var e encoder
	e.encode(slog.LevelInfo, EventCheckpoint, 0, r.Note)
	line, _ := e.chain(&place{seq: r.Seq, time: c.Time, quality: c.Quality, prev: r.prev})
	if !bytes.Equal(line, r.line) {
		return badRecord(r.Seq, "it says more than its checkpoint")
	}
	v.sum.Checkpoints++
	v.signed(c)
	return nil
}

func (v *verifier) signed(c *Checkpoint) {
	v.sum.Signed, v.sum.Time, v.sum.Quality = c.Size, c.Time, c.Quality
	v.sum.Oldest = max(v.sum.Oldest, c.First)
}

// whole sees to it that no record is missing at the beginning but those that a
// checkpoint gives up.
func (v *verifier) whole(first uint64) error {
	if first > max(v.sum.Oldest, 1) {
		return badRecord(first-1, "it is missing, and no checkpoint gives it up")
	}
	return nil
}

// origin sees to it that all checkpoints are of one log, and the first record too.
func (v *verifier) origin(c *Checkpoint, seq uint64) error {
	if v.sum.Origin == "" {
		v.sum.Origin = c.Origin
		if v.sum.First == 1 && v.begins != start(c.Origin) {
			return badRecord(1, "it begins another log")
		}
	}
	if c.Origin != v.sum.Origin {
		return badRecord(seq, "it is a checkpoint of another log")
	}
	return nil
}

// end judges the log as a whole.
func (v *verifier) end() error {
	if v.known != nil {
		if v.sum.Last < v.known.Size {
			return badRecord(v.next(), "it is missing, and was signed")
		}
		if err := v.origin(v.known, v.sum.Last); err != nil {
			return err
		}
		if v.suspect != 0 && v.known.Size == v.sum.Last {
			v.other.add(v.last)
			if v.roots.known && unlike(&v.other, v.known) == 0 {
				return badRecord(v.suspect, "it is not the one that was signed")
			}
		}
		if err := v.agree(v.known); err != nil {
			return err
		}
		v.sum.Oldest = max(v.sum.Oldest, v.known.First)
		if v.known.Size > v.sum.Signed {
			v.signed(v.known)
		}
	}
	if v.suspect != 0 {
		return badRecord(v.suspect, "it is not the one that the next was chained to")
	}
	if v.sum.First > 0 && v.sum.Last >= v.sum.First {
		v.roots.add(v.last)
	}
	v.sum.Root = v.roots.root()
	return nil
}
