package eventlog

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Checkpoint is what a signed checkpoint says: with Size records the log had this
// Head, and no record from First on was given up. On the wire it is a signed note (c2sp.org/signed-note):
//
//	gateway-7
//	256
//	<base64 of the head>
//	time 2026-11-25T12:00:00Z authenticated
//	first 1
//
//	— gateway-7 <base64 of key hash and signature>
type Checkpoint struct {
	Origin  string
	Size    uint64
	First   uint64 // 1 until the oldest were pruned or overwritten
	Head    [sha256.Size]byte
	Time    time.Time
	Quality durable.Quality

	export string // what an export adds: " <first record> <head of the names>"
}

// maxNote bounds a checkpoint: two names of 64 bytes, and what is fixed.
const maxNote = 1 << 10

const sigPrefix = "— "

func (c *Checkpoint) text() string {
	t := fmt.Sprintf("%s\n%d\n%s\ntime %s %s\nfirst %d\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Head[:]),
		c.Time.UTC().Format(time.RFC3339Nano), c.Quality, c.First)
	if c.export != "" {
		t += "export" + c.export + "\n"
	}
	return t
}

// sign returns the signed note. That the signer does sign with its key is shown at Open:
// see proveKey.
func (c *Checkpoint) sign(key crypto.Signer, public ed25519.PublicKey) (string, error) {
	text := c.text()
	sig, err := key.Sign(rand.Reader, []byte(text), crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("eventlog: sign checkpoint: %w", err)
	}
	sig = append(keyHash(c.Origin, public), sig...)
	return text + "\n" + sigPrefix + c.Origin + " " + base64.StdEncoding.EncodeToString(sig) + "\n", nil
}

// proveKey makes sure, once, that what the log will sign can be verified.
func proveKey(key crypto.Signer, public ed25519.PublicKey) error {
	c := &Checkpoint{Origin: "key", First: 1, Time: time.Unix(0, 0)}
	note, err := c.sign(key, public)
	if err != nil {
		return err
	}
	if _, err := parseCheckpoint([]byte(note), public); err != nil {
		return fmt.Errorf("the key gives no signatures of its own: %w", errors.ErrUnsupported)
	}
	return nil
}

// keyHash is the key hash of c2sp.org/signed-note for Ed25519.
func keyHash(name string, public ed25519.PublicKey) []byte {
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), public...))
	return sum[:4]
}

// ParseCheckpoint verifies a signed checkpoint with the log's public key. What is not
// exactly as this package writes it is [ErrTampered].
func ParseCheckpoint(note []byte, key ed25519.PublicKey) (*Checkpoint, error) {
	c, err := parseCheckpoint(note, key)
	if err != nil {
		return nil, fmt.Errorf("eventlog: checkpoint: %w: %w", err, ErrTampered)
	}
	return c, nil
}

var errNote = errors.New("malformed")

func parseCheckpoint(note []byte, key ed25519.PublicKey) (*Checkpoint, error) {
	if len(note) > maxNote || len(key) != ed25519.PublicKeySize {
		return nil, errNote
	}
	text, sig, ok := bytes.Cut(note, []byte("\n\n"+sigPrefix))
	if !ok {
		return nil, errNote
	}
	text = append(bytes.Clone(text), '\n')
	name, encoded, _ := strings.Cut(strings.TrimSuffix(string(sig), "\n"), " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 4+ed25519.SignatureSize {
		return nil, errNote
	}
	if !bytes.Equal(raw[:4], keyHash(name, key)) {
		return nil, errors.New("signed with another key")
	}
	if !ed25519.Verify(key, text, raw[4:]) {
		return nil, errors.New("the signature does not fit")
	}
	c, err := parseText(string(text))
	if err != nil {
		return nil, err
	}
	again := c.text() + "\n" + sigPrefix + c.Origin + " " + encoded + "\n"
	if name != c.Origin || again != string(note) {
		return nil, errNote
	}
	return c, nil
}

// parseText reads the text of a note; that it is canonical is seen by its caller.
func parseText(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 6 || len(lines) > 7 || !validOrigin(lines[0]) {
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
	copy(c.Head[:], sum)
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
	if len(lines) == 7 {
		c.export = strings.TrimPrefix(lines[5], "export")
	}
	return c, nil
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
	return &Checkpoint{Origin: l.opts.Origin, Size: l.next - 1, First: l.oldest, Head: l.head, Time: t.UTC(), Quality: quality}
}

// sign appends a checkpoint of what there is. Under l.mu.
func (l *Log) sign() error {
	c := l.checkpoint()
	note, err := c.sign(l.key, l.public)
	if err != nil {
		return err
	}
	e := l.encoder()
	e.attrs = e.attrs[:0]
	e.encode(slog.LevelInfo, EventCheckpoint, 0, note)
	err = l.append(e, c.Time, c.Quality, slog.LevelInfo, EventCheckpoint)
	l.encoders.Put(e)
	if err != nil {
		return err
	}
	l.signed, l.since = []byte(note), 0
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
	l.mu.Lock()
	var err error
	if l.signed == nil || l.since > 0 {
		err = l.sign()
	}
	note := bytes.Clone(l.signed)
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
	return note, nil
}
