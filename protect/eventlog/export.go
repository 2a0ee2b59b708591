package eventlog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// An export is lines of JSON: unless it begins with record 1 of a log whose key the device
// did not certify, the nodes of the tree before its first, and the certificate; the first
// lines of the records, as they lie on the medium; behind those that name a person whose
// pseudonym is told, a line of names, which are chained among themselves; and one last
// line with a signed checkpoint that also says where the export begins and how its names
// end.
//
//	{"before":6,"nodes":"…","certificate":"baseline eventlog key 1\n…"}
//	{"seq":7,…}
//	{"of":7,"names":{"subject":"p-0k2…"},"prev":"<hash of the names line before>"}
//	{"checkpoint":"gateway-7\n7\n…"}

// names is a line of names.
type names struct {
	Of    uint64            `json:"of"`
	Names map[string]string `json:"names"`
	Prev  string            `json:"prev"`
}

// beginning is the first line, if records before it are not in the export, or there is a
// certificate.
type beginning struct {
	Before      uint64 `json:"before"`
	Nodes       string `json:"nodes"` // base64
	Certificate string `json:"certificate,omitempty"`
}

// ending is the last line.
type ending struct {
	Checkpoint string `json:"checkpoint"`
}

// startNames is the head before the first line of names: of the beginning, if there is one.
func startNames(beginning []byte) hash {
	return sha256.Sum256(append([]byte("baseline eventlog names 1\n"), beginning...))
}

func (c *Checkpoint) setExport(first uint64, names hash) {
	c.export = " " + strconv.FormatUint(first, 10) + " " + base64.StdEncoding.EncodeToString(names[:])
}

// Export writes the records from number from on, without the values of person-class
// attributes: those that name a subject get its pseudonym (Options.Pseudonym), the
// others stay behind. [VerifyExport] verifies it with the log's public key alone. next
// is where the following export begins; whoever receives keeps it once he has
// accepted, so that nothing is missing between two. Records that were given up are left
// out; if that happens while it reads, the error is [fs.ErrNotExist]: begin again. An
// export is an event, and is in what it exports. Permission: [access.LogExport].
func (l *Log) Export(ctx context.Context, w io.Writer, from uint64) (next uint64, err error) {
	who, err := l.check(ctx, access.LogExport)
	if err != nil {
		return 0, fmt.Errorf("eventlog: export: %w", err)
	}
	if err := l.exported(who); err != nil {
		return 0, fmt.Errorf("eventlog: export: %w", err)
	}
	l.mu.Lock()
	c := l.checkpoint()
	l.mu.Unlock()
	if err := l.flush(); err != nil { // others may have logged since
		return 0, fmt.Errorf("eventlog: export: %w", err)
	}
	if from > c.Size {
		return 0, fmt.Errorf("eventlog: export: from record %d, the last is %d: %w", from, c.Size, fs.ErrInvalid)
	}
	x := &exporter{log: l, w: w, names: startNames(nil), v: verifier{key: l.public}}
	err = x.begin(ctx, from)
	first := x.v.roots.tree.size + 1
	if err == nil {
		err = x.records(ctx, first, c.Size)
	}
	if err == nil {
		err = x.end(c)
	}
	if err != nil {
		return 0, fmt.Errorf("eventlog: export: %w", l.gaveUp(first, err))
	}
	return c.Size + 1, nil
}

// exported logs that somebody takes something out.
func (l *Log) exported(who *access.Entity) error {
	return l.audit(EventExported, attr{key: access.KeyEntity, value: slog.StringValue(who.ID()), class: access.ClassPerson})
}

// exporter writes one export. What it reads it verifies: it signs for it.
type exporter struct {
	log   *Log
	w     io.Writer
	names hash
	v     verifier
}

// begin finds the tree before the first record, which is the oldest that was not given up
// or a later one, and writes its nodes.
func (x *exporter) begin(ctx context.Context, from uint64) error {
	before, err := x.log.treeBefore(ctx, from)
	if err != nil {
		return err
	}
	x.v.roots.tree = before.clone()
	if before.size == 0 && x.log.certificate == "" {
		return nil
	}
	line, err := json.Marshal(beginning{before.size, before.text(), x.log.certificate})
	if err != nil {
		return err
	}
	x.names = startNames(line)
	return x.line(line)
}

// treeBefore returns the tree of the records below from, or of those that were given up.
func (l *Log) treeBefore(ctx context.Context, from uint64) (tree, error) {
	l.mu.Lock()
	base := l.base.clone()
	l.mu.Unlock()
	return l.treeFrom(ctx, base, from)
}

// records writes those up to last.
func (x *exporter) records(ctx context.Context, from, last uint64) error {
	for rec, err := range x.log.log.Records(ctx, from) {
		if err != nil {
			return x.v.unreadable(err)
		}
		if rec.Seq > last {
			return nil
		}
		r, err := parseFrame(rec.Seq, rec.Data)
		if err == nil {
			err = x.v.add(r)
		}
		if err == nil {
			err = x.record(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) record(ctx context.Context, r *record) error {
	if err := x.line(r.line); err != nil {
		return err
	}
	told, err := x.pseudonyms(ctx, r)
	if err != nil || len(told) == 0 {
		return err
	}
	line, err := json.Marshal(names{Of: r.Seq, Names: told, Prev: hex.EncodeToString(x.names[:])})
	if err != nil {
		return err
	}
	x.names = sha256.Sum256(line)
	return x.line(line)
}

// pseudonyms returns what may be told of the persons in r.
func (x *exporter) pseudonyms(ctx context.Context, r *record) (map[string]string, error) {
	if x.log.opts.Pseudonym == nil {
		return nil, nil
	}
	told := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(r.held)) {
		h := r.held[key]
		v, err := h.plain()
		if err != nil || v.Kind() != slog.KindString || !x.log.keys.subject(key) || !validID(v.String()) {
			continue
		}
		p, err := x.log.opts.Pseudonym(ctx, v.String())
		switch {
		case errors.Is(err, fs.ErrNotExist): // erased: nobody can tell any more who it was
		case err != nil:
			return nil, fmt.Errorf("pseudonym: %w", err)
		case !validID(p):
			return nil, invalid("a pseudonym is 1 to 64 bytes of [a-zA-Z0-9._~-]")
		default:
			told[key] = p
		}
	}
	return told, nil
}

// validID reports whether s can be the id of an entity: one segment of a resource.
func validID(s string) bool {
	return s != "" && len(s) <= access.MaxID && !strings.Contains(s, "/") && access.ValidResource(s)
}

// end writes the last line.
func (x *exporter) end(c *Checkpoint) error {
	if err := x.v.end(); err != nil {
		return err
	}
	if x.v.sum.Last != c.Size || x.v.sum.Root != c.Root {
		return badRecord(x.v.next(), "it is not on the medium as it was logged")
	}
	c.setExport(x.v.sum.First, x.names)
	note, err := c.sign(x.log.key, x.log.public)
	if err != nil {
		return err
	}
	line, err := json.Marshal(ending{note})
	if err != nil {
		return err
	}
	return x.line(line)
}

func (x *exporter) line(line []byte) error {
	_, err := x.w.Write(append(slices.Clip(line), '\n'))
	return err
}
