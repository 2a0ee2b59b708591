package eventlog

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// RecordProof shows that one record is in the log that a checkpoint is of, without the
// others. It is JSON, of a few kilobytes, and tells of persons only their commitments.
type RecordProof struct {
	Checkpoint string      `json:"checkpoint"` // of the whole log
	Line       string      `json:"line"`       // of the record
	Path       []tlog.Hash `json:"path"`       // audit path (RFC 6962, 2.1.1)
}

// GrowthProof shows that the log of an older checkpoint is the beginning of a newer one's:
// that nothing was changed, removed or put in between. It is JSON, of a few kilobytes.
type GrowthProof struct {
	Checkpoint string      `json:"checkpoint"` // the newer one
	Path       []tlog.Hash `json:"path"`       // consistency proof (RFC 6962, 2.1.2)
}

// maxPath is the most hashes of a proof.
const maxPath = 128

var proofLimits = strictjson.Limits{Bytes: 64 << 10, Depth: 2, Items: maxPath + 8}

// ProveRecord proves that record seq is in the log. One that was given up cannot be proved
// any more ([fs.ErrNotExist]). It reads the log, and logs that somebody took an export.
// Permission: [access.LogExport].
func (l *Log) ProveRecord(ctx context.Context, seq uint64) (*RecordProof, error) {
	p, err := l.proveRecord(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("eventlog: prove record %d: %w", seq, err)
	}
	return p, nil
}

func (l *Log) proveRecord(ctx context.Context, seq uint64) (*RecordProof, error) {
	c, signed, err := l.toProve(ctx)
	if err != nil {
		return nil, err
	}
	nodes, line, err := l.nodes(ctx, c, seq)
	if err != nil {
		return nil, err
	}
	if line == nil {
		return nil, fs.ErrNotExist
	}
	path, err := tlog.ProveRecord(int64(c.Size), int64(seq-1), nodes)
	if err != nil {
		return nil, err
	}
	return &RecordProof{Checkpoint: string(signed), Line: string(line), Path: path}, nil
}

// ProveGrowth proves that the log is the one that an older checkpoint of it is of, and has
// only grown. One of so few records that those behind it were given up cannot be
// proved any more ([fs.ErrNotExist]); what is no checkpoint of this log is [ErrTampered]. It
// reads the log, and logs that somebody took an export. Permission: [access.LogExport].
func (l *Log) ProveGrowth(ctx context.Context, older []byte) (*GrowthProof, error) {
	p, err := l.proveGrowth(ctx, older)
	if err != nil {
		return nil, fmt.Errorf("eventlog: prove growth: %w", err)
	}
	return p, nil
}

func (l *Log) proveGrowth(ctx context.Context, older []byte) (*GrowthProof, error) {
	old, err := ParseCheckpoint(older, l.public)
	if err != nil {
		return nil, err
	}
	c, signed, err := l.toProve(ctx)
	if err != nil {
		return nil, err
	}
	if old.Size > c.Size || old.Origin != c.Origin {
		return nil, fmt.Errorf("it is of %d records of %q, the log has %d: %w", old.Size, old.Origin, c.Size, ErrTampered)
	}
	p := &GrowthProof{Checkpoint: string(signed)}
	if old.Size == 0 || old.Size == c.Size {
		return p, p.Verify(older, l.public)
	}
	nodes, _, err := l.nodes(ctx, c, 0)
	if err == nil {
		p.Path, err = tlog.ProveTree(int64(c.Size), int64(old.Size), nodes)
	}
	if err != nil {
		return nil, err
	}
	return p, p.Verify(older, l.public)
}

