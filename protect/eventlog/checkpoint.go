package eventlog

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Checkpoint is what a signed checkpoint says: the tree of the log's first Size records has
// this Root (RFC 6962), and no record from First on was given up. On the wire it is a
// signed note (c2sp.org/signed-note) of a checkpoint (c2sp.org/tlog-checkpoint):
//
//	gateway-7
//	256
//	<base64 of the root>
//	time 2026-11-25T12:00:00Z authenticated
//	first 1
//
//	— gateway-7 <base64 of key hash and signature>
//
// If records were given up, "range" and the base64 of the nodes follow "first": the complete
// subtrees of those below First, by which the root is found without them.
type Checkpoint struct {
	Origin  string
	Size    uint64
	First   uint64 // 1 until the oldest were pruned or overwritten
	Root    [sha256.Size]byte
	Time    time.Time
	Quality durable.Quality

	base   tree   // up to the record before First
	export string // what an export adds: " <first record> <head of the names>"
}

// maxNote bounds a checkpoint: two names of 64 bytes, 64 nodes, and what is fixed.
const maxNote = 8 << 10

func (c *Checkpoint) text() string {
	t := fmt.Sprintf("%s\n%d\n%s\ntime %s %s\nfirst %d\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]),
		c.Time.UTC().Format(time.RFC3339Nano), c.Quality, c.First)
	if c.First > 1 {
		t += "range " + c.base.text() + "\n"
	}
	if c.export != "" {
		t += "export" + c.export + "\n"
	}
	return t
}

// signer signs notes, as [note.Signer].
type signer struct {
	noteKey
	key crypto.Signer
}

func (s signer) Sign(text []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, text, crypto.Hash(0))
}

// noteKey is the public key of the log called origin, as [note.Verifier].
type noteKey struct {
	origin string
	public ed25519.PublicKey
}

func (k noteKey) Name() string { return k.origin }

// KeyHash is that of c2sp.org/signed-note for Ed25519.
func (k noteKey) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(k.origin+"\n\x01"), k.public...))
	return binary.BigEndian.Uint32(sum[:])
}

func (k noteKey) Verify(text, sig []byte) bool { return ed25519.Verify(k.public, text, sig) }

// sign returns the signed note. That the signer does sign with its key is shown at Open:
// see proveKey.
func (c *Checkpoint) sign(key crypto.Signer, public ed25519.PublicKey) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer{noteKey{c.Origin, public}, key})
	if err != nil {
		return "", fmt.Errorf("eventlog: sign checkpoint: %w", err)
	}
	return string(signed), nil
}

// proveKey makes sure, once, that what the log will sign can be verified.
func proveKey(key crypto.Signer, public ed25519.PublicKey) error {
	c := &Checkpoint{Origin: "key", First: 1, Time: time.Unix(0, 0)}
	text, err := c.sign(key, public)
	if err != nil {
		return err
	}
	if _, err := parseCheckpoint([]byte(text), public); err != nil {
		return fmt.Errorf("the key gives no signatures of its own: %w", errors.ErrUnsupported)
	}
	return nil
}

// ParseCheckpoint verifies a signed checkpoint with the log's public key. What is not
// exactly as this package writes it is [ErrTampered].
func ParseCheckpoint(signed []byte, key ed25519.PublicKey) (*Checkpoint, error) {
	c, err := parseCheckpoint(signed, key)
	if err != nil {
		return nil, fmt.Errorf("eventlog: checkpoint: %w: %w", err, ErrTampered)
	}
	return c, nil
}

var errNote = errors.New("malformed")

