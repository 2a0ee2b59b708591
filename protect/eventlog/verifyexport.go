package eventlog

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// VerifyExport checks what [Log.Export] wrote, with the log's public key alone: every
// byte of it is covered by the signature in its last line. An error that is
// [ErrTampered] names the record; another one is r's. Two exports join if the Before
// of the second is the Root of the first. It takes memory for one record only.
func VerifyExport(r io.Reader, key ed25519.PublicKey) (*Summary, error) {
	return verifyExport(r, &importer{v: verifier{key: key}, names: startNames(nil)})
}

// VerifyDeviceExport is VerifyExport by the key of the device, Ed25519 or ECDSA, which
// certified the log's (Options.Device): [Summary].Key. An export without a certificate is
// [ErrTampered].
func VerifyDeviceExport(r io.Reader, device crypto.PublicKey) (*Summary, error) {
	switch device.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
	default:
		return nil, fmt.Errorf("eventlog: verify export: %w", errDeviceKey(device))
	}
	return verifyExport(r, &importer{device: device, names: startNames(nil)})
}

func verifyExport(r io.Reader, x *importer) (*Summary, error) {
	lines := bufio.NewReaderSize(r, maxLine+1)
	for x.last == nil {
		line, err := lines.ReadSlice('\n')
		if err == nil {
			err = x.line(line[:len(line)-1])
		} else {
			err = x.broken(err)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, badRecord(x.v.next(), "something follows the last line")
	}
	if err := x.end(); err != nil {
		return nil, err
	}
	return &x.v.sum, nil
}

// importer reads one export.
type importer struct {
	v      verifier
	device crypto.PublicKey // that must have certified the log's key; nil: it is known
	origin string           // as certified
	names  hash
	named  uint64      // record of the last line of names
	begun  bool        // a line was read
	last   *Checkpoint // of the last line
	bad    error       // of the first line of names that does not fit
}

// broken classes an error of reading a line.
func (x *importer) broken(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return badRecord(x.v.next(), "the export ends before its last line")
	case errors.Is(err, bufio.ErrBufferFull):
		return badRecord(x.v.next(), fmt.Sprintf("a line of more than %d bytes", maxLine))
	}
	return fmt.Errorf("eventlog: verify export: %w", err)
}

func (x *importer) line(line []byte) error {
	first := !x.begun
	x.begun = true
	switch {
	case first && bytes.HasPrefix(line, []byte(`{"before":`)):
		return x.beginning(line)
	case first && x.device != nil:
		return badRecord(1, "the device's certificate is missing")
	case bytes.HasPrefix(line, []byte(`{"of":`)):
		return x.name(line)
	case bytes.HasPrefix(line, []byte(`{"checkpoint":`)):
		return x.ending(line)
	}
	r, err := parseLine(0, line)
	if err != nil {
		var bad *RecordError
		if errors.As(err, &bad) && bad.Seq == 0 {
			bad.Seq = x.v.next()
		}
		return err
	}
	if err := x.v.add(r); err != nil {
		return err
	}
	if !x.v.roots.known {
		return badRecord(x.v.roots.tree.size+1, "it is missing")
	}
	return nil
}

// beginning takes the first line. Its nodes are not signed: what they belong to is, since no
// others give the root that is.
func (x *importer) beginning(line []byte) error {
	var b beginning
	if err := strictjson.Decode(line, &b, limits()); err != nil {
		return badRecord(0, "beginning: "+err.Error())
	}
	before, ok := parseTree(b.Before, b.Nodes)
	again, err := json.Marshal(b)
	if err != nil || !bytes.Equal(again, line) || !ok || b.Before == 0 && b.Certificate == "" {
		return badRecord(b.Before, "beginning: malformed")
	}
	x.v.roots.tree, x.names = before, startNames(line)
	if b.Certificate == "" && x.device == nil {
		return nil
	}
	if err := x.certified(b.Certificate); err != nil {
		return badRecord(b.Before+1, "certificate: "+err.Error())
	}
	return nil
}

// certified takes the log's key from its certificate, or compares the two if it is known.
func (x *importer) certified(note string) error {
	c, err := parseCertificate(note)
	switch {
	case err != nil:
		return err
	case x.device == nil && !c.public.Equal(x.v.key):
		return errors.New("of another key")
	case x.device != nil:
		err = c.by(x.device)
	}
	x.v.key, x.origin = c.public, c.origin
	return err
}

// name takes a line of names, which follows its record.
func (x *importer) name(line []byte) error {
	var n names
	if err := strictjson.Decode(line, &n, limits()); err != nil {
		return badRecord(x.v.sum.Last, "names: "+err.Error())
	}
	again, err := json.Marshal(n)
	if err != nil || !bytes.Equal(again, line) || len(n.Names) == 0 {
		return badRecord(x.v.sum.Last, "names: malformed")
	}
	for _, p := range n.Names {
		if !validID(p) {
			return badRecord(x.v.sum.Last, "names: malformed")
		}
	}
	if n.Of != x.v.sum.Last || n.Of == x.named {
		return badRecord(x.v.sum.Last, "its names are not those of another record")
	}
	if n.Prev != hex.EncodeToString(x.names[:]) && x.bad == nil {
		x.bad = badRecord(x.named, "its names, or those of the next with names, are not those that were exported")
	}
	x.names, x.named = sha256.Sum256(line), n.Of
	return nil
}

// ending takes the last line.
func (x *importer) ending(line []byte) error {
	var e ending
	if err := strictjson.Decode(line, &e, limits()); err != nil {
		return badRecord(x.v.next(), "checkpoint: "+err.Error())
	}
	if again, err := json.Marshal(e); err != nil || !bytes.Equal(again, line) {
		return badRecord(x.v.next(), "checkpoint: malformed")
	}
	c, err := parseCheckpoint([]byte(e.Checkpoint), x.v.key)
	if err != nil {
		return badRecord(x.v.next(), "checkpoint: "+err.Error())
	}
	x.last, x.v.known = c, c
	return nil
}

// end compares what was read with what was signed.
func (x *importer) end() error {
	if x.v.sum.Last > x.last.Size {
		return badRecord(x.last.Size+1, "it was not there when the export was signed")
	}
	if err := x.v.end(); err != nil {
		return err
	}
	if x.v.sum.Key = x.v.key; x.origin != "" && x.origin != x.v.sum.Origin {
		return badRecord(x.v.sum.First, "the certificate is of another log")
	}
	if x.bad != nil {
		return x.bad
	}
	want := *x.last
	want.setExport(x.v.sum.First, x.names)
	if want.export != x.last.export {
		return badRecord(max(x.v.sum.First, x.named), "the export begins or its names end elsewhere than was signed")
	}
	return nil
}