// toProve signs what there is, for somebody.
func (l *Log) toProve(ctx context.Context) (*Checkpoint, []byte, error) {
	who, err := l.check(ctx, access.LogExport)
	if err != nil {
		return nil, nil, err
	}
	if err := l.exported(who); err != nil {
		return nil, nil, err
	}
	signed, err := l.signNow(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := ParseCheckpoint(signed, l.public)
	return c, signed, err
}

// nodes reads the log, and returns what gives the nodes of the tree of c, and the line of
// record seq, if it is there.
func (l *Log) nodes(ctx context.Context, c *Checkpoint, seq uint64) (tlog.HashReader, []byte, error) {
	l.mu.Lock()
	n := &nodeReader{base: l.base.clone()}
	l.mu.Unlock()
	var line []byte
	for rec, err := range l.log.Records(ctx, n.base.size+1) {
		if err != nil {
			return nil, nil, err
		}
		if rec.Seq > c.Size {
			break
		}
		if rec.Seq != n.base.size+uint64(len(n.leaves))+1 {
			return nil, nil, l.gaveUp(n.base.size+1, badRecord(rec.Seq-1, "it is missing"))
		}
		if rec.Seq == seq {
			line = lineOf(rec.Data)
		}
		n.leaves = append(n.leaves, leafOf(lineOf(rec.Data)))
	}
	return n, line, nil
}

// nodeReader gives the nodes that do not lie wholly among the records that were given up;
// and of those the ones in base.
type nodeReader struct {
	base   tree
	leaves []hash // of the records behind it
}

// ReadHashes implements [tlog.HashReader].
func (n *nodeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, at := tlog.SplitStoredHashIndex(index)
		var ok bool
		if out[i], ok = n.node(level, uint64(at)); !ok {
			return nil, fmt.Errorf("the records before %d were given up: %w", n.base.size+1, fs.ErrNotExist)
		}
	}
	return out, nil
}

// node is the root of the at-th complete subtree of 2^level leaves.
func (n *nodeReader) node(level int, at uint64) (hash, bool) {
	first, end := at<<level, (at+1)<<level
	switch {
	case end > n.base.size+uint64(len(n.leaves)):
		return hash{}, false
	case end <= n.base.size:
		return n.base.node(level, at)
	case level == 0:
		return n.leaves[first-n.base.size], true
	}
	left, lok := n.node(level-1, 2*at)
	right, rok := n.node(level-1, 2*at+1)
	return nodeOf(left, right), lok && rok
}

// Verify shows the proof to be right by the log's public key alone. It returns the
// checkpoint, and the event with its attributes, but for those of persons. An error is
// [ErrTampered].
func (p *RecordProof) Verify(key ed25519.PublicKey) (*Checkpoint, Entry, error) {
	c, err := ParseCheckpoint([]byte(p.Checkpoint), key)
	if err != nil {
		return nil, Entry{}, err
	}
	r, err := parseLine(0, []byte(p.Line))
	if err != nil {
		return nil, Entry{}, err
	}
	if r.Seq > c.Size || c.Size >= maxLeaves || len(p.Path) > maxPath {
		return nil, Entry{}, badRecord(r.Seq, "it is not in the log of the checkpoint")
	}
	if err := tlog.CheckRecord(p.Path, int64(c.Size), c.Root, int64(r.Seq-1), r.leaf()); err != nil {
		return nil, Entry{}, badRecord(r.Seq, "it is not in the log of the checkpoint")
	}
	return c, r.entry(), nil
}

// maxLeaves bounds what is converted: no log has so many records.
const maxLeaves = 1 << 62

// Verify shows that the log of the older checkpoint is the beginning of that of the newer
// one, by the log's public key alone. An error is [ErrTampered].
func (p *GrowthProof) Verify(older []byte, key ed25519.PublicKey) error {
	old, err := ParseCheckpoint(older, key)
	if err != nil {
		return err
	}
	c, err := ParseCheckpoint([]byte(p.Checkpoint), key)
	if err != nil {
		return err
	}
	switch {
	case old.Origin != c.Origin:
		err = errors.New("of another log")
	case old.Size > c.Size || c.Size >= maxLeaves || len(p.Path) > maxPath:
		err = errors.New("out of range")
	case old.Size == 0:
	case old.Size == c.Size:
		if old.Root != c.Root {
			err = errors.New("of other records")
		}
	default:
		err = tlog.CheckTree(p.Path, int64(c.Size), c.Root, int64(old.Size), old.Root)
	}
	if err != nil {
		return fmt.Errorf("eventlog: growth from %d to %d records: %v: %w", old.Size, c.Size, err, ErrTampered)
	}
	return nil
}

// ParseRecordProof reads what [json.Marshal] made of a proof. It verifies nothing. An error
// is [ErrTampered].
func ParseRecordProof(raw []byte) (*RecordProof, error) {
	p := &RecordProof{}
	if err := strictjson.Decode(raw, p, proofLimits); err != nil {
		return nil, fmt.Errorf("eventlog: proof: %v: %w", err, ErrTampered)
	}
	return p, nil
}

// ParseGrowthProof is [ParseRecordProof] for a [GrowthProof].
func ParseGrowthProof(raw []byte) (*GrowthProof, error) {
	p := &GrowthProof{}
	if err := strictjson.Decode(raw, p, proofLimits); err != nil {
		return nil, fmt.Errorf("eventlog: proof: %v: %w", err, ErrTampered)
	}
	return p, nil
}