func parseCheckpoint(raw []byte, key ed25519.PublicKey) (*Checkpoint, error) {
	if len(raw) > maxNote || len(key) != ed25519.PublicKeySize {
		return nil, errNote
	}
	text, _, _ := strings.Cut(string(raw), "\n\n")
	c, err := parseText(text + "\n")
	if err != nil {
		return nil, err
	}
	n, err := note.Open(raw, note.VerifierList(noteKey{c.Origin, key}))
	var unknown *note.UnverifiedNoteError
	var forged *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		return nil, errors.New("signed with another key")
	case errors.As(err, &forged):
		return nil, errors.New("the signature does not fit")
	case err != nil:
		return nil, errNote
	}
	sig := n.Sigs[0].Base64 // there is one at least
	_, err = base64.StdEncoding.Strict().DecodeString(sig)
	if err != nil || c.text()+"\n— "+c.Origin+" "+sig+"\n" != string(raw) { // note takes other ways to write it
		return nil, errNote
	}
	return c, nil
}

// parseText reads the text of a note; that it is canonical is seen by its caller.
func parseText(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 6 || len(lines) > 8 || !validOrigin(lines[0]) {
		return nil, errNote
	}
	c := &Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 64); err != nil {
		return nil, errNote
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(sum) != sha256.Size {
		return nil, errNote
	}
	copy(c.Root[:], sum)
	at, quality, _ := strings.Cut(strings.TrimPrefix(lines[3], "time "), " ")
	if c.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return nil, errNote
	}
	if c.Quality, err = parseQuality(quality); err != nil {
		return nil, err
	}
	if c.First, err = strconv.ParseUint(strings.TrimPrefix(lines[4], "first "), 10, 64); err != nil || c.First < 1 || c.First-1 > c.Size {
		return nil, errNote
	}
	return c, c.parseRest(lines[5 : len(lines)-1])
}

func (c *Checkpoint) parseRest(lines []string) error {
	if c.First > 1 {
		if len(lines) == 0 {
			return errNote
		}
		var ok bool
		if c.base, ok = parseTree(c.First-1, strings.TrimPrefix(lines[0], "range ")); !ok {
			return errNote
		}
		lines = lines[1:]
	}
	if len(lines) > 0 {
		c.export = strings.TrimPrefix(lines[0], "export")
	}
	if len(lines) > 1 {
		return errNote
	}
	return nil
}

func parseQuality(s string) (durable.Quality, error) {
	for q := durable.LowerBound; q <= durable.Authenticated; q++ {
		if q.String() == s {
			return q, nil
		}
	}
	return 0, errNote
}

// checkpoint says how the log is now. Under l.mu.
func (l *Log) checkpoint() *Checkpoint {
	t, quality := l.now(time.Now())
	if !inRange(t) {
		t = time.Unix(0, 0)
	}
	return &Checkpoint{Origin: l.opts.Origin, Size: l.next - 1, First: l.oldest(), base: l.base, Root: l.tree.root(), Time: t.UTC(), Quality: quality}
}

// sign appends a checkpoint of what there is. Under l.mu.
func (l *Log) sign() error {
	c := l.checkpoint()
	signed, err := c.sign(l.key, l.public)
	if err != nil {
		return err
	}
	e := l.encoder()
	e.attrs = e.attrs[:0]
	e.encode(slog.LevelInfo, EventCheckpoint, 0, signed)
	err = l.append(e, c.Time, c.Quality, slog.LevelInfo, EventCheckpoint)
	l.encoders.Put(e)
	if err != nil {
		return err
	}
	l.signed, l.since = []byte(signed), 0
	l.stats.Checkpoints++
	return nil
}

// Checkpoint signs what there is, makes it durable, puts it into the anchor, and
// returns it, to be kept where who changes the log cannot change it too. When nothing
// was logged since the last one, that is returned. Permission: [access.LogExport].
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if _, err := l.check(ctx, access.LogExport); err != nil {
		return nil, fmt.Errorf("eventlog: checkpoint: %w", err)
	}
	return l.signNow(ctx)
}

// signNow is Checkpoint for who may.
func (l *Log) signNow(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	var err error
	if l.signed == nil || l.since > 0 {
		err = l.sign()
	}
	newest := bytes.Clone(l.signed)
	l.mu.Unlock()
	if err == nil {
		err = l.flush()
	}
	if err == nil {
		err = l.keepAnchor(ctx)
	}
	if err != nil {
		return nil, err
	}
	return newest, nil
}
